"""What the sandbox says when it cannot do what it was asked to."""


class SandboxError(Exception):
    """The text says why, and what helps."""
