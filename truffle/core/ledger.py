"""The ledger of a day: the capacity held and used, one line for each reservation.

A line has the fields that do not change with use (``FACTS``), the day's hours, and the stretches of
the day in which the numbers stayed the same. A reservation whose facts changed during the day has
several lines. Facts are spelled alike on every day, so a reader decodes those of a reservation once
for any number of days.

The first line is an index: by line, a digest of its facts, and the totals of the day. Most
questions need no other line, and most days only this part of the object.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b

from truffle.core.codec import FIELD_NAMES, Json, encode
from truffle.core.model import Reservation
from truffle.core.other_fields import NO_OTHER_FIELDS, OtherFields
from truffle.core.spans import Span
from truffle.core.times import format_time, whole

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

HOURS = ', "reserved_hours": '
STRETCHES = ', "stretches": '
"""The ends of the facts and of the hours of a line. No JSON string can contain these, because
quotation marks within it are escaped."""

INDEX = '{"schema_version": 1, "index": '
"""The beginning of the first line, of ledgers that have an index."""


def day_of(moment: datetime) -> datetime:
    """The midnight (UTC) at which the day of a moment begins."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def write_day(spans: Iterable[Span], day: datetime, others: OtherFields = NO_OTHER_FIELDS) -> str:
    """The ledger of the day that begins at ``day``, as JSON Lines in the order of the ids.

    A line also has the fields of its reservation in ``others``, as JSON in ``other_fields``. The
    same spans give the same text, in any order.
    """
    members: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in spans:
        start, end = max(span.start, day), min(span.end, day + DAY)
        if start < end:
            cut = replace(span, start=start, end=end)
            members[span.row.reservation_id, _facts(span.row, others)].append(cut)
    lines = sorted(
        (name, min(span.start for span in held), _line(facts, held), digest_of(facts), _times(held))
        for (name, facts), held in members.items()
    )
    if not lines:
        return ""
    *_, texts, digests, times = zip(*lines, strict=True)
    index = dict(zip(("reserved", "used", "unobserved"), zip(*times, strict=True), strict=True))
    text = json.dumps({"facts": digests, **index}, separators=(",", ":"))
    return "".join(f"{line}\n" for line in (f"{INDEX}{text}}}", *texts))


def lines_of(text: str) -> list[str]:
    """The lines of a ledger, without its index."""
    return [line for line in text.split("\n") if line and not line.startswith(INDEX)]


def digest_of(facts: str) -> str:
    """The name of a line's facts in the index."""
    return blake2b(facts.encode(), digest_size=8).hexdigest()


def _facts(row: Reservation, others: OtherFields) -> str:
    data = encode(row)
    facts: Json = {name: data[name] for name in FACTS[type(row).__name__]}
    if unknown := others.of(row):
        facts["other_fields"] = json.dumps(unknown)
    if row.accelerator is not None:
        facts["accelerator"] = {**data["accelerator"], "total_count": None}
    return json.dumps({"schema_version": SCHEMA_VERSION, **facts}, ensure_ascii=False)


def _line(facts: str, spans: list[Span]) -> str:
    spans.sort(key=lambda span: span.start)
    numbers = {
        **_hours(spans),
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
    """Reserved, used and unobserved instance time in microseconds; the hours are rounded."""
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
