"""Reserved, used and idle time and its cost: spans totalled by group.

Hours are instance-hours: one instance reserved for one hour. Time is summed in whole microseconds,
so parts add up exactly; only results are rounded.
"""

from __future__ import annotations

import json
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter

from truffle.core.billed import Place, place_of
from truffle.core.codec import Json
from truffle.core.filters import Filter
from truffle.core.ledger import MICROSECOND
from truffle.core.ledger_reader import DayTotals
from truffle.core.model import Reservation
from truffle.core.pricing import Rate, UsedPrice
from truffle.core.spans import Span
from truffle.core.sums import Times, UsageSums
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


@dataclass(frozen=True, slots=True, kw_only=True)
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
    tally = UsageTally(period, by, rate_of)
    for span in spans:
        tally.add(span)
    return [UsageRow.from_json(json.loads(text)) for text in tally.texts()]


class TooManyRows(ValueError):
    """The usage has more rows than allowed."""


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The times of a group's rows with one rate and number of accelerators.

    ``times`` has reserved, used and unobserved time by interval, ``texts`` the numbers of times
    with this rate and number of accelerators: many reservations are used alike. ``is_first`` is
    whether it is the first part of its group.
    """

    devices: float | None
    rate: Rate | None
    is_first: bool
    texts: dict[Times, str]
    times: dict[int, Times] = field(default_factory=dict)

    @property
    def currency(self) -> str | None:
        return self.rate.currency if self.rate else None

    def text(self, times: Times) -> str:
        text = self.texts.get(times)
        if text is None:
            sums = UsageSums()
            sums.add(times, self.devices, self.rate)
            text = self.texts[times] = sums.text(self.currency)
        return text


class UsageTally:
    """Adds up spans and totals of days, one by one.

    Most of them share their row with others: group and price are looked up once for each row.
    ``prices`` has the prices of all rows, ``prepaid_places`` the places of those with a fee. Adding
    raises TooManyRows as soon as there are certainly more than ``most_rows``.
    """

    def __init__(
        self,
        period: Period,
        by: Sequence[str],
        rate_of: RateOf,
        chosen: Filter | None = None,
        most_rows: int | None = None,
    ) -> None:
        self.prices: set[UsedPrice] = set()
        self.prepaid_places: set[Place] = set()
        self._by = by
        self._readers = [_reader(name) for name in by]
        self._bins = list(period.bins())
        self._ends = [end for _, end in self._bins]
        self._rate_of = rate_of
        self._predicates = chosen.predicates() if chosen else []
        self._rows_left = sys.maxsize if most_rows is None else most_rows
        self._known: dict[int, tuple[Reservation, _Part | None]] = {}
        self._groups: dict[Group, dict[tuple[Rate | None, float | None], _Part]] = {}
        self._texts: dict[tuple[Rate | None, float | None], dict[Times, str]] = {}

    def add(self, span: Span) -> None:
        """Count a span if its row is among the chosen ones."""
        row = span.row
        _, part = self._known.get(id(row)) or self._found(row)
        if part is None:
            return
        start, end = span.start, span.end
        for number in range(bisect_right(self._ends, start), len(self._bins)):
            first, last = self._bins[number]
            if first >= end:
                return
            length = (end if end < last else last) - (start if start > first else first)
            time = (row.total_capacity or 0) * (length // MICROSECOND)
            if span.is_counted:
                used = (row.used_capacity or 0) * (length // MICROSECOND)
                self._count(part, number, time, used, 0)
            else:
                self._count(part, number, 0, 0, time)

    def add_day(self, day: DayTotals) -> None:
        """Count a day that is entirely in one interval."""
        known, number = self._known.get, bisect_right(self._ends, day.start)
        for row, reserved, used, unobserved in zip(
            day.rows, day.reserved, day.used, day.unobserved, strict=True
        ):
            _, part = known(id(row)) or self._found(row)
            if part is not None:
                self._count(part, number, reserved, used, unobserved)

    def _count(self, part: _Part, number: int, reserved: int, used: int, unobserved: int) -> None:
        before = part.times.get(number)
        if before is not None:
            reserved, used, unobserved = (
                before[0] + reserved,
                before[1] + used,
                before[2] + unobserved,
            )
        elif part.is_first:
            self._rows_left -= 1
            if self._rows_left < 0:
                raise TooManyRows
        part.times[number] = reserved, used, unobserved

    def texts(self) -> list[str]:
        """The rows as JSON objects, by interval and group, in that order."""
        rows: list[list[str]] = [[] for _ in self._bins]
        openings = [
            f'{{"start":"{format_time(start)}","end":"{format_time(end)}","group":'
            for start, end in self._bins
        ]
        for group, parts in sorted(self._groups.items(), key=lambda it: _order(it[0])):
            text = json.dumps(dict(zip(self._by, group, strict=True)), separators=(",", ":"))
            for number, numbers in _numbers([*parts.values()]):
                rows[number].append(f"{openings[number]}{text}{numbers}")
        return [text for of_bin in rows for text in of_bin]

    def values(self, *names: str) -> set[str]:
        """The known values of these keys of the groups."""
        places = [number for number, name in enumerate(self._by) if name in names]
        values = (group[place] for group in self._groups for place in places)
        return {value for value in values if value is not None}

    def _found(self, row: Reservation) -> tuple[Reservation, _Part | None]:
        """A new row with the part in which it counts, None if it is not chosen. The row is kept, so
        no other object gets its id."""
        is_chosen = all(predicate.holds(row) for predicate in self._predicates)
        found = self._known[id(row)] = row, self._part_of(row) if is_chosen else None
        return found

    def _part_of(self, row: Reservation) -> _Part:
        rate = self._rate_of(row)
        place = row.type.value, row.instance_type, row.region, row.platform, row.tenancy
        self.prices.add(UsedPrice(*place, rate))
        if row.kind.is_prepaid:
            self.prepaid_places.add(place_of(row))
        key = rate, row.accelerator.count if row.accelerator else 0
        parts = self._groups.setdefault(tuple(read(row) for read in self._readers), {})
        if key not in parts:
            texts = self._texts.setdefault(key, {})
            parts[key] = _Part(key[1], rate, not parts, texts)
        return parts[key]


def _reader(name: str) -> Callable[[Reservation], str | None]:
    if name.startswith(TAG):
        key = name.removeprefix(TAG)
        return lambda row: row.tags.get(key)
    return FIELDS[name]


def _order(group: Group) -> list[tuple[bool, str]]:
    """Unknown values and untagged reservations last."""
    return [(value is None, value or "") for value in group]


def _numbers(parts: Sequence[_Part]) -> Iterator[tuple[int, str]]:
    """The numbers of a group by interval, for each currency; time without a price joins the first
    currency of the interval."""
    if len(parts) == 1:
        (part,) = parts
        yield from ((number, part.text(times)) for number, times in part.times.items())
        return
    for number in {number: None for part in parts for number in part.times}:
        present = [part for part in parts if number in part.times]
        known = sorted({part.currency for part in present if part.currency})
        currencies: list[str | None] = [*known] or [None]
        sums = {currency: UsageSums() for currency in currencies}
        for part in present:
            into = sums[part.currency or currencies[0]]
            into.add(part.times[number], part.devices, part.rate)
        yield from ((number, each.text(currency)) for currency, each in sums.items())
