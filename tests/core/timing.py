"""Reservations whose thresholds time crosses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from tests.builders import a_snapshot
from truffle.core.events import Event
from truffle.core.model import Reservation
from truffle.core.thresholds import Thresholds
from truffle.core.timed_events import due

MINUTE = timedelta(minutes=1)
DEFAULT = Thresholds()


def between(
    before: datetime, now: datetime, row: Reservation, was: Reservation | None = None, **more: Any
) -> list[Event]:
    """The events that time caused between two observations of a reservation."""
    return due(a_snapshot(was or row, at=before), a_snapshot(row, at=now), DEFAULT, **more)


def thresholds_of(events: Iterable[Event]) -> list[tuple[str, Any]]:
    return [(event.type.value, (event.after or {})["threshold"]) for event in events]
