"""Check values against the type hints of the model's dataclasses."""

from __future__ import annotations

import reprlib
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

_WORDS: Mapping[Any, tuple[frozenset[type], str]] = {
    str: (frozenset({str}), "a string"),
    bool: (frozenset({bool}), "true or false"),
    int: (frozenset({int}), "a whole number"),
    float: (frozenset({float, int}), "a number"),
    datetime: (frozenset({datetime}), "an RFC 3339 time"),
    tuple: (frozenset({tuple}), "a list of strings"),
    Mapping: (frozenset({dict}), "an object of strings"),
}


def check_types(cls: type, arguments: Mapping[str, Any]) -> None:
    """Raises ValueError for the first argument of another type, or one that is missing."""
    for field in fields(cls):
        if field.name in arguments:
            value = arguments[field.name]
            if type(value) not in _allowed(cls)[field.name][0]:
                raise refusal(cls, field.name, value)
        elif field.init and field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{field.name} is missing")


def refusal(cls: type, name: str, value: object) -> ValueError:
    """``total_capacity must be a whole number or null, not '8'``."""
    return ValueError(f"{name} must be {_allowed(cls)[name][1]}, not {reprlib.repr(value)}")


@cache
def _allowed(cls: type) -> Mapping[str, tuple[frozenset[type], str]]:
    """The types of each field, and their names for people."""
    hints = get_type_hints(cls)
    return {field.name: _types_of(hints[field.name]) for field in fields(cls)}


def _types_of(hint: Any) -> tuple[frozenset[type], str]:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        (member,) = (each for each in get_args(hint) if each is not type(None))
        allowed, words = _types_of(member)
        return allowed | {type(None)}, f"{words} or null"
    if origin is tuple and get_args(hint)[0] is not str:
        return frozenset({tuple}), "a list of objects"
    if (known := _WORDS.get(origin or hint)) is not None:
        return known
    return frozenset({hint}), "an object"
