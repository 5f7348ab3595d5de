"""Text from tags, names and error messages, made safe to show: one line, truncated between
characters.

Lengths are UTF-16 code units, which are never less than what a destination counts.
"""

from __future__ import annotations

import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

JOINER = "\u200d"
WORD_JOINER = "\u2060"
"""An invisible character that breaks text which a client would turn into a link or a mention."""

_BREAKS = frozenset({"Cc", "Zl", "Zp"})
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAGS = range(0x1F1E6, 0x1F200)


def plain(text: str) -> str:
    """The text on one line, without control characters and without characters that reorder or
    hide others (bidirectional overrides, invisible formatting)."""
    shown = text if text.isprintable() else "".join(map(_shown, text))
    return " ".join(shown.split())


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category in _BREAKS:
        return " "
    if category == "Cs":
        return "\ufffd"
    return "" if category == "Cf" and character != JOINER else character


def to_json(value: Any, *, compact: bool = True) -> str:
    """JSON that escapes only the characters that SQS and SNS reject: in UTF-8 a character is
    shorter than its escape (Amazon SQS API Reference, SendMessage, MessageBody)."""
    separators = (",", ":") if compact else (", ", ": ")
    text = json.dumps(value, separators=separators, ensure_ascii=False)
    return _REFUSED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_REFUSED = re.compile("[\ud800-\udfff\ufffe\uffff]")


def length(text: str) -> int:
    """The length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fit(text: str, most: int, escape: Callable[[str], str] = str) -> str:
    """The plain text, escaped, in at most ``most`` UTF-16 code units; if truncated, between
    grapheme clusters and ending in ``…``. An empty text becomes ``–``."""
    whole = plain(text) or "–"
    escaped = escape(whole)
    if length(escaped) <= most:
        return escaped
    ends = _ends(whole[:most])
    fitting = bisect_right(ends, most, key=lambda end: length(escape(whole[:end] + "…")))
    kept = ends[fitting - 1] if fitting else 0
    return escape(whole[:kept].rstrip() + "…")


def defused(text: str) -> str:
    """The text with automatic links and mentions broken invisibly."""
    return _LIVE.sub(lambda found: found[0] + WORD_JOINER, text)


_LIVE = re.compile(r"@|:(?=//)|\](?=[(\[])|www(?=\.)|\{(?=\{)", re.IGNORECASE)


def _ends(text: str) -> list[int]:
    """The positions at which the text can be cut: not within an accented letter, an emoji or a
    flag."""
    ends = []
    flags = 0
    for place in range(1, len(text)):
        before, after = text[place - 1], text[place]
        flags = flags + 1 if ord(before) in _FLAGS else 0
        is_half_flag = flags % 2 == 1 and ord(after) in _FLAGS
        if not (before == JOINER or _joins_previous(after) or is_half_flag):
            ends.append(place)
    return ends


def _joins_previous(character: str) -> bool:
    return (
        character == JOINER
        or unicodedata.category(character) in ("Mn", "Me")
        or ord(character) in _SKIN_TONES
    )
