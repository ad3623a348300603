"""What operator and proxies say to each other: route tables, state, observations.

Both sides import these modules and nothing else of one another. The formats are frozen, refuse unknown fields and carry
a version: every added field is a new version, and readers accept N and N-1.
"""
