"""The settings of alerts, who gets an event, and where a sample went, for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from truffle.alerts.settings import AlertSettings, Destination
from truffle.core.quoting.terminal import visible, visible_values
from truffle.render.events import event_lines
from truffle.render.style import Style
from truffle.render.tables import Column, draw
from truffle.render.words import counted, minute

Json = Mapping[str, Any]

_OUTCOMES = {
    "sent": "green",
    "muted": "yellow",
    "no_route": "dim",
    "no_incident": "dim",
}

_DECISIONS: list[Column[Json]] = [
    Column("Destination", lambda row: str(row["destination"])),
    Column("Kind", lambda row: str(row["kind"]), leaves=2),
    Column(
        "Outcome",
        lambda row: str(row["outcome"]).replace("_", " "),
        colour=lambda row: _OUTCOMES.get(row["outcome"]),
    ),
    Column("Routes", lambda row: ", ".join(row["routes"]) or "-", leaves=1),
]

_SENT: list[Column[Json]] = [
    Column("Destination", lambda row: str(row["destination"])),
    Column("Kind", lambda row: str(row["kind"])),
    Column(
        "Sample",
        lambda row: f"not sent: {row['error']}" if row["error"] else "on its way",
        colour=lambda row: "red" if row["error"] else "green",
    ),
]


def render_settings(settings: AlertSettings, file: str, now: datetime, style: Style) -> str:
    """What a valid file says, in short."""
    counts = (
        counted(len(settings.destinations), "destination"),
        counted(len(settings.routes), "route"),
        counted(len(settings.mutes), "mute"),
    )
    lines = [style.paint(f"{visible(file)} can be deployed: {', '.join(counts)}.", "green")]
    if settings.destinations:
        lines += ["", *draw(_destinations(settings), settings.destinations, style).lines]
    for mute in settings.mutes:
        state = "Mute that is over" if mute.until <= now else "Mute"
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


def _digest(row: Destination) -> str:
    return f"above {row.digest_above} a run" if row.digest_above else "-"


def _summary(row: Destination) -> str:
    summary = row.daily_summary
    return f"{summary.at:%H:%M} {summary.time_zone}" if summary else "-"


def render_explanation(answer: Json, style: Style) -> str:
    """The event, what becomes of it at each destination, and why."""
    answer = visible_values(answer)
    decisions = answer["decisions"]
    lines = event_lines(answer["event"], style)
    if not decisions:
        return "\n".join([*lines, "Nobody gets it: there are no destinations."])
    lines += ["", *draw(_DECISIONS, decisions, style).lines]
    for decision in decisions:
        lines += style.wrapped(f"{decision['destination']}: {decision['why']}", then="  ")
    return "\n".join([*lines, "Times are UTC."])


def render_trial(answer: Json, style: Style) -> str:
    """The sample, and the destinations that it was sent to."""
    answer = visible_values(answer)
    table = draw(_SENT, answer["sent"], style).lines
    return "\n".join([f"Sample: {answer['event']['summary']}", "", *table])
