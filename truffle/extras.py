"""Optional packages, which ``pip install truffle`` does not install."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from truffle.errors import TruffleError


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Raises TruffleError with the package to install if one of this extra is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("truffle"):
            raise
        raise TruffleError(
            f"This needs the package {error.name}: pip install 'truffle[{name}]'."
        ) from error
