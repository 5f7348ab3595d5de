"""Text from outside as data in each output: one module for each format, and no other place.

Names of placement groups, tags, error messages and types come from AWS, other accounts and files.
Whatever they contain, a shell, a YAML reader or a terminal must see one string.
"""
