"""The order of rows: the same in every interface, total, and resumable after any row."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from truffle.core.codec import FIELD_NAMES, plain_fields
from truffle.core.model import TYPES, Reservation

SORT_FIELDS = tuple(dict.fromkeys(name for names in FIELD_NAMES.values() for name in names))
"""Every field of either type."""

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """An order of reservations: the default one, or by one field.

    In an order by a field, rows without a value come last, descending or not: unknown is not 0.
    Ties are broken by ``reservation_id``, ascending. ``sort`` is the field's name, ``-name`` for
    descending.
    """

    sort: str | None = None

    def __post_init__(self) -> None:
        if self.field is not None and self.field not in SORT_FIELDS:
            raise ValueError(f"{self.sort} is not a field of a reservation")

    @property
    def field(self) -> str | None:
        """The field of the order; None for the default order."""
        return None if self.sort is None else self.sort.removeprefix("-")

    def sorted(self, reservations: Iterable[Reservation]) -> list[Reservation]:
        if self.sort is None:
            return sorted(reservations, key=_default_key)
        by_id = sorted(reservations, key=lambda reservation: reservation.reservation_id)
        name = self.sort.removeprefix("-")
        valued = [row for row in by_id if getattr(row, name, None) is not None]
        empty = [row for row in by_id if getattr(row, name, None) is None]
        valued.sort(key=lambda row: _field_key(row, name), reverse=self.sort.startswith("-"))
        return valued + empty

    def mark(self, reservation: Reservation) -> list[Any]:
        """The position of a row in this order, as JSON."""
        if self.sort is None:
            return list(_default_key(reservation))
        name = self.sort.removeprefix("-")
        value = getattr(reservation, name, None)
        key = None if value is None else _field_key(reservation, name)
        return [key, reservation.reservation_id]

    def after(self, ordered: Sequence[Reservation], mark: list[Any]) -> int:
        """The index of the first row after a mark, even if the marked row no longer exists.

        ``ordered`` is in this order. Raises TypeError or ValueError for a mark of another order.
        """
        if not isinstance(mark, list) or any(
            len(self.mark(row)) != len(mark) for row in ordered[:1]
        ):
            raise ValueError(f"{mark} is not a position in this order")
        return bisect_left(ordered, True, key=lambda row: self._is_behind(self.mark(row), mark))

    def _is_behind(self, key: list[Any], mark: list[Any]) -> bool:
        if self.sort is None:
            return key > mark
        (value, name), (marked, marked_name) = key, mark
        if value == marked:
            return bool(name > marked_name)
        if value is None or marked is None:
            return value is None
        return bool(value < marked if self.sort.startswith("-") else value > marked)


_PLACES = {name: place for place, name in enumerate(TYPES)}


def _default_key(reservation: Reservation) -> Key:
    """ODCRs before blocks; ODCRs by available instances, largest first; blocks by start; unknown
    values last within their type. All keys have the same length."""
    kind, name = reservation.instance_type, reservation.reservation_id
    place = _PLACES[reservation.type]
    if reservation.kind.is_prepaid:
        start = reservation.start_date
        moment = 0.0 if start is None else start.timestamp()
        return (place, start is None, moment, kind, name, "")
    available = reservation.available_capacity
    free = 0 if available is None else available
    return (place, available is None, -free, kind, reservation.region, name)


def _field_key(reservation: Reservation, name: str) -> Any:
    """A key for comparison within one field: objects as text, everything else by value."""
    value = getattr(reservation, name)
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, tuple):
        return [it if isinstance(it, str) else _object_key(it) for it in value]
    return _object_key(value)


def _object_key(value: Any) -> str:
    plain = value if isinstance(value, Mapping) else plain_fields(value)
    return json.dumps(plain, sort_keys=True)
