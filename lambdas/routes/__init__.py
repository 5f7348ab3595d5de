"""The routes of the query API, which register themselves with one application."""
