"""Parameters of the AWS command line (its User Guide: shorthand syntax, cli-usage-shorthand)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from truffle.core.quoting import shell

_PLAIN = re.compile(r"[A-Za-z0-9_.:/-]+")

Fields = Mapping[str, Any]
"""Strings, and structures of strings."""


def structure(fields: Fields) -> str:
    """A structure as one shell word: in shorthand if no value can be misread, else JSON."""
    if all(_PLAIN.fullmatch(value) for value in _values(fields)):
        return shell.word(",".join(map(_shorthand, fields, fields.values())))
    return json_value(fields)


def json_value(fields: Fields | Sequence[Fields]) -> str:
    """A structure, or a list of them, as one shell word of JSON."""
    return shell.word(json.dumps(fields))


def option(name: str, value: str) -> str:
    """``--name value``; joined by ``=`` if the value could be taken for an option."""
    return f"--{name}{'=' if value.startswith('-') else ' '}{shell.word(value)}"


def _shorthand(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{name}={{{','.join(map(_shorthand, value, value.values()))}}}"
    return f"{name}={value}"


def _values(fields: Fields) -> Iterator[str]:
    for value in fields.values():
        if isinstance(value, Mapping):
            yield from _values(value)
        else:
            yield value
