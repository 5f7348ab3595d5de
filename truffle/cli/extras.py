"""Packages that only some commands need, and that ``pip install truffle`` leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from truffle.errors import TruffleError


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Raises TruffleError with what to install where a package of this extra is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("truffle"):
            raise
        raise TruffleError(
            f"This needs the package {error.name}: pip install 'truffle[{name}]'."
        ) from error
