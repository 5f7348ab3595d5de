"""JSON that is safe to show: characters that are hidden or act on a terminal are escaped."""

from __future__ import annotations

import re

from truffle.core.quoting.terminal import HIDDEN

_HIDDEN = re.compile(f"(?!\n){HIDDEN.pattern}")


def escape_hidden(document: str) -> str:
    """Escape hidden characters; they occur only in strings, where an escape means the same."""
    return _HIDDEN.sub(_escape, document)


def _escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
