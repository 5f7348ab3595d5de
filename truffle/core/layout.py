"""The layout of the bucket, and of a folder that is a copy of it: the sources of tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256

TABLES_PREFIX = "tables/"
STATE_KEY = "tables/state.json"
"""The key of the state: the sources of each day of each table, as of the creation of its file."""

SOURCES: Mapping[str, str] = {
    "snapshots": "snapshots",
    "listings": "snapshots",
    "spans": "snapshots",
    "usage": "usage",
    "events": "events",
    "runs": "runs",
    "offerings": "offerings",
}
"""The prefix of the objects that each table is built from."""

_WRITTEN_AGAIN = ("usage/", "runs/")
"""The prefixes of objects that keep their key when they change."""

_DAY = re.compile(r"(\w+)/dt=(\d{4}-\d{2}-\d{2})/.+")


@dataclass(frozen=True, slots=True)
class Source:
    """A source object of tables: its key, its size in bytes, and when it was written, in seconds.

    A copy of an object has its time (``truffle sql --copy``).
    """

    key: str
    size: int
    modified: float


def table_prefix(table: str) -> str:
    """The location of a table, as declared in Glue."""
    return f"{TABLES_PREFIX}{table}/"


def table_key(table: str, day: date) -> str:
    return f"{table_prefix(table)}dt={day}/part-0.parquet"


def day_prefix(prefix: str, day: date) -> str:
    """The prefix of the objects of a day: ``snapshots/dt=2026-11-24/``."""
    return f"{prefix}/dt={day}/"


def day_of_key(key: str) -> date | None:
    """The day of a source object; None for any other object."""
    match = _DAY.fullmatch(key)
    if match is None or match[1] not in SOURCES.values():
        return None
    try:
        return date.fromisoformat(match[2])
    except ValueError:
        return None


def fingerprint(sources: Iterable[Source]) -> str:
    """Compares the objects of a day with those that its file was built from.

    Snapshots, events and answers are written once under unique names. A manifest or a ledger may be
    written again, with the same size; its time, in whole seconds, distinguishes them.
    """
    lines = sorted(f"{it.key} {it.size}{_time_mark(it)}\n" for it in sources)
    return sha256("".join(lines).encode()).hexdigest()[:16]


def _time_mark(source: Source) -> str:
    return f" {int(source.modified)}" if source.key.startswith(_WRITTEN_AGAIN) else ""


State = Mapping[str, Mapping[str, str]]
"""The fingerprint of the sources of each day (``2026-11-24``) of each table, and under ``schedule``
the ``minutes`` between two runs."""

_SCHEDULE = "schedule"

_SCHEMA = {"version": "2"}
"""The files of version 1 lack ``usage.team``, and spans that ended at the last listing of a day."""

HOURLY = "60"
"""Minutes between two runs if the state does not name them."""


def database_name(stack: str) -> str:
    """The Glue database of a stack: letters, digits and underscores (Athena User Guide, "Name
    databases, tables, and columns")."""
    return stack.lower().replace("-", "_")


def state_text(state: State) -> str:
    """The state as it is stored."""
    return json.dumps({**state, "schema": _SCHEMA}, sort_keys=True)


def state_of(text: str | bytes) -> State:
    """The inverse. The state of another version has no days, so all of them are built again from
    the objects that are still there."""
    state: State = json.loads(text)
    if state.get("schema") == _SCHEMA:
        return state
    return {name: value for name, value in state.items() if name == _SCHEDULE}


def period_of(state: State) -> timedelta:
    """The period of the schedule."""
    return timedelta(minutes=int(state.get(_SCHEDULE, {}).get("minutes", HOURLY)))


def days_to_make(table: str, now: Mapping[date, str], state: State) -> list[date]:
    """The days of a table whose file must be built, in order.

    ``now`` has the fingerprints of the days' sources. Spans continue from day to day: rebuilding a
    day requires rebuilding all later ones, and a new day the newest one before it.
    """
    known = state.get(table, {})
    dirty = [day for day, mark in now.items() if known.get(str(day)) != mark]
    if table != "spans" or not dirty:
        return sorted(dirty)
    newest = date.fromisoformat(max(known)) if known else min(dirty)
    first = min(dirty)
    if first > newest:
        first = newest
    return sorted(day for day in now if day >= first)


def with_days(state: State, table: str, marks: Mapping[date, str]) -> State:
    """The state after a table's files of these days were built. Spans of later days no longer
    continue them."""
    made = {str(day): mark for day, mark in marks.items()}
    known = state.get(table, {})
    if table == "spans" and made:
        known = {day: mark for day, mark in known.items() if day <= max(made)}
    return {**state, table: {**known, **made}}
