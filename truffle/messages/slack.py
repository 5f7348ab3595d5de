"""An event as a Slack message: a Block Kit card, and a line for notifications.

Limits (Slack's Block Kit reference): header 150 characters, section 3,000, ten fields of 2,000.
"""

from __future__ import annotations

from typing import Any

from truffle.core.events import Event, Severity
from truffle.core.model import CapacityBlock, Reservation
from truffle.core.times import format_time
from truffle.messages.advice import console_url, next_step
from truffle.messages.email import instances

COLOURS = {
    Severity.INFO: "#6b7280",
    Severity.GOOD: "#15803d",
    Severity.WARNING: "#d97706",
    Severity.CRITICAL: "#b91c1c",
}

_TITLES = {
    Severity.INFO: "ℹ️",
    Severity.GOOD: "✅",
    Severity.WARNING: "⚠️",
    Severity.CRITICAL: "🚨",
}

Json = dict[str, Any]


def card(event: Event) -> Json:
    """The body of an incoming webhook's request."""
    blocks = [_header(event), _section(event.summary)]
    blocks.append({"type": "section", "fields": [_field(*pair) for pair in _facts(event)]})
    step = next_step(event)
    if step:
        blocks.append(_section(f"What to do: {step}"))
    url = console_url(event)
    if url:
        blocks.append(_link(url))
    blocks.append(_context(event))
    fallback = _cut(escape(f"[{event.severity}] {event.summary}"), 3000)
    return {
        "text": fallback,
        "attachments": [{"color": COLOURS[event.severity], "fallback": fallback, "blocks": blocks}],
    }


def escape(text: str) -> str:
    """Slack's three control characters as entities, so that a tag cannot ping or link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _header(event: Event) -> Json:
    title = f"{_TITLES[event.severity]} {event.type.value.replace('_', ' ').capitalize()}"
    where = f"{title} in {event.region}"
    return {"type": "header", "text": {"type": "plain_text", "text": _cut(where, 150)}}


def _section(text: str) -> Json:
    return {"type": "section", "text": _mrkdwn(_cut(escape(text), 3000))}


def _field(name: str, value: str) -> Json:
    return _mrkdwn(_cut(f"*{name}*\n{escape(value)}", 2000))


def _mrkdwn(text: str) -> Json:
    """Escaped text; ``verbatim`` keeps Slack from making links and mentions of plain words."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _facts(event: Event) -> list[tuple[str, str]]:
    facts = [("Change", event.reason), ("Account", event.account_id)]
    if event.reservation is not None:
        facts += _reservation_facts(event.reservation)
    return facts[:10]


def _reservation_facts(row: Reservation) -> list[tuple[str, str]]:
    facts = [("Reservation", row.reservation_id), ("Instances", instances(row))]
    if row.tags.get("Name"):
        facts.append(("Name", row.tags["Name"]))
    if row.availability_zone:
        facts.append(("Zone", row.availability_zone))
    if row.start_date:
        facts.append(("Start", format_time(row.start_date)))
    end = row.effective_end if isinstance(row, CapacityBlock) else row.end_date
    if end:
        facts.append(("Usable to" if isinstance(row, CapacityBlock) else "End", format_time(end)))
    return facts


def _link(url: str) -> Json:
    button = {"type": "button", "text": {"type": "plain_text", "text": "EC2 console"}, "url": url}
    return {"type": "actions", "elements": [button]}


def _context(event: Event) -> Json:
    line = f"Observed {format_time(event.observed_at)} · event {event.event_id}"
    return {"type": "context", "elements": [_mrkdwn(line)]}


def _cut(text: str, length: int) -> str:
    """At most so many characters; an entity is never cut in two."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    ampersand = cut.rfind("&", -5)
    return (cut[:ampersand] if ampersand >= 0 and ";" not in cut[ampersand:] else cut) + "…"
