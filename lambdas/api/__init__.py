"""What the routes of the query API answer, and their description."""
