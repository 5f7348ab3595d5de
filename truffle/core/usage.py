"""Reserved, used and idle time and its cost: spans totalled by group.

Hours are instance-hours: one instance reserved for one hour. Time is summed in whole microseconds,
so parts add up exactly; only results are rounded.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter

from truffle.core.billed import Place, place_of
from truffle.core.codec import Json
from truffle.core.filters import Filter
from truffle.core.ledger_reader import DayTotals
from truffle.core.model import Reservation
from truffle.core.pricing import Rate, UsedPrice
from truffle.core.spans import Span
from truffle.core.sums import Sums, hours_text, often_hours_text, share_text
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
    return [UsageRow.from_json(json.loads(text)) for text in tally.texts()]


_ByInterval = dict[int, Sums]
_SumsOf = dict[Group, dict[str | None, _ByInterval]]
"""By group, currency and interval."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Where a row is counted. Rows of the same group, rate and number of accelerators share
    ``days``: reserved, used and unobserved time of whole days by interval."""

    row: Reservation
    group: Group
    rate: Rate | None
    days: dict[int, list[int]]

    def sums(self, sums: _SumsOf) -> _ByInterval:
        """The sums of the row's group and currency."""
        currency = self.rate.currency if self.rate else None
        return sums.setdefault(self.group, {}).setdefault(currency, defaultdict(Sums))


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
        self._shared: dict[tuple[object, ...], _Part] = {}
        self._times: dict[tuple[int, int, bool], timedelta] = {}

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

    def add_day(self, day: DayTotals) -> None:
        """Count a day that is entirely in one interval."""
        places = self._places
        for row in day.rows:
            if id(row) not in places:
                self._place(row)
        parts = [self._parts[places[id(row)]] for row in day.rows]
        number = bisect_right(self._ends, day.start)
        for part, reserved, used, unobserved in zip(
            parts, day.reserved, day.used, day.unobserved, strict=True
        ):
            if part is None:
                continue
            found = part.days.get(number)
            if found is None:
                part.days[number] = [reserved, used, unobserved]
            else:
                found[0] += reserved
                found[1] += used
                found[2] += unobserved

    def _place(self, row: Reservation) -> int:
        """Keep a row and its part (None if it is not chosen), and return their place. Keeping the
        row ensures that no other object gets its id."""
        self._rows.append(row)
        is_chosen = all(predicate.holds(row) for predicate in self._predicates)
        self._parts.append(self._part_of(row) if is_chosen else None)
        self._places[id(row)] = len(self._parts) - 1
        return len(self._parts) - 1

    def texts(self) -> list[str]:
        """The rows as JSON objects, by interval and group, in that order."""
        rows: list[list[str]] = [[] for _ in self._bins]
        openings = [
            f'{{"start":"{format_time(start)}","end":"{format_time(end)}","group":'
            for start, end in self._bins
        ]
        for group, currencies in sorted(self._sums().items(), key=lambda it: _order(it[0])):
            text = json.dumps(dict(zip(self._by, group, strict=True)), separators=(",", ":"))
            for number, currency, sums in _with_unpriced(currencies):
                rows[number].append(f"{openings[number]}{text}{_numbers(sums, currency)}")
        return [text for of_bin in rows for text in of_bin]

    def values(self, *names: str) -> set[str]:
        """The known values of these keys of the groups."""
        places = [number for number, name in enumerate(self._by) if name in names]
        groups = {part.group for part in self._parts if part}
        return {value for group in groups for it in places if (value := group[it]) is not None}

    def _sums(self) -> _SumsOf:
        sums: _SumsOf = {}
        for (number, place, is_observed), length in self._times.items():
            if part := self._parts[place]:
                part.sums(sums)[number].add(part.row, length, is_observed, part.rate)
        for part in self._shared.values():
            if part.days:
                by_interval = part.sums(sums)
                for number, (reserved, used, unobserved) in part.days.items():
                    found = by_interval[number]
                    found.unobserved += unobserved
                    found.add_time(part.row, reserved, used, part.rate)
        return sums

    def _part_of(self, row: Reservation) -> _Part:
        rate = self._rate_of(row)
        place = row.type.value, row.instance_type, row.region, row.platform, row.tenancy
        self.prices.add(UsedPrice(*place, rate))
        if row.kind.is_prepaid:
            self.prepaid_places.add(place_of(row))
        group = tuple(read(row) for read in self._readers)
        carried = row.accelerator and (row.accelerator.count,)
        shared = self._shared.setdefault((group, rate, carried), _Part(row, group, rate, days={}))
        return replace(shared, row=row)


def _reader(name: str) -> Callable[[Reservation], str | None]:
    if name.startswith(TAG):
        key = name.removeprefix(TAG)
        return lambda row: row.tags.get(key)
    return FIELDS[name]


def _order(group: Group) -> list[tuple[bool, str]]:
    """Unknown values and untagged reservations last."""
    return [(value is None, value or "") for value in group]


def _with_unpriced(
    currencies: Mapping[str | None, _ByInterval],
) -> Iterator[tuple[int, str | None, Sums]]:
    """The sums of a group by interval and currency; time without a price joins the first
    currency of the interval."""
    if len(currencies) == 1:
        ((currency, by_interval),) = currencies.items()
        yield from ((number, currency, sums) for number, sums in by_interval.items())
        return
    priced = sorted((name, it) for name, it in currencies.items() if name is not None)
    unpriced = dict(currencies.get(None, {}))
    for currency, by_interval in priced:
        for number, sums in by_interval.items():
            rest = unpriced.pop(number, None)
            yield number, currency, sums if rest is None else _sum(sums, rest)
    yield from ((number, None, sums) for number, sums in unpriced.items())


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


def _numbers(part: Sums, currency: str | None) -> str:
    """The numbers of a row, as ``UsageRow.to_json`` has them, and the end of its object."""
    reserved, used = part.reserved, part.used
    devices, used_devices = part.accelerators, part.used_accelerators
    unknown = ""
    if part.unpriced:
        unknown = f',"unpriced_hours":{hours_text(part.unpriced)}'
    if part.unknown_accelerators:
        unknown += f',"unknown_accelerator_hours":{hours_text(part.unknown_accelerators)}'
    cost, idle_cost = part.cost_texts()
    return (
        f',"reserved_hours":{often_hours_text(reserved)},"used_hours":{hours_text(used)},'
        f'"idle_hours":{hours_text(reserved - used)},'
        f'"unobserved_hours":{often_hours_text(part.unobserved)},'
        f'"utilization":{share_text(used, reserved)},'
        f'"reserved_accelerator_hours":{often_hours_text(devices)},'
        f'"used_accelerator_hours":{hours_text(used_devices)},'
        f'"idle_accelerator_hours":{hours_text(devices - used_devices)},'
        f'"reserved_cost":{cost},"idle_cost":{idle_cost},'
        f'"currency":{_json_text(currency)}{unknown}}}'
    )


_json_text = lru_cache(64)(json.dumps)
