"""Reserved, used and idle time and its cost: spans totalled by group.

Hours are instance-hours: one instance reserved for one hour. Time is summed in whole microseconds,
so parts add up exactly; only results are rounded.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter

from truffle.core.billed import Place, place_of
from truffle.core.codec import Json
from truffle.core.filters import Filter
from truffle.core.ledger import DayTotal
from truffle.core.model import Reservation
from truffle.core.pricing import Rate, UsedPrice
from truffle.core.spans import Span
from truffle.core.sums import Sums, hours_of
from truffle.core.times import format_time, parse_time
from truffle.core.usage_axes import FIELDS, TAG, Interval

Group = tuple[str | None, ...]
RateOf = Callable[[Reservation], Rate | None]


@dataclass(frozen=True, slots=True)
class Period:
    """From ``since`` (included) to ``until`` (excluded), in intervals."""

    since: datetime
    until: datetime
    interval: Interval = Interval.DAY

    def has_whole(self, day: datetime) -> bool:
        """Whether one interval contains all of the day that begins at ``day``."""
        is_longer = self.interval is not Interval.HOUR
        return is_longer and self.since <= day and day + timedelta(days=1) <= self.until

    def bins(self) -> Iterator[tuple[datetime, datetime]]:
        """The intervals, the first and last one cut at the period's bounds."""
        if self.interval is Interval.TOTAL:
            yield self.since, self.until
            return
        begin = self.interval.begin(self.since)
        while begin < self.until:
            end = self.interval.next(begin)
            yield max(begin, self.since), min(end, self.until)
            begin = end


@dataclass(frozen=True, slots=True)
class UsageRow:
    """The usage of one group in one interval, in hours; costs in ``currency``, None if unknown.

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
        """The row of the API and of ``-o json``; unknown hours are included only if there are
        any."""
        data = {
            "start": _time_text(self.start),
            "end": _time_text(self.end),
            "group": dict(self.group),
            **dict(zip(_NUMBERS, _numbers_of(self), strict=True)),
            "currency": self.currency,
        }
        if self.unpriced_hours:
            data["unpriced_hours"] = self.unpriced_hours
        if self.unknown_accelerator_hours:
            data["unknown_accelerator_hours"] = self.unknown_accelerator_hours
        return data

    @classmethod
    def from_json(cls, data: Json) -> UsageRow:
        """The inverse of ``to_json``; keys of a newer version are ignored."""
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
_numbers_of = attrgetter(*_NUMBERS)

_time_text = lru_cache(1024)(format_time)
"""Many rows share their start and end."""


def usage(
    spans: Iterable[Span], period: Period, by: Sequence[str], rate_of: RateOf
) -> list[UsageRow]:
    """Total the usage of spans by interval and group, in that order.

    ``by`` has names of FIELDS, or ``tag:`` and a key. Each currency has rows of its own; usage
    without a price is in the first of them.
    """
    tally = Tally(period, by, rate_of)
    for span in spans:
        tally.add(span)
    return tally.rows()


_SumsOf = dict[int, dict[Group, dict[str | None, Sums]]]
"""By interval, group and currency."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Where a row is counted. Rows of the same group, rate and number of accelerators share
    ``fold``."""

    row: Reservation
    group: Group
    rate: Rate | None
    fold: int

    def sums(self, sums: _SumsOf, number: int) -> Sums:
        """The sums of the row's group and currency in an interval."""
        currencies = sums.setdefault(number, {}).setdefault(self.group, {})
        currency = self.rate.currency if self.rate else None
        found = currencies.get(currency)
        if found is None:
            found = currencies[currency] = Sums()
        return found


class Tally:
    """Adds up spans and totals of days, one by one.

    Most of them share their row with others: group and price are looked up once for each row, and
    time is added before it is multiplied. ``prices`` has the prices of all rows, ``prepaid_places``
    the places of those with a fee.
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
        self._parts: list[_Part | None] = []
        self._places: dict[int, int] = {}
        self._folds: dict[tuple[object, ...], int] = {}
        self._times: dict[tuple[int, int, bool], timedelta] = {}
        self._days: dict[tuple[int, int], tuple[_Part, int, int, int]] = {}

    def add(self, span: Span) -> None:
        """Count a span if its row is among the chosen ones."""
        place = self._places.get(id(span.row), -1)
        if place < 0:
            place = self._place(span.row)
        if self._parts[place] is None:
            return
        start, end, times = span.start, span.end, self._times
        for number in range(bisect_right(self._ends, start), len(self._bins)):
            first, last = self._bins[number]
            if first >= end:
                return
            key = number, place, span.is_observed
            length = (end if end < last else last) - (start if start > first else first)
            times[key] = times[key] + length if key in times else length

    def add_day(self, day: DayTotal) -> None:
        """Count a day that is entirely in one interval."""
        row, start, reserved, used, unobserved = day
        place = self._places.get(id(row), -1)
        if place < 0:
            place = self._place(row)
        part = self._parts[place]
        if part is None:
            return
        key = bisect_right(self._ends, start), part.fold
        if key in self._days:
            _, more, more_used, more_unobserved = self._days[key]
            reserved, used, unobserved = (
                reserved + more,
                used + more_used,
                unobserved + more_unobserved,
            )
        self._days[key] = part, reserved, used, unobserved

    def _place(self, row: Reservation) -> int:
        """Keep a row and its part (None if it is not chosen), and return their place. Keeping the
        row ensures that no other object gets its id."""
        self._rows.append(row)
        is_chosen = all(predicate.holds(row) for predicate in self._predicates)
        self._parts.append(self._part_of(row) if is_chosen else None)
        self._places[id(row)] = len(self._parts) - 1
        return len(self._parts) - 1

    def rows(self) -> list[UsageRow]:
        """The sums, by interval and group, in that order."""
        sums: _SumsOf = {}
        for (number, place, is_observed), length in self._times.items():
            if part := self._parts[place]:
                part.sums(sums, number).add(part.row, length, is_observed, part.rate)
        for (number, _), (part, reserved, used, unobserved) in self._days.items():
            found = part.sums(sums, number)
            found.unobserved += unobserved
            found.add_time(part.row, reserved, used, part.rate)
        order = {part.group: _order(part.group) for part in self._parts if part}
        return [
            _row(self._bins[number], dict(zip(self._by, group, strict=True)), currency, of_group)
            for number, groups in sorted(sums.items())
            for group, currencies in sorted(groups.items(), key=lambda it: order[it[0]])
            for currency, of_group in _with_unpriced(currencies)
        ]

    def _part_of(self, row: Reservation) -> _Part:
        rate = self._rate_of(row)
        place = row.type.value, row.instance_type, row.region, row.platform, row.tenancy
        self.prices.add(UsedPrice(*place, rate))
        if row.kind.is_prepaid:
            self.prepaid_places.add(place_of(row))
        group = tuple(read(row) for read in self._readers)
        carried = row.accelerator and (row.accelerator.count,)
        fold = self._folds.setdefault((group, rate, carried), len(self._folds))
        return _Part(row, group, rate, fold)


def _reader(name: str) -> Callable[[Reservation], str | None]:
    if name.startswith(TAG):
        key = name.removeprefix(TAG)
        return lambda row: row.tags.get(key)
    return FIELDS[name]


def _order(group: Group) -> list[tuple[bool, str]]:
    """Unknown values and untagged reservations last."""
    return [(value is None, value or "") for value in group]


def _with_unpriced(parts: Mapping[str | None, Sums]) -> list[tuple[str | None, Sums]]:
    """The sums by currency; usage without a price joins the first currency."""
    if len(parts) == 1:
        return list(parts.items())
    priced = sorted((name, part) for name, part in parts.items() if name is not None)
    unpriced = parts.get(None)
    if unpriced is None:
        return list(priced)
    (currency, first), *others = priced
    return [(currency, _sum(first, unpriced)), *others]


def _sum(one: Sums, other: Sums) -> Sums:
    """Add two sums, one of them without prices."""
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
    hours, used = hours_of(part.reserved), hours_of(part.used)
    devices, used_devices = hours_of(part.accelerators), hours_of(part.used_accelerators)
    return UsageRow(
        *bounds,
        group,
        reserved_hours=hours,
        used_hours=used,
        idle_hours=hours_of(part.reserved - part.used),
        unobserved_hours=hours_of(part.unobserved),
        utilization=part.used / part.reserved if part.reserved else None,
        reserved_accelerator_hours=devices,
        used_accelerator_hours=used_devices,
        idle_accelerator_hours=hours_of(part.accelerators - part.used_accelerators),
        reserved_cost=part.cost,
        idle_cost=part.idle_cost,
        currency=currency,
        unpriced_hours=hours_of(part.unpriced),
        unknown_accelerator_hours=hours_of(part.unknown_accelerators),
    )
