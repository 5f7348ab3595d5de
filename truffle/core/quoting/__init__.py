"""Quoting text from outside as data, with one module for each output format.

Names of placement groups, tags, error messages and types come from AWS, other accounts and files.
Whatever they contain, a shell, a YAML parser or a terminal must see one string.
"""
