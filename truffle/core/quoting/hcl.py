"""Strings and names of HCL, Terraform's language (HCL Native Syntax Specification, Templates)."""

from __future__ import annotations

import re
from hashlib import sha256

from truffle.core.quoting.terminal import HIDDEN

_SPECIAL = re.compile(f'[\\\\"]|[$%](?={{)|{HIDDEN.pattern}')
_SHORT = {"\\": "\\\\", '"': '\\"', "$": "$$", "%": "%%", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def string(text: str) -> str:
    """The text as a quoted string without interpolation."""
    return f'"{_SPECIAL.sub(_escape, text)}"'


def name(text: str) -> str:
    """A name for a block: ``cr_0abc`` for ``cr-0abc``; a digest distinguishes other texts."""
    plain = text.replace("-", "_")
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", plain):
        return plain
    digest = sha256(text.encode(errors="replace")).hexdigest()[:8]
    return f"r_{re.sub(r'[^A-Za-z0-9]', '_', plain)}_{digest}"


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    short = _SHORT.get(found[0])
    return short or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
