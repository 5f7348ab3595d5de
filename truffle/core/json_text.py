"""The JSON of many reservations as text: faster than through objects, and never all in memory.

An object equals the result of ``json.dumps(encode(reservation))``, character by character.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import cache, lru_cache
from itertools import islice
from json import JSONEncoder
from json.encoder import encode_basestring, encode_basestring_ascii
from math import isfinite
from operator import attrgetter
from types import NoneType
from typing import Any

from truffle.core.codec import FIELD_NAMES, plain_fields
from truffle.core.model import Accelerator, Reservation, ReservationType
from truffle.core.times import format_time

PIECE = 1000
"""Reservations in one piece of a long text."""

Write = Callable[[Any], str]


def json_object(reservation: Reservation, ascii_only: bool = False) -> str:
    """A reservation as a JSON object on one line."""
    return _object(reservation, _writers(ascii_only), ", ", "{%s}")


def json_array(reservations: Iterable[Reservation], ascii_only: bool = False) -> Iterator[str]:
    """A JSON array with one field per line and an indentation of two, in pieces of bounded size."""
    writers = _writers(ascii_only)
    rest = iter(reservations)
    opening = "[\n"
    while piece := list(islice(rest, PIECE)):
        objects = [_object(row, writers, ",\n    ", "  {\n    %s\n  }") for row in piece]
        yield opening + ",\n".join(objects)
        opening = ",\n"
    yield "[]\n" if opening == "[\n" else "\n]\n"


def json_around(reservation: Reservation, name: str) -> tuple[str, str]:
    """A reservation as compact ASCII JSON, before and after the value of one field.

    The text can be cached while only that field changes.
    """
    cls: type = reservation.__class__
    template, values_of = _layout(cls, ",", "{%s}", ":")
    writers = _writers(True, ",", ":")
    texts = [writers[value.__class__](value) for value in values_of(reservation)]
    texts[FIELD_NAMES[cls.__name__].index(name)] = _GAP
    before, _, after = (template % tuple(texts)).partition(_GAP)
    return before, after


def json_observed(text: bytes, observed_at: datetime | None) -> bytes:
    """A reservation's ``json_object`` with another ``observed_at``.

    No object follows that field, and quotes within texts are escaped, so the last occurrence of its
    name is the field.
    """
    before, name, rest = text.rpartition(_OBSERVED_AT)
    return b"%b%b%b%b" % (before, name, _moment_text(observed_at), rest[rest.index(b",") :])


_OBSERVED_AT = b'"observed_at": '


@lru_cache
def _moment_text(moment: datetime | None) -> bytes:
    return b"null" if moment is None else f'"{format_time(moment)}"'.encode()


_GAP = "\0"
"""No JSON text contains it: control characters are escaped."""


def _object(reservation: Any, writers: _Writers, separator: str, frame: str) -> str:
    template, values_of = _layout(reservation.__class__, separator, frame)
    return template % tuple([writers[value.__class__](value) for value in values_of(reservation)])


@cache
def _layout(
    cls: type, separator: str, frame: str, colon: str = ": "
) -> tuple[str, Callable[[Any], tuple[Any, ...]]]:
    """A type's object with a place for each value, and a getter of the values."""
    names = FIELD_NAMES[cls.__name__]
    return frame % separator.join(f'"{name}"{colon}%s' for name in names), attrgetter(*names)


class _Writers(dict[type, Write]):
    """The writer of a value, by its type. Starting a json encoder takes longer than writing."""

    def __init__(self, ascii_only: bool, comma: str, colon: str) -> None:
        quote = encode_basestring_ascii if ascii_only else encode_basestring
        encoder = JSONEncoder(ensure_ascii=ascii_only, separators=(comma, colon))
        self._write_fields: Write = lambda value: encoder.encode(plain_fields(value))

        def write_items(values: tuple[Any, ...]) -> str:
            is_text = not values or values[0].__class__ is str
            write = quote if is_text else self._write_fields
            return f"[{comma.join([write(value) for value in values])}]"

        def write_tags(tags: dict[str, str]) -> str:
            written = [quote(key) + colon + quote(value) for key, value in tags.items()]
            return f"{{{comma.join(written)}}}"

        super().__init__(
            {
                str: quote,
                ReservationType: quote,
                int: int.__repr__,
                bool: lambda value: "true" if value else "false",
                NoneType: lambda value: "null",
                datetime: lambda value: f'"{format_time(value)}"',
                float: lambda value: repr(value) if isfinite(value) else encoder.encode(value),
                tuple: write_items,
                dict: write_tags,
                Accelerator: lru_cache(4096)(self._write_fields),
            }
        )

    def __missing__(self, cls: type) -> Write:
        """Add the writer of another class of the model; there are few of them."""
        return self._write_fields


@cache
def _writers(ascii_only: bool, comma: str = ", ", colon: str = ": ") -> _Writers:
    return _Writers(ascii_only, comma, colon)
