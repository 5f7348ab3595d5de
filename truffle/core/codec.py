"""The one JSON form of reservations: S3, the API, the command line and Python all use it.

``decode(encode(x)) == x`` for every reservation. Absent values are null, never missing keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from functools import cache, lru_cache
from operator import attrgetter
from sys import intern
from typing import Any

from truffle.core.model import (
    CAPACITY_BLOCK,
    ODCR,
    Accelerator,
    CapacityBlock,
    Commitment,
    Health,
    Odcr,
    Reservation,
)
from truffle.core.times import format_time, parse_time

Json = dict[str, Any]

FIELD_NAMES: dict[str, tuple[str, ...]] = {
    cls.__name__: tuple(field.name for field in fields(cls)) for cls in (Odcr, CapacityBlock)
}
"""The names of each type's JSON object, in their order."""


_CLASSES: dict[str, type[Reservation]] = {ODCR: Odcr, CAPACITY_BLOCK: CapacityBlock}


def encode(reservation: Reservation) -> Json:
    """A reservation as the JSON object of every interface."""
    return plain_fields(reservation)


def decode(data: Mapping[str, Any]) -> Reservation:
    """The reservation of a JSON object; keys of a newer version are passed over.

    Raises ValueError or KeyError for an object that is no reservation.
    """
    cls = _CLASSES[data["type"]]
    try:
        return cls(**_arguments(cls, data))
    except (TypeError, AttributeError) as error:
        raise ValueError(f"This is no reservation: {error}") from error


def plain_fields(value: Any) -> Json:
    """Any of the model's dataclasses as a JSON object."""
    names, values_of = _written(value.__class__)
    return {
        name: plain if (convert := _PLAIN.get(plain.__class__)) is None else convert(plain)
        for name, plain in zip(names, values_of(value), strict=True)
    }


@cache
def _written(cls: type) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The names of a class's fields, and what gets their values all at once."""
    names = tuple(field.name for field in fields(cls))
    return names, attrgetter(*names)


_PLAIN: dict[type, Callable[[Any], Any]] = {
    datetime: format_time,
    tuple: list,
    dict: dict,
    Accelerator: plain_fields,
    Health: plain_fields,
    Commitment: plain_fields,
}


def _arguments(cls: type, data: Mapping[str, Any]) -> dict[str, Any]:
    names, readers = _readers(cls)
    arguments = {name: value for name, value in data.items() if name in names}
    for name, read in readers:
        value = arguments.get(name)
        if value is not None:
            arguments[name] = read(value)
    return arguments


_moment = lru_cache(4096)(parse_time)
"""Thousands of reservations share a date: when a scope was observed, when blocks end."""

_READERS: dict[str, Callable[[Any], Any]] = {
    "start_date": _moment,
    "end_date": _moment,
    "effective_end": _moment,
    "create_date": _moment,
    "observed_at": _moment,
    "commitment_end_date": _moment,
    "seen_by": tuple,
    "reservation_ids": tuple,
    "accelerator": lambda value: Accelerator(**_arguments(Accelerator, value)),
    "health": lambda value: Health(**_arguments(Health, value)),
    "commitment": lambda value: Commitment(**_arguments(Commitment, value)),
    # Thousands of reservations repeat these texts: one copy of each is kept.
    **dict.fromkeys(
        (
            "account_id",
            "owner_id",
            "region",
            "availability_zone",
            "availability_zone_id",
            "instance_type",
            "platform",
            "tenancy",
            "state",
        ),
        intern,
    ),
}


@cache
def _readers(cls: type) -> tuple[frozenset[str], tuple[tuple[str, Callable[[Any], Any]], ...]]:
    """The fields that a class is made from, and what reads those that JSON has otherwise."""
    names = tuple(field.name for field in fields(cls) if field.init)
    readers = tuple((name, _READERS[name]) for name in names if name in _READERS)
    return frozenset(names), readers
