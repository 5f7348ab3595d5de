"""What a message on a destination's queue asks for: an event, a test, a daily summary, a flush."""

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


class Unreadable(Exception):
    """A message that asks for nothing known, and never will."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell an event; ``message`` is what machines get of it."""

    event: Event
    message: Message


@dataclass(frozen=True, slots=True)
class Sample:
    """Tell a sample, marked as one; ``message`` is what machines get of it."""

    event: Event
    message: Message


@dataclass(frozen=True, slots=True)
class Summarize:
    """Tell the day as of now; ``scheduled_at`` is the moment at which that was due, None where the
    scheduler does not fill it in (the sandbox's)."""

    scheduled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Flush:
    """Tell the events that were put aside until the end of their run."""

    run_id: str


Job = Tell | Sample | Summarize | Flush


def begun(job: Job) -> datetime | None:
    """When there was something to tell for the first time; None where the job does not know."""
    match job:
        case Tell(event) | Sample(event):
            return event.observed_at
        case Summarize(scheduled_at):
            return scheduled_at
        case Flush():
            return None


def read_job(body: str) -> Job:
    """The job of a queue's message: an event message as the topic carries it, or an object of one
    key, ``test``, ``daily_summary`` or ``flush``. Raises Unreadable."""
    try:
        content = json.loads(body)
        if "version" in content:
            return Tell(from_message(content), content)
        ((kind, detail),) = content.items()
        if kind == "test":
            return Sample(from_message(detail), {**detail, "test": True})
        if kind == "daily_summary":
            return Summarize(_scheduled(_text(detail["scheduled_at"])))
        if kind == "flush":
            return Flush(_text(detail["run_id"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"unreadable: {reason_of(error)}") from error
    raise Unreadable(f"unreadable: unknown kind of message '{kind}'")


def _scheduled(text: str) -> datetime | None:
    return None if text.startswith("<aws.scheduler.") else parse_time(text)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def flush_body(run_id: str) -> str:
    """The message that ``read_job`` reads as a Flush."""
    return json.dumps({"flush": {"run_id": run_id}})


def pause(receives: int) -> timedelta:
    """How long a message waits that failed so many times: 5 s, doubling up to 300 s."""
    doublings = min(receives - 1, 10)
    return min(FIRST_RETRY * float(2**doublings), LONGEST_RETRY)
