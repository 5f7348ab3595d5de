"""EC2's capacity calls over EC2's own wire protocol, served from a fleet file.

The fleet and how time changes it are data and pure functions (``fleet``, ``lifecycle``,
``listings``, ``offerings``); ``simulator`` holds what can change, ``server`` speaks HTTP, and
``control`` is the client for whoever drives it. Nothing here talks to AWS.
"""
