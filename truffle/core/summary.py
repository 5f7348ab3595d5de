"""Totals over reservations: what is held, what is free, by type, region, instance type, state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from truffle.core.model import CapacityBlock, Reservation
from truffle.core.times import whole


@dataclass(slots=True)
class Totals:
    """Sums over some reservations.

    ``instances`` are reserved ones (a block's size, also before its start); ``total_capacity``,
    ``available_capacity`` and ``used_capacity`` count active reservations alone, since EC2's
    counts mean nothing otherwise. ``accelerators`` are devices, in fractions for shared GPUs.
    """

    reservations: int = 0
    instances: int = 0
    total_capacity: int = 0
    available_capacity: int = 0
    used_capacity: int = 0
    accelerators: float = 0
    idle_accelerators: float = 0

    def add(self, reservation: Reservation) -> None:
        self.reservations += 1
        self.instances += reservation.size or 0
        carried = reservation.accelerator
        if carried is not None and carried.total_count is not None:
            self.accelerators += carried.total_count
        if reservation.used_capacity is None:
            return
        self.total_capacity += reservation.total_capacity or 0
        self.available_capacity += reservation.available_capacity or 0
        self.used_capacity += reservation.used_capacity
        if carried is not None:
            self.idle_accelerators += carried.count * (reservation.available_capacity or 0)

    @property
    def utilization(self) -> float | None:
        """Used over total of the active reservations, 0..1."""
        return self.used_capacity / self.total_capacity if self.total_capacity else None

    def to_json(self) -> dict[str, float | None]:
        return {
            "reservations": self.reservations,
            "instances": self.instances,
            "total_capacity": self.total_capacity,
            "available_capacity": self.available_capacity,
            "used_capacity": self.used_capacity,
            "utilization": self.utilization,
            "accelerators": whole(self.accelerators),
            "idle_accelerators": whole(self.idle_accelerators),
        }


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
    """The totals of these reservations."""
    rows = list(reservations)
    hours = [
        row.duration_hours
        for row in rows
        if isinstance(row, CapacityBlock) and row.duration_hours is not None
    ]
    return Summary(
        _totals(rows),
        _grouped(rows, lambda row: row.type),
        _grouped(rows, lambda row: row.region),
        _grouped(rows, lambda row: row.instance_type),
        _grouped(rows, lambda row: row.state),
        min(hours, default=None),
        max(hours, default=None),
    )


def _totals(rows: Iterable[Reservation]) -> Totals:
    totals = Totals()
    for row in rows:
        totals.add(row)
    return totals


def _grouped(
    rows: Iterable[Reservation], value_of: Callable[[Reservation], str]
) -> dict[str, Totals]:
    groups: dict[str, list[Reservation]] = {}
    for row in rows:
        groups.setdefault(value_of(row), []).append(row)
    return {value: _totals(members) for value, members in sorted(groups.items())}
