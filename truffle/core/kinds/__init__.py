"""The kinds of capacity: a file for each, ``registry.py`` with all of them, and shared parts.

A kind's file has its rows, the mapping of AWS's response to a row, and its ``Kind``: how it is
listed, compared, described and shown. Other code does not branch on a kind, but reads ``row.kind``.
"""
