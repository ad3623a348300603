"""What would become of a request, before it is sent: its class and why, who would get it, and what that costs.

Nothing is called and nothing is sent; the decision is made by the proxy's own code from the YAML of a folder. It knows
neither traffic nor keys, so nobody is passed over here for being slow, broken or without a key.
"""
