"""How the general weights of the classifier come to be: from a folder of labelled requests and the bank in here.

Nothing here runs in a proxy; `python -m training DATA` builds the weights and judges them with whole data sets left
out of the fitting.
"""
