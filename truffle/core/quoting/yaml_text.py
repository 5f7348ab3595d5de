"""YAML strings that stay strings for parsers of YAML 1.1 and 1.2 alike."""

from __future__ import annotations

import re

from truffle.core.quoting.terminal import HIDDEN, code_escape

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""Texts that either version reads as null or a boolean (YAML 1.1 types; 1.2.2, 10.3)."""

_SPECIAL = re.compile(f'[\\\\"]|{HIDDEN.pattern}')
_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def is_plain(text: str) -> bool:
    """Whether the text needs no quotes. Numbers and dates never begin with a letter."""
    return _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS


def scalar(text: str) -> str:
    """The text as a key or value in block or flow style: plain, or in double quotes."""
    return text if is_plain(text) else f'"{_SPECIAL.sub(_escape, text)}"'


def escape_hidden(document: str) -> str:
    """A document whose strings with hidden characters are all in double quotes, with escapes."""
    return re.sub(f"(?!\n){HIDDEN.pattern}", lambda found: code_escape(found[0]), document)


def _escape(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or code_escape(found[0])
