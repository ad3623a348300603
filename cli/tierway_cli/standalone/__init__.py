"""The whole of Tierway on a folder of YAML, without a cluster and without root.

The operator's loop runs in the command's own process, over the folder store; each proxy is a process of its own.
"""
