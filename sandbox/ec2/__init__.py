"""EC2's capacity calls over EC2's own wire protocol, served from a fleet file.

The fleet and its changes over time are data and pure functions (``fleet``, ``lifecycle``,
``listings``, ``offerings``); ``simulator`` has the mutable state, ``server`` serves HTTP, and
``control`` is the client of the control API. Nothing here calls AWS.
"""
