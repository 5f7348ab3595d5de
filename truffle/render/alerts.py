"""Tables and texts of ``truffle alerts``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from truffle.alerts.settings import AlertSettings, Destination
from truffle.core.market.budget import really_every
from truffle.core.market.watches import Watch
from truffle.core.quoting.terminal import visible, visible_values
from truffle.core.times import parse_time, span
from truffle.core.wording import counted
from truffle.render.events import event_lines
from truffle.render.style import Style
from truffle.render.tables import Column, draw
from truffle.render.words import length, minute

Json = Mapping[str, Any]

_COLOURS = {
    "delivered": "green",
    "muted": "yellow",
    "retrying": "yellow",
    "dead_letter": "red",
    "skipped": "dim",
    "no_route": "dim",
    "no_incident": "dim",
}
_WORDS = {"waiting": "waiting for a digest"}

_DECISIONS: list[Column[Json]] = [
    Column("Destination", lambda row: str(row["destination"])),
    Column("Kind", lambda row: str(row["kind"]), leaves=2),
    Column(
        "Outcome",
        lambda row: _WORDS.get(_outcome(row), _outcome(row).replace("_", " ")),
        colour=lambda row: _COLOURS.get(_outcome(row)),
    ),
    Column("Routes", lambda row: ", ".join(row["routes"]) or "-", leaves=1),
]

_SENT: list[Column[Json]] = [
    Column("Destination", lambda row: str(row["destination"])),
    Column("Kind", lambda row: str(row["kind"])),
    Column(
        "Sample",
        lambda row: f"not sent: {row['error']}" if row["error"] else "queued",
        colour=lambda row: "red" if row["error"] else "green",
    ),
]


def render_settings(settings: AlertSettings, file: str, now: datetime, style: Style) -> str:
    """A summary of a valid file."""
    counts = [
        counted(len(settings.destinations), "destination"),
        counted(len(settings.routes), "route"),
        counted(len(settings.mutes), "mute"),
    ]
    if settings.watches:
        counts.append(counted(len(settings.watches), "watch", "watches"))
    lines = [style.paint(f"{visible(file)} can be deployed: {', '.join(counts)}.", "green")]
    if settings.destinations:
        lines += ["", *draw(_destinations(settings), settings.destinations, style).lines]
    if settings.watches:
        lines += ["", *draw(_watches(settings.watches, now), settings.watches, style).lines]
        lines += [part for it in settings.watches for part in _many_regions(it, style)]
    for mute in settings.mutes:
        state = "Expired mute" if mute.until <= now else "Mute"
        lines.append(visible(f"{state}, until {minute(mute.until)} UTC: {mute.reason}"))
    return "\n".join(lines)


def _destinations(settings: AlertSettings) -> list[Column[Destination]]:
    def routes(row: Destination) -> str:
        return ", ".join(route.name for route in settings.routes_to(row.name)) or "-"

    return [
        Column("Destination", lambda row: row.name),
        Column("Kind", lambda row: row.kind.value),
        Column("Routes", routes),
        Column("Digest", _digest, leaves=1),
        Column("Daily Summary", _summary, leaves=2),
    ]


def _watches(watches: Sequence[Watch], now: datetime) -> list[Column[Watch]]:
    """The interval of each watch and, if the budget does not suffice, the actual interval."""

    def every(row: Watch) -> str:
        if row.question.is_over(now):
            return "never: its end_by has passed"
        really = really_every(row, watches, now)
        if really <= row.every:
            return span(row.every)
        return f"{length(really.total_seconds())}, not {length(row.every.total_seconds())}"

    return [
        Column("Watch", lambda row: row.name),
        Column("Block", _block),
        Column("Regions", _regions, leaves=1),
        Column("Interval", every),
    ]


MOST_IN_A_CELL = 4
"""With more regions than this, they are listed below the table."""


def _regions(row: Watch) -> str:
    if len(row.regions) <= MOST_IN_A_CELL:
        return ", ".join(row.regions)
    return counted(len(row.regions), "region")


def _many_regions(row: Watch, style: Style) -> list[str]:
    if len(row.regions) <= MOST_IN_A_CELL:
        return []
    return style.wrapped(f"Regions of {row.name}: {', '.join(row.regions)}", "", "   ")


def _block(row: Watch) -> str:
    question = row.question
    days = counted(question.duration_hours // 24, "day")
    return f"{question.count} × {question.instance_type}, {days}"


def _digest(row: Destination) -> str:
    return f"above {row.digest_above} per run" if row.digest_above else "-"


def _summary(row: Destination) -> str:
    summary = row.daily_summary
    return f"{summary.at:%H:%M} {summary.time_zone}" if summary else "-"


def render_explanation(answer: Json, style: Style) -> str:
    """The event, its outcome at each destination, and why."""
    answer = visible_values(answer)
    decisions = answer["decisions"]
    lines = event_lines(answer["event"], style)
    if not decisions:
        return "\n".join([*lines, "No destination receives it: none is configured."])
    lines += ["", *draw(_DECISIONS, decisions, style).lines]
    for decision in decisions:
        text = f"{decision['destination']}: {decision['why']}{_delivery(decision)}"
        lines += style.wrapped(text, then="  ")
    return "\n".join([*lines, "Times are UTC."])


def _outcome(decision: Json) -> str:
    """The outcome of the event: its delivery, or the decision if none is recorded."""
    return str((decision.get("delivery") or {}).get("status") or decision["outcome"])


def _delivery(decision: Json) -> str:
    """The delivery of a routed event; empty if it was not requested."""
    if "delivery" not in decision or decision["outcome"] != "routed":
        return ""
    delivery = decision["delivery"]
    if delivery is None:
        return " No delivery is recorded; records are kept for 30 days."
    at = minute(parse_time(delivery["at"]))
    match delivery["status"]:
        case "delivered":
            text = f"Delivered {at}."
        case "waiting":
            text = f"Waiting since {at} for the end of its run."
        case "skipped":
            text = f"Skipped {at}."
        case "retrying":
            again = f", next {minute(parse_time(delivery['retry_at']))}"
            return f" Attempt {delivery['attempts']} failed {at}{again}: {delivery['detail']}"
        case status:
            text = f"{status.replace('_', ' ').capitalize()} since {at}:"
    return f" {text} {delivery['detail'] or ''}".rstrip()


def render_trial(answer: Json, style: Style) -> str:
    """The sample, and the destinations that it was sent to."""
    answer = visible_values(answer)
    table = draw(_SENT, answer["sent"], style).lines
    return "\n".join([f"Sample: {answer['event']['summary']}", "", *table])


def render_republication(answer: Json, style: Style) -> str:
    """The number of events published now and before, and what is left."""
    answer = visible_values(answer)
    published, before = answer["published"], answer["already_published"]
    lines = [f"Published {counted(published, 'event')}; {before} already published."]
    if answer["error"]:
        lines.append(f"{answer['failed']} could not be published: {answer['error']}.")
    if answer["next"]:
        lines.append(f"Incomplete: continue with --since {answer['next']['since']}.")
    return "\n".join(line for text in lines for line in style.wrapped(text, then="  "))
