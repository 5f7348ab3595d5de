"""Units as messages on their queue."""

from __future__ import annotations

import json
from dataclasses import asdict

from truffle.core.runs import Finish, Unit, WriteLatest
from truffle.core.throttling import Postponed
from truffle.core.times import format_time, parse_time


def to_message(unit: Unit) -> str:
    """A unit as the body of a message."""
    opened_at = unit.opened_at and format_time(unit.opened_at)
    return json.dumps({**asdict(unit), "opened_at": opened_at})


def postponed_message(unit: Unit, postponed: Postponed) -> str:
    """The body of a message that returns a throttled unit."""
    history = {**asdict(postponed), "since": format_time(postponed.since)}
    return json.dumps({**json.loads(to_message(unit)), "postponed": history})


def read_postponed(body: str) -> Postponed | None:
    """How often the unit of a message was postponed; None if never. Raises like read_unit."""
    history = json.loads(body).get("postponed")
    if history is None:
        return None
    return Postponed(history["delivery"], parse_time(history["since"]), history["times"])


def finish_message(run_id: str) -> str:
    """The body of a message that requests the close of a lost run."""
    return json.dumps({"finish": run_id})


def latest_message(message: WriteLatest) -> str:
    """The body of a message that requests ``latest/`` as of a closed run."""
    return json.dumps({"latest": message.run_id, "closed_at": format_time(message.closed_at)})


def read_message(body: str) -> Unit | Finish | WriteLatest:
    """The work that a message asks for. Raises ValueError, KeyError or TypeError for any other
    message."""
    message = json.loads(body)
    if isinstance(message, dict) and "finish" in message:
        return Finish(message["finish"])
    if isinstance(message, dict) and "latest" in message:
        return WriteLatest(message["latest"], parse_time(message["closed_at"]))
    return read_unit(body)


def read_unit(body: str) -> Unit:
    """The unit of a message. Raises ValueError, KeyError or TypeError for any other content."""
    message = json.loads(body)
    opened_at = message.get("opened_at")
    return Unit(
        message["run_id"],
        message["region"],
        tuple(message["accounts"]),
        message.get("group"),
        opened_at and parse_time(opened_at),
    )
