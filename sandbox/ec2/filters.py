"""EC2's filters: OR within a filter's values, AND between filters, ``*`` and ``?``.

Only the names that the service model documents are allowed; any other is an error, as on AWS (EC2
User Guide, Using_Filtering).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sandbox.ec2.dates import format_date
from sandbox.ec2.errors import EC2Error

Fields = Mapping[str, Any]
"""An item described by EC2, with the names of botocore's model."""

Texts = Callable[[Fields], Iterable[str]]
"""The values of an item that a filter compares."""

MAX_VALUES = 200
"""The maximum number of values in one request (EC2 User Guide, Using_Filtering)."""


def at(path: str) -> Texts:
    """The values at a dotted path; a list in the path means each of its items."""
    names = path.split(".")

    def texts(fields: Fields) -> Iterable[str]:
        found: list[Any] = [fields]
        for name in names:
            found = [item for holder in found for item in _items(holder.get(name))]
        return map(_text, found)

    return texts


def _items(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_date(value) if isinstance(value, datetime) else str(value)


def tags(fields: Fields) -> Iterable[str]:
    """The values for the filter ``tags``: a tag's key, its value, or both as ``key=value``."""
    for tag in fields.get("Tags") or ():
        yield from (tag["Key"], tag["Value"], f"{tag['Key']}={tag['Value']}")


def matcher(filters: Sequence[Fields], allowed: Mapping[str, Texts]) -> Callable[[Fields], bool]:
    """A test whether an item passes all filters. Raises EC2Error."""
    if sum(len(item.get("Values") or ()) for item in filters) > MAX_VALUES:
        message = f"The maximum number of filter values specified on a single call is {MAX_VALUES}"
        raise EC2Error("FilterLimitExceeded", message)
    checks = [_check(item, allowed) for item in filters]
    return lambda fields: all(check(fields) for check in checks)


def _check(item: Fields, allowed: Mapping[str, Texts]) -> Callable[[Fields], bool]:
    name, values = item.get("Name", ""), item.get("Values")
    if name not in allowed:
        raise EC2Error("InvalidParameterValue", f"The filter '{name}' is invalid")
    if not values:
        raise EC2Error("InvalidParameterValue", f"The filter '{name}' has no values")
    texts, pattern = allowed[name], _pattern(tuple(values))
    return lambda fields: any(pattern.fullmatch(text) for text in texts(fields))


@lru_cache(maxsize=256)
def _pattern(values: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(_expression, values)), re.DOTALL)


def _expression(value: str) -> str:
    """A regular expression: ``*`` is any text, ``?`` one character, and a backslash escapes
    them."""
    parts = re.findall(r"\\.|.", value, re.DOTALL)
    meaning = {"*": ".*", "?": "."}
    return "".join(
        meaning.get(part) or re.escape(part[-1] if len(part) > 1 else part) for part in parts
    )
