"""Events, one reservation's history, and the status of the stack, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from truffle.core.codec import decode
from truffle.core.events import EventType
from truffle.core.model import Reservation
from truffle.core.quoting.shell import word
from truffle.core.quoting.terminal import visible_values
from truffle.core.status import FAILING_STATES, State
from truffle.core.times import parse_time
from truffle.core.wording import counted, named_account
from truffle.render.columns import state_paint, state_text
from truffle.render.style import Style
from truffle.render.tables import Column, cells, draw
from truffle.render.words import duration, length, minute, number, percent

Json = Mapping[str, Any]

_SEVERITY_COLOURS = {"critical": "red", "warning": "yellow", "good": "green", "info": None}

EVENT_FIELDS = (
    "observed_at",
    "severity",
    "type",
    "region",
    "account_id",
    "account_name",
    "reservation_id",
    "reservation_type",
    "instance_type",
    "instance_count",
    "summary",
    "reason",
    "event_id",
)
"""The columns of events as CSV."""

TYPE_WIDTH = max(map(len, EventType))

SHORT_ID = 8
"""Digits of an event's id that are unique in practice."""


def event_lines(event: Json, style: Style, indent: str = "") -> list[str]:
    """``2026-11-24 12:00  bf14c51f  critical  state_changed  Capacity block cr-0abc … failed.``

    The id is shortened; ``truffle alerts explain`` accepts the beginning of one. If the line is too
    wide, the sentence is below. The event's values must be visible.
    """
    severity = str(event["severity"])
    painted = style.paint(f"{severity:<8}", _SEVERITY_COLOURS.get(severity))
    when = minute(parse_time(event["observed_at"]))
    name = str(event["event_id"])[:SHORT_ID]
    kind, summary = event["type"], str(event["summary"])
    bare = f"{indent}{when}  {name}  {severity:<8}  {kind:<{TYPE_WIDTH}}  {summary}"
    if style.width is None or cells(bare) <= style.width:
        return [f"{indent}{when}  {name}  {painted}  {kind:<{TYPE_WIDTH}}  {summary}"]
    below = f"{indent}    "
    return [f"{indent}{when}  {name}  {painted}  {kind}", *style.wrapped(summary, below, below)]


def render_events(events: Sequence[Json], total: int, style: Style) -> str:
    if not events:
        return "No events found matching criteria"
    lines = [line for event in visible_values(events) for line in event_lines(event, style)]
    if len(events) < total:
        lines.append(f"Shown: the newest {len(events)} of {total}; --limit shows more")
    return "\n".join([*lines, "Times are UTC."])


def render_history(history: Json, style: Style) -> str:
    """One reservation, present or past, and its events, the newest first."""
    history = visible_values(history)
    row = decode(history)
    gone = history.get("vanished_at")
    state = style.paint(state_text(row), state_paint(row))
    lines = [
        style.bold(f"{row.reservation_id} ({row.kind.short})"),
        *([f"   Name: {row.name}"] if row.name else []),
        f"   {number(row.size)} x {row.instance_type} in {row.availability_zone or row.region}",
        f"   State: {state}",
        *_times(row),
        *_use(row),
    ]
    if gone:
        since = minute(parse_time(gone))
        lines.append(f"   Gone: not listed by {row.kind.service} since {since} UTC")
    events = history.get("events") or []
    lines += ["", f"{counted(len(events), 'event')}:" if events else "No events."]
    lines += [line for event in events for line in event_lines(event, style, "  ")]
    if left_out := history.get("events_left_out"):
        lines.append(
            f"  {counted(left_out, 'older event')}: "
            f"truffle events --since 399d --reservation-id {word(row.reservation_id)}"
            " --limit 10000"
        )
    return "\n".join(lines)


def _times(row: Reservation) -> list[str]:
    start, end = minute(row.start_date), minute(row.end_date)
    if row.kind.is_prepaid:
        return [
            f"   From {start} to {end} UTC ({duration(row.duration_hours)}), "
            f"usable until {minute(row.effective_end)}"
        ]
    return [f"   From {start} UTC, {f'to {end} UTC' if row.end_date else 'with no end date'}"]


def _use(row: Reservation) -> list[str]:
    if row.used_capacity is None:
        return []
    return [
        f"   Used: {row.used_capacity} of {row.total_capacity} ({percent(row.utilization)}), "
        f"{row.available_capacity} idle"
    ]


_SCOPES: list[Column[Json]] = [
    Column("Account", lambda row: _account(row)),
    Column("Region", lambda row: str(row["region"])),
    Column("Last Success", lambda row: minute(_moment(row["last_success"]))),
    Column("Age", lambda row: _age(row["age_seconds"]), leaves=2, is_number=True),
    Column("Reservations", lambda row: number(row["reservations"]), leaves=1, is_number=True),
    Column(
        "Error",
        lambda row: str(row["error"] or "-"),
        colour=lambda row: "red" if row["error"] else None,
    ),
]

_RUNS: list[Column[Json]] = [
    Column("Run", lambda row: str(row["run_id"])),
    Column("Started", lambda row: minute(_moment(row["started_at"])), leaves=1),
    Column("Seconds", lambda row: number(row["seconds"]), is_number=True),
    Column("Scopes", lambda row: number(row["scopes"]), is_number=True),
    Column("Succeeded", lambda row: number(row["succeeded"]), is_number=True),
    Column(
        "Failed",
        lambda row: number(row["failed"]),
        is_number=True,
        colour=lambda row: "red" if row["failed"] else None,
    ),
    Column("Closed", lambda row: number(row.get("closed")), leaves=2, is_number=True),
]


_WATCHES: list[Column[Json]] = [
    Column("Watch", lambda row: str(row["name"])),
    Column("Region", lambda row: str(row["region"])),
    Column(
        "Outcome",
        lambda row: str(row["outcome"] or "-"),
        colour=lambda row: "red" if row["outcome"] in ("failed", "not-asked") else None,
    ),
    Column("Offerings", lambda row: number(row["within_limit"]), is_number=True),
    Column("Answered", lambda row: minute(_moment(row["answered_at"]))),
    Column("Due", lambda row: "over" if row["is_over"] else minute(_moment(row["due_at"]))),
    Column("Interval", lambda row: length(row["really_every_seconds"]), leaves=1),
]


def _account(row: Json) -> str:
    return named_account(row["account_id"], row.get("account_name"))


def render_status(status: Json, style: Style) -> str:
    """The totals, the scopes, and the last runs."""
    status = visible_values(status)
    scopes, runs, totals = status["scopes"], status["runs"], status["totals"]
    lines = [style.title(_health(totals))]
    if scopes:
        lines += ["", *draw(_SCOPES, scopes, style).lines]
    if len(scopes) < totals["scopes"]:
        every = counted(totals["scopes"], "scope")
        lines.append(f"Shown: {len(scopes)} of {every}; --all shows all of them")
    discovery = status.get("discovery")
    if discovery and not discovery["complete"]:
        lines.append(_discovery(discovery))
    if totals["by_error"]:
        errors = [f"{code} ({number(count)})" for code, count in totals["by_error"].items()]
        lines.append(f"Errors: {', '.join(errors)}")
    lines += [
        f"{_account(scope)}/{scope['region']}: {scope['error']}: {scope['error_message']}"
        for scope in scopes
        if scope["state"] in FAILING_STATES and scope["error_message"]
    ]
    steps = dict.fromkeys(scope.get("next_step") for scope in scopes)
    lines += [f"Next step: {step}" for step in steps if step]
    if watches := status.get("watches"):
        rows = [{**watch, **region} for watch in watches for region in watch["regions"]]
        lines += ["", style.bold("Watches:"), *draw(_WATCHES, rows, style).lines]
        lines += [
            f"{row['name']}/{row['region']}: {row['code'] or row['outcome']}: {row['message']}"
            for row in rows
            if row["message"]
        ]
    lines += ["", style.bold("Last runs:"), *(draw(_RUNS, runs, style).lines if runs else ["none"])]
    return "\n".join([*lines, "Times are UTC."])


def _discovery(discovery: Json) -> str:
    """The reason why the list of accounts may be old."""
    error = discovery["error"]
    seen = _moment(discovery["observed_at"])
    known = (
        f"those of {minute(seen)} are collected" if seen else "only the stack's own is collected"
    )
    return f"Accounts: {known}: {error['code']}: {error['message']}"


def _health(totals: Json) -> str:
    """``Collection: 17 scopes, 2 with old data, 1 closed as expected``."""
    states = totals["by_state"]
    if not totals["scopes"]:
        return "Collection: nothing collected yet"
    old = sum(states[state] for state in FAILING_STATES)
    closed = states[State.CLOSED]
    parts = [
        counted(totals["scopes"], "scope"),
        f"{old:,} with old data" if old else "all current" if not closed else "the others current",
        f"{closed:,} closed as expected" if closed else "",
    ]
    return f"Collection: {', '.join(filter(None, parts))}"


def _moment(text: str | None) -> datetime | None:
    return parse_time(text) if text else None


def _age(seconds: float | None) -> str:
    return "-" if seconds is None else length(max(0, seconds))
