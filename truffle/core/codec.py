"""The JSON form of reservations, shared by S3, the API, the command line and Python.

``decode(encode(x)) == x`` for every reservation. Absent values are null, never missing keys.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from functools import cache, lru_cache
from operator import attrgetter
from sys import intern
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from truffle.core.field_types import check_types, refusal
from truffle.core.kinds.registry import CLASSES
from truffle.core.model import (
    Accelerator,
    Adjustment,
    BillingRequest,
    Commitment,
    Health,
    InterruptibleAllocation,
    Reservation,
    ReservationType,
)
from truffle.core.times import format_time, parse_time

Json = dict[str, Any]

FIELD_NAMES: dict[str, tuple[str, ...]] = {
    cls.__name__: tuple(field.name for field in fields(cls)) for cls in CLASSES.values()
}
"""The field names of each type's JSON object, in order."""


def encode(reservation: Reservation) -> Json:
    """A reservation as the JSON object of every interface."""
    return plain_fields(reservation)


def decode(data: Mapping[str, Any]) -> Reservation:
    """The reservation of a JSON object; keys of a newer version are ignored.

    Raises ValueError for an object that is not a reservation; it names the field, its value and
    what is allowed.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"a reservation must be an object, not {reprlib.repr(data)}")
    kind = data.get("type")
    cls = CLASSES.get(kind) if isinstance(kind, str) else None
    if cls is None:
        *others, last = CLASSES
        known = f"{', '.join(others)} or {last}"
        raise ValueError(f"type must be {known}, not {reprlib.repr(kind)}")
    return cls(**_arguments(cls, data))


def plain_fields(value: Any) -> Json:
    """Any dataclass of the model as a JSON object."""
    names, values_of = _written(value.__class__)
    return {
        name: plain if (convert := _PLAIN.get(plain.__class__)) is None else convert(plain)
        for name, plain in zip(names, values_of(value), strict=True)
    }


@cache
def _written(cls: type) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The names of a class's fields, and a getter of all their values."""
    names = tuple(field.name for field in fields(cls))
    return names, attrgetter(*names)


def _plain_items(values: tuple[Any, ...]) -> list[Any]:
    if not values or values[0].__class__ is str:
        return list(values)
    return [plain_fields(value) for value in values]


_PLAIN: dict[type, Callable[[Any], Any]] = {
    datetime: format_time,
    tuple: _plain_items,
    ReservationType: str,
    dict: dict,
    Accelerator: plain_fields,
    Health: plain_fields,
    Commitment: plain_fields,
    Adjustment: plain_fields,
    InterruptibleAllocation: plain_fields,
    BillingRequest: plain_fields,
}


def _arguments(cls: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """The values of an object's fields, checked against the model's types.

    Raises ValueError.
    """
    names, readers, valid = _readers(cls)
    arguments = {name: data[name] for name in names if name in data}
    for name, read in readers:
        value = arguments.get(name)
        if value is not None:
            try:
                arguments[name] = read(value)
            except (TypeError, AttributeError):
                raise refusal(cls, name, value) from None
            except ValueError as error:
                if read.__class__ is _Nested:
                    raise ValueError(f"{name}.{error}") from None
                raise refusal(cls, name, value) from None
    # Few combinations of types occur, so those that were valid together are remembered.
    found: tuple[object, ...] = tuple(map(type, arguments.values()))
    if len(found) < len(names):
        found = (*found, *arguments)
    if found not in valid:
        check_types(cls, arguments)
        valid.add(found)
    return arguments


_moment = lru_cache(4096)(parse_time)
"""Parses times once: thousands of reservations share a date, such as the time of observation."""


def _texts(value: Any) -> tuple[str, ...]:
    if value.__class__ is not list and value.__class__ is not tuple:
        raise TypeError
    for text in value:
        if text.__class__ is not str:
            raise TypeError
    return tuple(value)


def _tags(value: Any) -> Any:
    for text in value.values():
        if text.__class__ is not str:
            raise TypeError
    return value


@dataclass(frozen=True, slots=True)
class _Nested:
    """Reads an object of one of the model's own classes, or a list of them."""

    cls: type
    is_list: bool

    def __call__(self, value: Any) -> Any:
        if not self.is_list:
            return self._one(value)
        if value.__class__ is not list and value.__class__ is not tuple:
            raise TypeError
        return tuple(map(self._one, value))

    def _one(self, value: Any) -> Any:
        if value.__class__ is not dict:
            raise TypeError
        return self.cls(**_arguments(self.cls, value))


_INTERNED = frozenset(
    {
        "account_id",
        "owner_id",
        "region",
        "availability_zone",
        "availability_zone_id",
        "instance_type",
        "platform",
        "tenancy",
        "state",
    }
)
"""Fields whose texts thousands of reservations share: one copy of each text is kept."""


def _reader_of(name: str, hint: Any) -> Callable[[Any], Any] | None:
    """The reader of a field whose JSON differs from its value; None if it does not."""
    if name in _INTERNED:
        return intern
    if isinstance(hint, UnionType):
        (hint,) = [each for each in get_args(hint) if each is not NoneType]
    if get_origin(hint) is Mapping:
        return _tags
    is_list = get_origin(hint) is tuple
    item = get_args(hint)[0] if is_list else hint
    if is_dataclass(item) and isinstance(item, type):
        return _Nested(item, is_list)
    if is_list:
        return _texts
    return _moment if hint is datetime else None


_Readers = tuple[
    tuple[str, ...], tuple[tuple[str, Callable[[Any], Any]], ...], set[tuple[object, ...]]
]


@cache
def _readers(cls: type) -> _Readers:
    """The fields of a class, the readers of those whose JSON differs, and the combinations of types
    that were found valid."""
    names = tuple(field.name for field in fields(cls) if field.init)
    hints = get_type_hints(cls)
    readers = ((name, _reader_of(name, hints[name])) for name in names)
    return names, tuple((name, read) for name, read in readers if read is not None), set()
