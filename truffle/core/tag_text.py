"""Tags and names in the API's parameters, with commas and colons escaped; the tag of teams."""

from __future__ import annotations

import re

TEAM_TAG = "Team"
"""The tag that names a reservation's team, unless another one is chosen."""


def parse_tag(text: str) -> tuple[str, str]:
    """``key:value``. The keys of AWS's own tags have two colons (``aws:service:name``); any other
    colon in a key is written ``\\:``, a backslash ``\\\\``, and a comma ``\\,``."""
    word = r"(?:[^:\\]|\\.)+"
    match = re.fullmatch(rf"(aws:{word}:{word}|{word}):((?:[^\\]|\\.)*)", text, re.DOTALL)
    if not match:
        raise ValueError(text)
    return unescaped(match[1]), unescaped(match[2])


def unescaped(text: str) -> str:
    return re.sub(r"\\([\\:,])", r"\1", text)


def name_text(name: str) -> str:
    """A name as a value of the parameter ``name``."""
    return re.sub(r"([\\,])", r"\\\1", name)


def tag_text(key: str, value: str) -> str:
    """A tag as a value of the parameter ``tag``."""
    return ":".join(re.sub(r"([\\:,])", r"\\\1", part) for part in (key, value))
