"""Errors of the sandbox."""


class SandboxError(Exception):
    """The text has the cause and the remedy."""
