"""The interface to EC2: its field names, its error codes, and the listing of a scope."""
