"""The JSON of many reservations as text, several times faster than through objects.

``json_object`` gives what ``json.dumps(encode(reservation))`` gives, character by character.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from functools import cache, lru_cache
from itertools import islice
from json.encoder import encode_basestring, encode_basestring_ascii
from operator import attrgetter
from types import NoneType
from typing import Any

from truffle.core.codec import plain_fields
from truffle.core.model import Accelerator, Reservation
from truffle.core.times import format_time

PIECE = 1000
"""Reservations in one piece of a long text."""

_Write = Callable[[Any], str]


def json_object(reservation: Reservation, ascii_only: bool = False) -> str:
    """A reservation as a JSON object on one line."""
    template, values_of = _layout(reservation.__class__, ", ", "{%s}")
    return template % _written(values_of(reservation), _writers(ascii_only))


def json_array(reservations: Iterable[Reservation], ascii_only: bool = False) -> Iterator[str]:
    """A JSON array, indented by two, a field on a line, in pieces of bounded size."""
    writers = _writers(ascii_only)
    rest = iter(reservations)
    opening = "[\n"
    while piece := list(islice(rest, PIECE)):
        yield opening + ",\n".join(_indented(row, writers) for row in piece)
        opening = ",\n"
    yield "[]\n" if opening == "[\n" else "\n]\n"


def _indented(reservation: Reservation, writers: Mapping[type, _Write]) -> str:
    template, values_of = _layout(reservation.__class__, ",\n    ", "  {\n    %s\n  }")
    return template % _written(values_of(reservation), writers)


@cache
def _layout(cls: type, separator: str, frame: str) -> tuple[str, Callable[[Any], tuple[Any, ...]]]:
    """A type's object with a place for each value, and what gets the values."""
    names = [field.name for field in fields(cls)]
    return frame % separator.join(f'"{name}": %s' for name in names), attrgetter(*names)


def _written(values: tuple[Any, ...], writers: Mapping[type, _Write]) -> tuple[str, ...]:
    return tuple([writers[value.__class__](value) for value in values])


class _Writers(dict[type, _Write]):
    """What writes a value, by its type; json writes those that are rare."""

    def __init__(self, ascii_only: bool) -> None:
        quote = encode_basestring_ascii if ascii_only else encode_basestring

        encoder = json.JSONEncoder(ensure_ascii=ascii_only)

        def write_rare(value: Any) -> str:
            return encoder.encode(plain_fields(value))

        self._write_rare = write_rare
        super().__init__(
            {
                str: quote,
                int: int.__repr__,
                float: encoder.encode,
                bool: lambda value: "true" if value else "false",
                NoneType: lambda value: "null",
                datetime: lambda value: f'"{format_time(value)}"',
                tuple: lambda value: f"[{', '.join(map(quote, value))}]",
                dict: encoder.encode,
                Accelerator: lru_cache(4096)(write_rare),
            }
        )

    def __missing__(self, cls: type) -> _Write:
        return self._write_rare


@cache
def _writers(ascii_only: bool) -> _Writers:
    return _Writers(ascii_only)
