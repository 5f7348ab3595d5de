"""Totals over reservations: what is held, what is free, by type, region, instance type, state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import compress
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from truffle.core.model import CapacityBlock, Reservation
from truffle.core.times import whole

Value = TypeVar("Value")
Key = TypeVar("Key", str, tuple[str, str, str])


class Totals(NamedTuple):
    """Sums over some reservations.

    ``instances`` are reserved ones (a block's size, also before its start); ``total_capacity``,
    ``available_capacity`` and ``used_capacity`` count active reservations alone, since EC2's
    counts mean nothing otherwise. ``accelerators`` are devices, in fractions for shared GPUs.
    A sum is of what is known: ``unknown_sizes`` and ``unknown_accelerators`` count the reservations
    whose size or number of devices is not.
    """

    reservations: int = 0
    instances: int = 0
    total_capacity: int = 0
    available_capacity: int = 0
    used_capacity: int = 0
    accelerators: float = 0
    idle_accelerators: float = 0
    unknown_sizes: int = 0
    unknown_accelerators: int = 0

    @classmethod
    def of(cls, reservation: Reservation) -> Totals:
        """The totals of one reservation."""
        size, carried = reservation.size, reservation.accelerator
        devices = None if carried is None else carried.total_count
        total, available = reservation.total_capacity, reservation.available_capacity
        used = reservation.used_capacity
        if used is None or total is None or available is None:
            total, available, used = 0, 0, 0
        per_instance = 0 if carried is None else carried.count or 0
        return cls(
            reservations=1,
            instances=size or 0,
            total_capacity=total,
            available_capacity=available,
            used_capacity=used,
            accelerators=devices or 0,
            idle_accelerators=per_instance * available,
            unknown_sizes=int(size is None),
            unknown_accelerators=int(carried is not None and devices is None),
        )

    @classmethod
    def sum(cls, parts: Iterable[Totals]) -> Totals:
        """The totals of all reservations in the parts."""
        return cls(*map(sum, zip(*parts, strict=True)))

    @property
    def utilization(self) -> float | None:
        """Used over total of the active reservations, 0..1."""
        return self.used_capacity / self.total_capacity if self.total_capacity else None

    def to_json(self) -> dict[str, float | None]:
        return {
            "reservations": self.reservations,
            "instances": unless_unknown(self.instances, self.unknown_sizes),
            "total_capacity": self.total_capacity,
            "available_capacity": self.available_capacity,
            "used_capacity": self.used_capacity,
            "utilization": self.utilization,
            "accelerators": unless_unknown(whole(self.accelerators), self.unknown_accelerators),
            "idle_accelerators": whole(self.idle_accelerators),
            "unknown_sizes": self.unknown_sizes,
            "unknown_accelerators": self.unknown_accelerators,
        }


def unless_unknown(known: float, unknown: int) -> float | None:
    """A sum; None where nothing of it is known."""
    return None if unknown and not known else known


@dataclass(frozen=True, slots=True)
class Summary:
    """Totals over all, and by each of four fields, their values sorted."""

    total: Totals = field(default_factory=Totals)
    by_type: dict[str, Totals] = field(default_factory=dict)
    by_region: dict[str, Totals] = field(default_factory=dict)
    by_instance_type: dict[str, Totals] = field(default_factory=dict)
    by_state: dict[str, Totals] = field(default_factory=dict)
    shortest_hours: float | None = None
    longest_hours: float | None = None

    def to_json(self) -> dict[str, object]:
        groups = {
            "by_type": self.by_type,
            "by_region": self.by_region,
            "by_instance_type": self.by_instance_type,
            "by_state": self.by_state,
        }
        return {
            "total": self.total.to_json(),
            **{
                name: {value: totals.to_json() for value, totals in group.items()}
                for name, group in groups.items()
            },
            "duration_hours": {
                "shortest": self.shortest_hours,
                "longest": self.longest_hours,
            },
        }


class Tally:
    """The totals of each of many rows, computed once for any number of summaries of some of them.

    Few types, instance types and states occur together: summing by all three first, and by each of
    them from those sums, is several times faster than going over all rows for each.
    """

    def __init__(self, rows: Iterable[Reservation]) -> None:
        listed = list(rows)
        self._totals = _shared(map(Totals.of, listed))
        self._kinds = _shared(map(attrgetter("type", "instance_type", "state"), listed))
        self._regions = [row.region for row in listed]
        self._hours = [
            row.duration_hours if isinstance(row, CapacityBlock) else None for row in listed
        ]

    def summary(self, mask: bytes | None = None) -> Summary:
        """The totals of all rows, or of those whose byte in the mask is 1."""

        def chosen(values: list[Any]) -> list[Any]:
            return values if mask is None else list(compress(values, mask))

        totals = chosen(self._totals)
        kinds = _totals_by(chosen(self._kinds), totals)
        types, instance_types, states = zip(*kinds, strict=True) if kinds else ((), (), ())
        hours = set(chosen(self._hours)) - {None}
        return Summary(
            total=Totals.sum(kinds.values()),
            by_type=_totals_by(types, kinds.values()),
            by_region=_totals_by(chosen(self._regions), totals),
            by_instance_type=_totals_by(instance_types, kinds.values()),
            by_state=_totals_by(states, kinds.values()),
            shortest_hours=min(hours, default=None),
            longest_hours=max(hours, default=None),
        )


def summarize(reservations: Iterable[Reservation]) -> Summary:
    """The totals of these reservations; each is looked at once."""
    return Tally(reservations).summary()


def _shared(values: Iterable[Value]) -> list[Value]:
    """The same values, equal ones kept in memory once."""
    known: dict[Value, Value] = {}
    return [known.setdefault(value, value) for value in values]


def _totals_by(keys: Iterable[Key], totals: Iterable[Totals]) -> dict[Key, Totals]:
    """The totals of each key, which are in order; keys and totals belong together one by one."""
    members: dict[Key, list[Totals]] = defaultdict(list)
    for key, each in zip(keys, totals, strict=True):
        members[key].append(each)
    return {key: Totals.sum(members[key]) for key in sorted(members)}
