"""The history of one reservation from the deployed stack."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from truffle.core.codec import Json, decode
from truffle.core.events import Event, from_message
from truffle.core.model import Reservation
from truffle.core.times import parse_time


@dataclass(frozen=True, slots=True)
class History:
    """One reservation as now or last known, and its events, the newest first.

    ``events_left_out`` counts older events that did not fit into one response; ``events`` lists
    them.
    """

    reservation: Reservation
    events: list[Event]
    vanished_at: datetime | None
    events_left_out: int = 0


def to_history(data: Json) -> History:
    """The history in a response of ``GET /reservations/{id}``."""
    gone = data["vanished_at"]
    events = [from_message(event) for event in data["events"]]
    left_out = data.get("events_left_out", 0)
    return History(decode(data), events, parse_time(gone) if gone else None, left_out)
