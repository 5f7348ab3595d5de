"""The concurrency of functions that wait for a service."""

PARALLEL_REQUESTS = 16
"""Requests that a function sends to a service concurrently, and so the connections of a client."""
