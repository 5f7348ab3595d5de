"""How much of what was held was used, and what that cost: spans of time summed up by groups.

Hours are instance-hours: an instance that is reserved for an hour. Time is summed in whole
microseconds, so that parts add up exactly; only the numbers that leave here are rounded.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from truffle.core.billed import Place, place_of
from truffle.core.codec import Json
from truffle.core.filters import Filter
from truffle.core.model import Reservation
from truffle.core.pricing import Rate, UsedPrice
from truffle.core.spans import Span
from truffle.core.times import format_time, parse_time

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
DIGITS = 6
"""Decimal places of hours and costs; a thousand rounded rows still add up to the cent."""

TAG = "tag:"

FIELDS: Mapping[str, Callable[[Reservation], str | None]] = {
    "reservation": lambda row: row.reservation_id,
    "account": lambda row: row.account_id,
    "owner": lambda row: row.owner_id,
    "region": lambda row: row.region,
    "instance_type": lambda row: row.instance_type,
    "accelerator": lambda row: row.accelerator.name if row.accelerator else None,
    "type": lambda row: row.type,
}
"""The fields to group usage by, beside ``tag:KEY``."""

Group = tuple[str | None, ...]
RateOf = Callable[[Reservation], Rate | None]


class Interval(StrEnum):
    """The length of a row of usage, in UTC; a week begins on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TOTAL = "total"

    def begin(self, moment: datetime) -> datetime:
        """The start of the interval that a moment lies in. Raises ValueError for a total."""
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        match self:
            case Interval.HOUR:
                return moment.replace(minute=0, second=0, microsecond=0)
            case Interval.DAY:
                return midnight
            case Interval.WEEK:
                return midnight - timedelta(days=midnight.weekday())
            case Interval.MONTH:
                return midnight.replace(day=1)
        raise ValueError("a total has no start of its own")

    def next(self, begin: datetime) -> datetime:
        """The start of the following interval."""
        match self:
            case Interval.HOUR:
                return begin + HOUR
            case Interval.MONTH:
                return (begin + timedelta(days=31)).replace(day=1)
            case Interval.WEEK:
                return begin + timedelta(days=7)
        return begin + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """From ``since`` (included) to ``until`` (excluded), in intervals."""

    since: datetime
    until: datetime
    interval: Interval = Interval.DAY

    def bins(self) -> Iterator[tuple[datetime, datetime]]:
        """The intervals, the first and the last cut at the period's bounds."""
        if self.interval is Interval.TOTAL:
            yield self.since, self.until
            return
        begin = self.interval.begin(self.since)
        while begin < self.until:
            end = self.interval.next(begin)
            yield max(begin, self.since), min(end, self.until)
            begin = end


@dataclass(slots=True)
class Sums:
    """Instance time in microseconds of one group; ``unpriced`` is reserved time.

    ``priced`` has reserved and idle time by the price of an hour: money is multiplied once, when
    all time is added.
    """

    reserved: int = 0
    used: int = 0
    unobserved: int = 0
    unpriced: int = 0
    accelerators: float = 0
    used_accelerators: float = 0
    unknown_accelerators: int = 0
    priced: dict[Decimal, tuple[int, int]] = field(default_factory=dict)

    @property
    def cost(self) -> float | None:
        """None where no price is known."""
        return _cost((price, reserved) for price, (reserved, _) in self.priced.items())

    @property
    def idle_cost(self) -> float | None:
        return _cost((price, idle) for price, (_, idle) in self.priced.items())

    def add(
        self, row: Reservation, length: timedelta, is_observed: bool, rate: Rate | None
    ) -> None:
        """Add a reservation for a length of time."""
        time, total = length // MICROSECOND, row.total_capacity or 0
        used = row.used_capacity
        if not is_observed or used is None:
            self.unobserved += total * time
            return
        self.reserved += total * time
        self.used += used * time
        self._carry(row, time, total, used)
        if rate is None:
            self.unpriced += total * time
            return
        reserved, idle = self.priced.get(rate.amount, (0, 0))
        self.priced[rate.amount] = reserved + total * time, idle + (total - used) * time

    def _carry(self, row: Reservation, time: int, total: int, used: int) -> None:
        if row.accelerator is None:
            return
        if row.accelerator.count is None:
            self.unknown_accelerators += total * time
            return
        self.accelerators += row.accelerator.count * total * time
        self.used_accelerators += row.accelerator.count * used * time


@dataclass(frozen=True, slots=True)
class UsageRow:
    """The use of one group in one interval, in hours; costs in ``currency``, None where unknown.

    ``unpriced_hours`` are reserved instance-hours without a known price.
    ``unknown_accelerator_hours`` are instance-hours of types whose number of accelerators is
    unknown.
    """

    start: datetime
    end: datetime
    group: Mapping[str, str | None]
    reserved_hours: float
    used_hours: float
    idle_hours: float
    unobserved_hours: float
    utilization: float | None
    reserved_accelerator_hours: float
    used_accelerator_hours: float
    idle_accelerator_hours: float
    reserved_cost: float | None
    idle_cost: float | None
    currency: str | None
    unpriced_hours: float
    unknown_accelerator_hours: float

    def to_json(self) -> Json:
        """The row of the API and of ``-o json``; what is unknown is named where there is any."""
        unknown = {
            name: value
            for name in ("unpriced_hours", "unknown_accelerator_hours")
            if (value := getattr(self, name))
        }
        return {
            "start": format_time(self.start),
            "end": format_time(self.end),
            "group": dict(self.group),
            **{name: getattr(self, name) for name in _NUMBERS},
            "currency": self.currency,
            **unknown,
        }

    @classmethod
    def from_json(cls, data: Json) -> UsageRow:
        """The inverse of ``to_json``; keys of a newer version are passed over."""
        return cls(
            start=parse_time(data["start"]),
            end=parse_time(data["end"]),
            group=dict(data["group"]),
            currency=data["currency"],
            unpriced_hours=data.get("unpriced_hours", 0.0),
            unknown_accelerator_hours=data.get("unknown_accelerator_hours", 0.0),
            **{name: data[name] for name in _NUMBERS},
        )


_NUMBERS = (
    "reserved_hours",
    "used_hours",
    "idle_hours",
    "unobserved_hours",
    "utilization",
    "reserved_accelerator_hours",
    "used_accelerator_hours",
    "idle_accelerator_hours",
    "reserved_cost",
    "idle_cost",
)


def usage(
    spans: Iterable[Span], period: Period, by: Sequence[str], rate_of: RateOf
) -> list[UsageRow]:
    """The use of what the spans held, by interval and group, in that order.

    ``by`` are names of FIELDS, or ``tag:`` and a key. Money of several currencies is in rows of
    its own; what has no price is in the first of them.
    """
    tally = Tally(period, by, rate_of)
    for span in spans:
        tally.add(span)
    return tally.rows()


class Tally:
    """Adds spans up, one after the other.

    Most spans share their row with others: group and price are found once for each row, and time
    is added before it is multiplied. ``prices`` are those of all rows, ``prepaid_places`` where
    those are that have a fee.
    """

    def __init__(
        self, period: Period, by: Sequence[str], rate_of: RateOf, chosen: Filter | None = None
    ) -> None:
        self.prices: set[UsedPrice] = set()
        self.prepaid_places: set[Place] = set()
        self._by = by
        self._readers = [_reader(name) for name in by]
        self._bins = list(period.bins())
        self._ends = [end for _, end in self._bins]
        self._rate_of = rate_of
        self._predicates = chosen.predicates() if chosen else []
        self._rows: list[Reservation] = []
        self._kept: list[Reservation | None] = []
        self._places: dict[int, int] = {}
        self._times: dict[tuple[int, int, bool], timedelta] = {}

    def add(self, span: Span) -> None:
        """Count a span, if its row is among the chosen ones."""
        place = self._places.get(id(span.row), -1)
        if place < 0:
            place = self._place(span.row)
        if self._kept[place] is None:
            return
        start, end, times = span.start, span.end, self._times
        for number in range(bisect_right(self._ends, start), len(self._bins)):
            first, last = self._bins[number]
            if first >= end:
                return
            key = number, place, span.is_observed
            length = (end if end < last else last) - (start if start > first else first)
            times[key] = times[key] + length if key in times else length

    def _place(self, row: Reservation) -> int:
        """Where a row is kept, None in its place if it is not chosen. What is kept cannot be freed,
        and its id cannot become another's."""
        self._rows.append(row)
        is_chosen = all(predicate.holds(row) for predicate in self._predicates)
        self._kept.append(row if is_chosen else None)
        self._places[id(row)] = len(self._kept) - 1
        return len(self._kept) - 1

    def rows(self) -> list[UsageRow]:
        """The sums, by interval and group, in that order."""
        sums: dict[int, dict[Group, dict[str | None, Sums]]] = {}
        parts = [
            (tuple(read(row) for read in self._readers), self._rate(row)) if row else None
            for row in self._kept
        ]
        for (number, place, is_observed), length in self._times.items():
            row, part_of = self._kept[place], parts[place]
            assert row is not None
            assert part_of is not None
            group, rate = part_of
            of_group = sums.setdefault(number, {}).setdefault(group, {})
            part = of_group.setdefault(rate.currency if rate else None, Sums())
            part.add(row, length, is_observed, rate)
        return [
            _row(self._bins[number], dict(zip(self._by, group, strict=True)), currency, part)
            for number, groups in sorted(sums.items())
            for group, currencies in sorted(groups.items(), key=lambda it: _order(it[0]))
            for currency, part in _with_unpriced(currencies)
        ]

    def _rate(self, row: Reservation) -> Rate | None:
        rate = self._rate_of(row)
        place = row.type.value, row.instance_type, row.region, row.platform, row.tenancy
        self.prices.add(UsedPrice(*place, rate))
        if row.kind.is_prepaid:
            self.prepaid_places.add(place_of(row))
        return rate


def _reader(name: str) -> Callable[[Reservation], str | None]:
    if name.startswith(TAG):
        key = name.removeprefix(TAG)
        return lambda row: row.tags.get(key)
    return FIELDS[name]


def _order(group: Group) -> list[tuple[bool, str]]:
    """Unknown values and untagged reservations last."""
    return [(value is None, value or "") for value in group]


def _with_unpriced(parts: Mapping[str | None, Sums]) -> list[tuple[str | None, Sums]]:
    """The sums by currency; what has no price joins the first currency."""
    priced = sorted((name, part) for name, part in parts.items() if name is not None)
    unpriced = parts.get(None)
    if not priced:
        return list(parts.items())
    if unpriced is None:
        return list(priced)
    (currency, first), *others = priced
    return [(currency, _sum(first, unpriced)), *others]


def _sum(one: Sums, other: Sums) -> Sums:
    """Of two sums, of which one has no prices."""
    return Sums(
        one.reserved + other.reserved,
        one.used + other.used,
        one.unobserved + other.unobserved,
        one.unpriced + other.unpriced,
        one.accelerators + other.accelerators,
        one.used_accelerators + other.used_accelerators,
        one.unknown_accelerators + other.unknown_accelerators,
        one.priced or other.priced,
    )


def _row(
    bounds: tuple[datetime, datetime],
    group: Mapping[str, str | None],
    currency: str | None,
    part: Sums,
) -> UsageRow:
    hours, used = _hours(part.reserved), _hours(part.used)
    devices, used_devices = _hours(part.accelerators), _hours(part.used_accelerators)
    return UsageRow(
        *bounds,
        group,
        reserved_hours=hours,
        used_hours=used,
        idle_hours=_hours(part.reserved - part.used),
        unobserved_hours=_hours(part.unobserved),
        utilization=part.used / part.reserved if part.reserved else None,
        reserved_accelerator_hours=devices,
        used_accelerator_hours=used_devices,
        idle_accelerator_hours=_hours(part.accelerators - part.used_accelerators),
        reserved_cost=part.cost,
        idle_cost=part.idle_cost,
        currency=currency,
        unpriced_hours=_hours(part.unpriced),
        unknown_accelerator_hours=_hours(part.unknown_accelerators),
    )


def _hours(microseconds: float) -> float:
    return round(microseconds / (HOUR // MICROSECOND), DIGITS)


def _cost(parts: Iterable[tuple[Decimal, int]]) -> float | None:
    """Money from prices per hour and microseconds; None without any price."""
    amounts = [price * time for price, time in parts]
    if not amounts:
        return None
    return float(round(sum(amounts, Decimal()) / (HOUR // MICROSECOND), DIGITS))
