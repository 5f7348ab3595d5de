"""Text for people: in a terminal, a log, a comment. Control and hidden characters are shown as
escapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from dataclasses import fields, is_dataclass, replace
from typing import Any

HIDDEN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0 and C1 controls
    "\xad\u180e\u200b\u2060-\u2065\ufeff"  # invisible
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # bidirectional
    "\u2028\u2029"  # line and paragraph separators
    "\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"  # format, tags
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"  # surrogates and noncharacters
    "]"
)
"""Characters that act on a terminal, reorder or hide text, and noncharacters.

The joiners U+200C and U+200D are left alone: Persian and emoji are written with them.
"""

_OWN = re.compile(r"(\n|\x1b\[[0-9]{1,2}m)")
"""Line ends, and the colours of ``truffle.render.style``."""

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def visible(text: str) -> str:
    """One line without hidden characters: a line feed is ``\\n``, an escape character ``\\x1b``."""
    return HIDDEN.sub(_escape, text)


def visible_lines(text: str) -> str:
    """Final output: of the hidden characters, only line ends and colours are kept."""
    parts = _OWN.split(text)
    return "".join(part if place % 2 else visible(part) for place, part in enumerate(parts))


def visible_values(value: Any) -> Any:
    """The same value with each string in it made visible, including JSON objects and
    dataclasses."""
    if isinstance(value, str):
        return visible(value) if HIDDEN.search(value) else value
    if isinstance(value, Mapping):
        return {visible_values(key): visible_values(item) for key, item in value.items()}
    if isinstance(value, list):
        return _visible_list(value)
    if isinstance(value, tuple):
        make = getattr(value, "_make", type(value))
        return make(map(visible_values, value))
    if is_dataclass(value) and not isinstance(value, type):
        given = ((field.name, getattr(value, field.name)) for field in fields(value) if field.init)
        shown = {name: visible_values(item) for name, item in given}
        return replace(value, **shown)
    return value


def _visible_list(value: list[Any]) -> list[Any]:
    """A list of the same class, with its attributes."""
    made = copy(value)
    made[:] = map(visible_values, value)
    for name, carried in getattr(value, "__dict__", {}).items():
        setattr(made, name, visible_values(carried))
    return made


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return _SHORT.get(character) or code_escape(character)


def code_escape(character: str) -> str:
    """``\\x1b``, ``\\u202e`` or ``\\U000e0001``, as in YAML and HCL (which lacks ``\\x``)."""
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
