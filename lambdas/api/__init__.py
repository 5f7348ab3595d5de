"""The responses of the query API's routes, and their description."""
