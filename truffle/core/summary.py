"""Totals over reservations: what is held, what is free, by type, region, instance type, state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import compress

from truffle.core.model import CapacityBlock, Reservation
from truffle.core.times import whole

Cell = tuple[str, str, str, str, float | None]
"""Type, region, instance type, state, and the hours of a block."""

_WIDTH = 128
"""Bits of each of the seven sums that are added as one integer."""

_DEVICE = 2.0**60
"""Accelerators are added as integers, in units that hold EC2's fractions of a device exactly."""


@dataclass(frozen=True, slots=True)
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

    @classmethod
    def of(cls, sum_: int) -> Totals:
        """The sums in a sum of addends."""
        half = 1 << _WIDTH - 1
        digits = []
        while sum_:
            digits.append((sum_ + half) % (2 * half) - half)
            sum_ = (sum_ - digits[-1]) >> _WIDTH
        counts, devices = digits[:5], [whole(digit / _DEVICE) for digit in digits[5:]]
        return cls(*counts, *devices)

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
            "accelerators": self.accelerators,
            "idle_accelerators": self.idle_accelerators,
        }


def addend(row: Reservation) -> int:
    """What a row adds to the seven sums of ``Totals``, side by side in one integer.

    One addition of integers is several times faster than seven. Each part is signed.
    """
    number = 1 + ((row.size or 0) << _WIDTH)
    carried = row.accelerator
    if carried is not None and carried.total_count is not None:
        number += int(carried.total_count * _DEVICE) << 5 * _WIDTH
    if row.used_capacity is not None:
        free = row.available_capacity or 0
        number += (row.total_capacity or 0) << 2 * _WIDTH
        number += free << 3 * _WIDTH
        number += row.used_capacity << 4 * _WIDTH
        if carried is not None:
            number += int(carried.count * free * _DEVICE) << 6 * _WIDTH
    return number


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
    """What each of many rows adds, computed once for any number of summaries of some of them."""

    def __init__(self, rows: Iterable[Reservation]) -> None:
        cells: dict[Cell, int] = {}
        addends: dict[int, int] = {}
        self._cells: list[int] = []
        self._addends: list[int] = []
        for row in rows:
            self._cells.append(cells.setdefault(_cell(row), len(cells)))
            number = addend(row)
            self._addends.append(addends.setdefault(number, number))
        self._names = list(cells)

    def summary(self, mask: bytes | None = None) -> Summary:
        """The totals of all rows, or of those whose byte in the mask is 1."""
        cells: Iterable[int] = self._cells
        addends: Iterable[int] = self._addends
        if mask is not None:
            cells, addends = compress(cells, mask), compress(addends, mask)
        sums = [0] * len(self._names)
        for cell, number in zip(cells, addends, strict=True):
            sums[cell] += number
        filled = [pair for pair in zip(self._names, sums, strict=True) if pair[1]]
        hours = {cell[4] for cell, _ in filled if cell[4] is not None}
        return Summary(
            Totals.of(sum(sums)),
            _along(filled, 0),
            _along(filled, 1),
            _along(filled, 2),
            _along(filled, 3),
            min(hours, default=None),
            max(hours, default=None),
        )


def summarize(reservations: Iterable[Reservation]) -> Summary:
    """The totals of these reservations; each is looked at once."""
    return Tally(reservations).summary()


def _cell(row: Reservation) -> Cell:
    hours = row.duration_hours if isinstance(row, CapacityBlock) else None
    return row.type, row.region, row.instance_type, row.state, hours


def _along(cells: Iterable[tuple[Cell, int]], axis: int) -> dict[str, Totals]:
    sums: dict[str, int] = defaultdict(int)
    for cell, number in cells:
        sums[str(cell[axis])] += number
    return {value: Totals.of(sums[value]) for value in sorted(sums)}
