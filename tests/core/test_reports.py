"""A listing's report of a reservation that several accounts list, whatever their clocks show."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from tests.builders import DAY, HOME, HOUR, NOON, OHIO, OTHER, a_status, an_odcr
from truffle.core.events import Event
from truffle.core.model import Reservation
from truffle.core.reports import ListingContext, Report, ReservationView, decide
from truffle.core.thresholds import Thresholds

MINUTE = timedelta(minutes=1)
LISTED_BY_BOTH = frozenset({HOME, OTHER})


def scheduled(start: datetime, state: str = "scheduled") -> Reservation:
    return an_odcr("cr-a", account_id=HOME, state=state, start_date=start, create_date=NOON - DAY)


def reported(row: Reservation, at: datetime) -> Report:
    """The report that another account left at a moment by its own clock."""
    return Report(
        version=1, revision=1, row=row, checked_at=at, members=LISTED_BY_BOTH, is_known=True
    )


def listed(
    report: Report, stored: Reservation, now: Reservation, previous_at: datetime, at: datetime
) -> tuple[tuple[Event, ...], Report]:
    """The events of the owner's listing at a moment by its clock, and the report after it."""
    peers = {OTHER: a_status(replace(OHIO, account_id=OTHER))}
    context = ListingContext(
        scope=OHIO,
        observed_at=at,
        previous_at=previous_at,
        previous_baseline=0,
        baseline=0,
        thresholds=Thresholds(),
        idle_since={},
        peers=peers,
    )
    verdict = decide(ReservationView(report, stored, now), context)
    return verdict.events, verdict.report


def kinds(events: tuple[Event, ...]) -> list[str]:
    return [event.type.value for event in events]


def test_a_change_seen_by_a_slow_clock_does_not_repeat_a_threshold() -> None:
    start = NOON + HOUR
    before, after = scheduled(start, "delayed"), scheduled(start)
    report = reported(before, NOON + MINUTE)
    events, report = listed(report, before, after, NOON - HOUR, NOON - 10 * MINUTE)
    assert kinds(events) == ["state_changed"]
    events, _ = listed(report, after, after, NOON - 10 * MINUTE, NOON + HOUR)
    assert kinds(events) == []


def test_a_start_that_moves_to_between_two_clocks_is_still_reported() -> None:
    before, after = scheduled(NOON + 5 * HOUR), scheduled(NOON + HOUR)
    report = reported(before, NOON + MINUTE)
    events, report = listed(report, before, after, NOON - HOUR, NOON - 10 * MINUTE)
    assert kinds(events) == ["rescheduled", "starting_soon"]
    events, _ = listed(report, after, after, NOON - 10 * MINUTE, NOON + 30 * MINUTE)
    assert kinds(events) == []


def test_an_event_is_observed_when_its_listing_was() -> None:
    before, after = scheduled(NOON + 5 * HOUR), scheduled(NOON + HOUR)
    at = NOON - 10 * MINUTE
    events, _ = listed(reported(before, NOON + MINUTE), before, after, NOON - HOUR, at)
    assert {event.observed_at for event in events} == {at}
