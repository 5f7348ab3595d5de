"""The kinds of capacity: a file for each, ``registry.py`` with all of them, and what they share.

A kind's file has its rows, how AWS's response becomes one, and its ``Kind``: how it is asked for,
compared, described and shown. No other code branches on a kind; it reads ``row.kind``.
"""
