"""Totals over reservations: held and free capacity by type, region, instance type, state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress, groupby
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from truffle.core.model import Reservation
from truffle.core.pricing import MICRO, NO_PRICES, PriceBook
from truffle.core.times import whole

_BITS = 64
"""The bits of each field in the packed form of totals: enough for the sum of any inventory."""

_HALF = 1 << _BITS - 1
"""An offset for negative fields: EC2 sometimes counts more available instances than reserved
ones."""

_PARTS = 2**20
"""The packed parts per device: AWS sells partitions of GPUs in halves, quarters, eighths."""


class Totals(NamedTuple):
    """Sums over some reservations.

    ``instances`` are reserved ones (a block's size, also before its start); ``total_capacity``,
    ``available_capacity`` and ``used_capacity`` count only active reservations, since EC2's counts
    are otherwise meaningless. ``accelerators`` are devices, in fractions for shared GPUs. Sums
    include only known values: ``unknown_sizes`` and ``unknown_accelerators`` count the reservations
    with an unknown size or number of devices. ``idle_micro_usd`` is the hourly cost of unused
    instances in millionths of a US dollar; ``unpriced_instances`` are those with an unknown price.
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
    idle_micro_usd: int = 0
    unpriced_instances: int = 0

    @classmethod
    def of(cls, reservation: Reservation, prices: PriceBook = NO_PRICES) -> Totals:
        """The totals of one reservation."""
        size, carried = reservation.size, reservation.accelerator
        devices = None if carried is None else carried.total_count
        total, available = reservation.total_capacity, reservation.available_capacity
        used = reservation.used_capacity
        if used is None or total is None or available is None:
            total, available, used = 0, 0, 0
        per_instance = 0 if carried is None else carried.count or 0
        cost = prices.idle_micro_usd(reservation) if available else 0
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
            idle_micro_usd=cost or 0,
            unpriced_instances=available if cost is None else 0,
        )

    def packed(self) -> int:
        """All fields packed in one integer, so that one addition adds them all."""
        whole_numbers = self._replace(
            accelerators=round(self.accelerators * _PARTS),
            idle_accelerators=round(self.idle_accelerators * _PARTS),
        )
        return sum(int(value) << _BITS * place for place, value in enumerate(whole_numbers))

    @classmethod
    def unpacked(cls, packed: int) -> Totals:
        """The totals packed in an integer, or in a sum of packed ones."""
        values = []
        for _ in cls._fields:
            value = (packed + _HALF) % (2 * _HALF) - _HALF
            packed = (packed - value) >> _BITS
            values.append(value)
        parts = cls(*values)
        return parts._replace(
            accelerators=whole(parts.accelerators / _PARTS),
            idle_accelerators=whole(parts.idle_accelerators / _PARTS),
        )

    @property
    def utilization(self) -> float | None:
        """Used over total of the active reservations, 0..1."""
        return self.used_capacity / self.total_capacity if self.total_capacity else None

    @property
    def idle_usd_per_hour(self) -> float | None:
        """The hourly cost of unused instances; None if no price is known."""
        known = unless_unknown(self.idle_micro_usd, self.unpriced_instances)
        return None if known is None else known / MICRO

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
            "idle_usd_per_hour": self.idle_usd_per_hour,
            "unpriced_instances": self.unpriced_instances,
        }


def unless_unknown(known: float, unknown: int) -> float | None:
    """A sum; None if none of its values is known."""
    return None if unknown and not known else known


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Totals over all, and by each of four fields with sorted values."""

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


class SummaryTally:
    """The totals of each of many rows, computed once for any number of summaries of some of them.

    Few combinations of types, instance types and states occur: summing by all three first, and by
    each of them from those sums, is several times faster than iterating over all rows for each.
    """

    def __init__(self, rows: Iterable[Reservation], prices: PriceBook = NO_PRICES) -> None:
        listed = list(rows)
        packed = _packed(listed, prices)
        self._kinds = _Groups(map(attrgetter("type", "instance_type", "state"), listed), packed)
        self._regions = _Groups(map(attrgetter("region"), listed), packed)
        hours = {
            place: row.duration_hours
            for place, row in enumerate(listed)
            if row.duration_hours is not None
        }
        self._hours, self._pick_timed = list(hours.values()), _picker(list(hours))

    def summary(self, mask: bytes | None = None) -> Summary:
        """The totals of all rows, or of those whose byte in the mask is 1."""
        kinds, regions = self._kinds.sums(mask), self._regions.sums(mask)
        timed = None if mask is None else self._pick_timed(mask)
        hours = set(self._hours if timed is None else compress(self._hours, timed))
        return Summary(
            total=Totals.unpacked(sum(kinds.values())),
            by_type=_unpacked((kind, each) for (kind, _, _), each in kinds.items()),
            by_region=_unpacked(regions.items()),
            by_instance_type=_unpacked((name, each) for (_, name, _), each in kinds.items()),
            by_state=_unpacked((state, each) for (_, _, state), each in kinds.items()),
            shortest_hours=min(hours, default=None),
            longest_hours=max(hours, default=None),
        )


class _Groups:
    """Packed totals by a key."""

    def __init__(self, keys: Iterable[Any], packed: Sequence[int]) -> None:
        by_row = list(keys)
        rows = sorted(range(len(by_row)), key=by_row.__getitem__)
        self._pick = _picker(rows)
        groups = groupby(rows, key=by_row.__getitem__)
        self._members = [(key, [packed[row] for row in members]) for key, members in groups]
        self._wholes = {key: sum(members) for key, members in self._members}

    def sums(self, mask: bytes | None) -> dict[Any, int]:
        """The sum of each key over the rows whose byte in the mask is 1; None means all rows."""
        if mask is None:
            return self._wholes
        chosen, first, sums = self._pick(mask), 0, {}
        for key, members in self._members:
            here = chosen[first : first + len(members)]
            first += len(members)
            count = here.count(1)
            if count == len(members):
                sums[key] = self._wholes[key]
            elif count:
                sums[key] = sum(compress(members, here))
        return sums


def _picker(places: Sequence[int]) -> Callable[[bytes], bytes]:
    """A getter of the bytes at these places. One call of itemgetter is several times faster than a
    call for each place; it returns a tuple only for several places."""
    if len(places) < 2:
        return lambda mask: bytes(mask[place] for place in places)
    pick = itemgetter(*places)
    return lambda mask: bytes(pick(mask))


def summarize(reservations: Iterable[Reservation], prices: PriceBook = NO_PRICES) -> Summary:
    """The totals of these reservations, in one pass."""
    return SummaryTally(reservations, prices).summary()


def _packed(rows: Iterable[Reservation], prices: PriceBook) -> list[int]:
    """The packed totals of each row, sharing equal ones in memory."""
    known: dict[Totals, int] = {}
    totals = (Totals.of(row, prices) for row in rows)
    return [
        known[each] if each in known else known.setdefault(each, each.packed()) for each in totals
    ]


def _unpacked(parts: Iterable[tuple[str, int]]) -> dict[str, Totals]:
    """The totals of each key, in order of the keys."""
    sums: dict[str, int] = defaultdict(int)
    for key, packed in parts:
        sums[key] += packed
    return {key: Totals.unpacked(sums[key]) for key in sorted(sums)}
