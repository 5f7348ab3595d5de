"""Everything that speaks EC2: its field names, its error codes, and how a scope is listed."""
