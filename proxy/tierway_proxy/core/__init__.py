"""The routing decision and the life of a request, as functions of values.

No sockets, clocks, event loops, logs or randomness in here: they are arguments, and `shell` supplies them.
"""
