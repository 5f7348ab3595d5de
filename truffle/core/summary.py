"""Totals over reservations: what is held, what is free, by type, region, instance type, state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from truffle.core.model import CapacityBlock, Reservation
from truffle.core.times import whole

Cell = tuple[str, str, str, str]
"""Type, region, instance type and state."""


@dataclass(slots=True)
class Totals:
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

    def add(self, reservation: Reservation) -> None:
        self.reservations += 1
        size, carried = reservation.size, reservation.accelerator
        if size is None:
            self.unknown_sizes += 1
        else:
            self.instances += size
        if carried is not None and carried.total_count is None:
            self.unknown_accelerators += 1
        elif carried is not None and carried.total_count is not None:
            self.accelerators += carried.total_count
        total, available = reservation.total_capacity, reservation.available_capacity
        used = reservation.used_capacity
        if used is None or total is None or available is None:
            return
        self.total_capacity += total
        self.available_capacity += available
        self.used_capacity += used
        if carried is not None and carried.count is not None:
            self.idle_accelerators += carried.count * available

    def include(self, other: Totals) -> None:
        """Add the sums over other reservations."""
        for sum_ in fields(self):
            setattr(self, sum_.name, getattr(self, sum_.name) + getattr(other, sum_.name))

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


@dataclass(slots=True)
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


def summarize(reservations: Iterable[Reservation]) -> Summary:
    """The totals of these reservations; each is looked at once."""
    cells: dict[Cell, Totals] = defaultdict(Totals)
    hours: set[float] = set()
    for row in reservations:
        cells[row.type, row.region, row.instance_type, row.state].add(row)
        if isinstance(row, CapacityBlock) and row.duration_hours is not None:
            hours.add(row.duration_hours)
    return Summary(
        _sum(cells.values()),
        _along(cells, 0),
        _along(cells, 1),
        _along(cells, 2),
        _along(cells, 3),
        min(hours, default=None),
        max(hours, default=None),
    )


def _sum(parts: Iterable[Totals]) -> Totals:
    totals = Totals()
    for part in parts:
        totals.include(part)
    return totals


def _along(cells: Mapping[Cell, Totals], axis: int) -> dict[str, Totals]:
    values = sorted({cell[axis] for cell in cells})
    return {
        value: _sum(part for cell, part in cells.items() if cell[axis] == value) for value in values
    }
