"""The result of a comparison."""

from collections.abc import Sequence

from tests.builders import DAY, HOUR, NOON, a_snapshot
from truffle.core.diff import compare
from truffle.core.events import Event
from truffle.core.model import Reservation

BEFORE = NOON - HOUR
UNREACHED_END = NOON + 7 * DAY


def happened(before: Reservation | None, after: Reservation | None) -> list[Event]:
    """The events between two states of one reservation, an hour apart."""
    return compare(
        a_snapshot(*[before] if before else [], at=BEFORE),
        a_snapshot(*[after] if after else [], at=NOON),
    )


def the_event(before: Reservation | None, after: Reservation | None) -> Event:
    (event,) = happened(before, after)
    return event


def kinds(events: Sequence[Event]) -> list[str]:
    return [event.type.value for event in events]
