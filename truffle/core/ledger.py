"""The ledger of a day: the capacity held and used, one line for each reservation.

A line has the fields that do not change with use (``FACTS``), the day's hours, and the stretches of
the day in which the numbers stayed the same. A reservation whose facts changed during the day has
several lines. Facts are spelled alike on every day, so a reader decodes those of a reservation once
for any number of days.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from truffle.core.codec import FIELD_NAMES, Json, decode, encode
from truffle.core.model import Reservation, utilization_of
from truffle.core.spans import Span
from truffle.core.times import format_time, parse_time, whole

SCHEMA_VERSION = 1
"""The schema version of every line; a reader rejects an unknown version."""

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
DIGITS = 6

_CHANGING = frozenset(
    {
        "total_capacity",
        "available_capacity",
        "used_capacity",
        "in_use_capacity",
        "utilization",
        "status_message",
        "health",
        "consumers",
        "observed_at",
    }
)
"""Fields that change with use, or with every snapshot."""

FACTS = {
    kind: tuple(name for name in names if name not in _CHANGING)
    for kind, names in FIELD_NAMES.items()
}
"""The fields of a line that describe the reservation, by the name of its class."""

_HOURS = ', "reserved_hours": '
_TIMES = ', "instance_microseconds": ['
_STRETCHES = ', "stretches": '
"""The ends of the facts, the hours and the times of a line. No JSON string can contain these,
because quotation marks within it are escaped."""


class DayTotal(NamedTuple):
    """The usage of a reservation on the day that begins at ``start``: instance time in
    microseconds.

    The counts of ``row`` are not those of the day.
    """

    row: Reservation
    start: datetime
    reserved: int
    used: int
    unobserved: int


Numbers = tuple[int | None, int | None]
"""Reserved and used instances."""


def day_of(moment: datetime) -> datetime:
    """The midnight (UTC) at which the day of a moment begins."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def write_day(spans: Iterable[Span], day: datetime) -> str:
    """The ledger of the day that begins at ``day``, as JSON Lines in the order of the ids.

    The same spans give the same text, in any order.
    """
    members: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in spans:
        start, end = max(span.start, day), min(span.end, day + DAY)
        if start < end:
            cut = replace(span, start=start, end=end)
            members[span.row.reservation_id, _facts(span.row)].append(cut)
    lines = sorted(
        (name, min(span.start for span in held), _line(facts, held))
        for (name, facts), held in members.items()
    )
    return "".join(line + "\n" for _, _, line in lines)


def _facts(row: Reservation) -> str:
    data = encode(row)
    facts: Json = {name: data[name] for name in FACTS[type(row).__name__]}
    if row.accelerator is not None:
        facts["accelerator"] = {**data["accelerator"], "total_count": None}
    return json.dumps({"schema_version": SCHEMA_VERSION, **facts}, ensure_ascii=False)


def _line(facts: str, spans: list[Span]) -> str:
    spans.sort(key=lambda span: span.start)
    numbers = {
        **_hours(spans),
        "instance_microseconds": _times(spans),
        "stretches": [_stretch(span) for span in spans],
    }
    return f"{facts[:-1]}, {json.dumps(numbers)[1:]}"


def _hours(spans: list[Span]) -> dict[str, float | None]:
    """The day's instance-hours and accelerator-hours; None if the accelerators of an instance are
    unknown."""
    observed = [span for span in spans if span.is_counted]
    reserved = sum(((s.row.total_capacity or 0) * s.length for s in observed), timedelta())
    used = sum(((s.row.used_capacity or 0) * s.length for s in observed), timedelta())
    unobserved = sum(
        ((s.row.total_capacity or 0) * s.length for s in spans if not s.is_counted), timedelta()
    )
    carried = spans[0].row.accelerator
    devices = 0 if carried is None else carried.count
    hours = {"reserved": reserved, "used": used, "idle": reserved - used}
    return {
        **{f"{name}_hours": _number(length) for name, length in hours.items()},
        "unobserved_hours": _number(unobserved),
        **{
            f"{name}_accelerator_hours": None if devices is None else _number(length * devices)
            for name, length in hours.items()
        },
    }


def _times(spans: list[Span]) -> tuple[int, int, int]:
    """Reserved, used and unobserved instance time in microseconds, which hours round."""
    reserved = used = unobserved = 0
    for span in spans:
        total, time = span.row.total_capacity or 0, span.length // MICROSECOND
        if span.is_counted:
            reserved += total * time
            used += (span.row.used_capacity or 0) * time
        else:
            unobserved += total * time
    return reserved, used, unobserved


def _number(length: timedelta) -> float:
    return whole(round(length / HOUR, DIGITS))


def _stretch(span: Span) -> Json:
    return {
        "start": format_time(span.start),
        "end": format_time(span.end),
        "total_capacity": span.row.total_capacity,
        "used_capacity": span.row.used_capacity,
        "is_observed": span.is_observed,
    }


_moment = lru_cache(65_536)(parse_time)
"""Most stretches begin and end with a listing of their scope."""


@dataclass(slots=True)
class Reader:
    """Reads ledgers, and keeps what it decoded: spans with the same facts and numbers share a
    row."""

    _facts: dict[str, Reservation] = field(default_factory=dict)
    _rows: dict[str, dict[Numbers, Reservation]] = field(default_factory=dict)

    def spans(self, text: str) -> Iterator[Span]:
        """The spans of a day's ledger. Raises ValueError, KeyError and TypeError for any other
        text."""
        heads, arrays = [], []
        for line in filter(None, text.split("\n")):
            facts, mark, numbers = line.partition(_STRETCHES)
            if not mark:
                raise ValueError("a line of the ledger has no stretches")
            heads.append(facts.partition(_HOURS)[0])
            arrays.append(numbers[:-1])
        # One call for the day is faster than one for each line.
        for facts, stretches in zip(heads, json.loads(f"[{','.join(arrays)}]"), strict=True):
            rows = self._rows.setdefault(facts, {})
            for it in stretches:
                total, used = it["total_capacity"], it["used_capacity"]
                row = rows.get((total, used))
                if row is None:
                    row = rows[total, used] = self._row(facts, total, used)
                yield Span(row, _moment(it["start"]), _moment(it["end"]), it["is_observed"])

    def totals(self, text: str, day: datetime) -> Iterator[DayTotal | Span]:
        """The same ledger as totals of the day. Prepaid capacity, whose price may depend on its
        counts, capacity that was not reserved, and lines of a release without totals are returned
        as spans.

        Raises ValueError, KeyError and TypeError for any other text.
        """
        others = []
        for line in filter(None, text.split("\n")):
            end = line.find(_HOURS)
            start = line.find(_TIMES, end) + len(_TIMES)
            row = self._described(line[:end]) if end > 0 else None
            if row is None or row.kind.is_prepaid or start < end or line[start] == "0":
                others.append(line)
                continue
            reserved, used, unobserved = line[start : line.index("]", start)].split(",")
            yield DayTotal(row, day, int(reserved), int(used), int(unobserved))
        yield from self.spans("\n".join(others))

    def _described(self, facts: str) -> Reservation:
        """The reservation of a line, without counts."""
        if facts not in self._facts:
            data = json.loads(facts + "}")
            if data["schema_version"] != SCHEMA_VERSION:
                raise ValueError(f"the schema version is {data['schema_version']}")
            self._facts[facts] = decode(data)
        return self._facts[facts]

    def _row(self, facts: str, total: int | None, used: int | None) -> Reservation:
        return _with_numbers(self._described(facts), total, used)


def _with_numbers(row: Reservation, total: int | None, used: int | None) -> Reservation:
    available = None if total is None or used is None else total - used
    carried = row.accelerator
    return replace(
        row,
        total_capacity=total,
        available_capacity=available,
        used_capacity=used,
        utilization=utilization_of(used, total),
        accelerator=None
        if carried is None
        else carried.times(row.size if total is None else total),
    )
