"""Errors of the sandbox."""


class SandboxError(Exception):
    """The text says why, and what helps."""
