"""Tasks in the messages of a destination's queue: an event, a sample, a daily summary, a flush."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas.errors import reason_of
from truffle.core.events import Event, from_message
from truffle.core.times import parse_time

Message = dict[str, Any]

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(seconds=300)

_UNFILLED = "<aws.scheduler."
"""The prefix of a placeholder that the sandbox's scheduler does not replace."""


class InvalidMessage(Exception):
    """A message without a known task; no retry changes that."""


@dataclass(frozen=True, slots=True)
class DeliverEvent:
    """Deliver an event; ``message`` is its JSON form, for machines."""

    event: Event
    message: Message


@dataclass(frozen=True, slots=True)
class DeliverSample:
    """Deliver a sample, marked as one; ``message`` is its JSON form, for machines."""

    event: Event
    message: Message


@dataclass(frozen=True, slots=True)
class DeliverSummary:
    """Deliver the summary of the last day. ``scheduled_at`` is the schedule's time, None if the
    scheduler does not supply it (the sandbox's)."""

    scheduled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Flush:
    """Deliver the events that are buffered until the end of their run."""

    run_id: str


Task = DeliverEvent | DeliverSample | DeliverSummary | Flush


def due_at(task: Task) -> datetime | None:
    """The moment from which a task could be delivered; None if the task has none."""
    match task:
        case DeliverEvent(event) | DeliverSample(event):
            return event.observed_at
        case DeliverSummary(scheduled_at):
            return scheduled_at
        case Flush():
            return None


def parse_task(body: str) -> Task:
    """The task of a message: an event as the topic publishes it, or an object with the one key
    ``test``, ``daily_summary`` or ``flush``. Raises InvalidMessage."""
    try:
        content = json.loads(body)
        if "version" in content:
            return DeliverEvent(from_message(content), content)
        ((kind, detail),) = content.items()
        if kind == "test":
            return DeliverSample(from_message(detail), {**detail, "test": True})
        if kind == "daily_summary":
            return DeliverSummary(_scheduled(_text(detail["scheduled_at"])))
        if kind == "flush":
            return Flush(_text(detail["run_id"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidMessage(f"unreadable: {reason_of(error)}") from error
    raise InvalidMessage(f"unreadable: unknown kind of message '{kind}'")


def _scheduled(text: str) -> datetime | None:
    return None if text.startswith(_UNFILLED) else parse_time(text)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} must be a string")
    return value


def flush_body(run_id: str) -> str:
    """The message that ``parse_task`` reads as a Flush."""
    return json.dumps({"flush": {"run_id": run_id}})


def pause(receives: int) -> timedelta:
    """The pause of a message after this many failures: 5 s, doubling up to 300 s."""
    doublings = min(receives - 1, 10)
    return min(FIRST_RETRY * float(2**doublings), LONGEST_RETRY)
