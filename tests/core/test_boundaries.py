"""Behaviour exactly at a moment, and a microsecond before and after it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.builders import (
    DAY,
    HOUR,
    NOON,
    OHIO,
    a_block,
    a_scope_event,
    a_snapshot,
    a_status,
    an_event,
    an_odcr,
)
from truffle.core.diff import compare
from truffle.core.events import Event, EventType
from truffle.core.filters import Filter
from truffle.core.idle import idle_since, unused, watch
from truffle.core.incidents import incident_of
from truffle.core.merging import merge
from truffle.core.model import Failure, FailureKind, Reservation
from truffle.core.pricing import PriceBook
from truffle.core.scope_health import after_failure
from truffle.core.thresholds import Thresholds
from truffle.core.timed_events import due, extension_deadline, with_idle_cost

TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
DEFAULT = Thresholds()


def types(events: list[Event]) -> list[EventType]:
    return [event.type for event in events]


def between(before: datetime, now: datetime, row: Reservation, **more: Any) -> list[Event]:
    """The events that time caused between two observations of an unchanged reservation."""
    return due(a_snapshot(row, at=before), a_snapshot(row, at=now), DEFAULT, **more)


# --- comparing snapshots -------------------------------------------------------------------------


def test_two_snapshots_of_one_moment_can_be_compared() -> None:
    assert compare(a_snapshot(an_odcr(), at=NOON), a_snapshot(an_odcr(), at=NOON)) == []


def test_a_snapshot_cannot_be_compared_with_a_later_one() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        compare(a_snapshot(at=NOON + TICK), a_snapshot(at=NOON))


@pytest.mark.parametrize(
    ("created", "expected"),
    [(NOON - TICK, []), (NOON, [EventType.DISCOVERED]), (NOON + TICK, [EventType.DISCOVERED])],
)
def test_a_new_reservation_that_is_over_is_reported_unless_it_is_older_than_the_last_look(
    created: datetime, expected: list[EventType]
) -> None:
    row = a_block(state="payment-failed", create_date=created)
    assert types(compare(a_snapshot(at=NOON), a_snapshot(row, at=NOON + HOUR))) == expected


# --- thresholds in time --------------------------------------------------------------------------


def test_a_payment_is_due_at_the_moment_of_a_late_purchase_itself() -> None:
    row = a_block(
        state="payment-pending",
        create_date=NOON,
        start_date=NOON + 30 * MINUTE,
        end_date=NOON + DAY,
    )
    assert EventType.PAYMENT_DUE in types(between(NOON - MINUTE, NOON, row))
    assert EventType.PAYMENT_DUE not in types(between(NOON - MINUTE, NOON - TICK, row))


IDLE_BLOCK = a_block(state="active", start_date=NOON - DAY, end_date=NOON + 30 * DAY)
IDLE_AFTER = min(DEFAULT.idle_blocks)


@pytest.mark.parametrize(
    ("before", "now", "is_due"),
    [
        (-MINUTE, -TICK, False),
        (-MINUTE, timedelta(), True),
        (-TICK, timedelta(), True),
        (timedelta(), MINUTE, False),
    ],
)
def test_an_idle_block_is_due_once_its_time_is_up(
    before: timedelta, now: timedelta, is_due: bool
) -> None:
    at = NOON + IDLE_AFTER
    events = between(at + before, at + now, IDLE_BLOCK, idle={"cr-block": NOON})
    assert (EventType.IDLE in types(events)) is is_due


def test_idle_events_of_one_look_come_shortest_first() -> None:
    row = an_odcr(total_capacity=4, available_capacity=4)
    lengths = (3 * HOUR, HOUR, 5 * HOUR, 2 * HOUR, 4 * HOUR)
    events = due(
        a_snapshot(row, at=NOON),
        a_snapshot(row, at=NOON + 6 * HOUR),
        Thresholds(idle_odcrs=lengths),
        {"cr-odcr": NOON},
    )
    idle = [event for event in events if event.type is EventType.IDLE]
    assert [(event.after or {})["threshold"] for event in idle] == ["1h", "2h", "3h", "4h", "5h"]


def test_what_idle_instances_cost_so_far_is_rounded_to_cents() -> None:
    row = an_odcr(total_capacity=3, available_capacity=3, used_capacity=0)
    thresholds = Thresholds(idle_odcrs=(HOUR,))
    events = due(
        a_snapshot(row, at=NOON),
        a_snapshot(row, at=NOON + HOUR + 61 * SECOND),
        thresholds,
        {"cr-odcr": NOON},
    )
    [idle] = [event for event in events if event.type is EventType.IDLE]
    event = with_idle_cost(idle, PriceBook({"p4d.24xlarge": 1.0}))
    assert (event.after or {})["usd_so_far"] == 3.05


ENDING = a_block(state="active", start_date=NOON - DAY, end_date=NOON + HOUR)


@pytest.mark.parametrize(
    ("observed", "deadline"), [(NOON - TICK, NOON), (NOON, None), (NOON + TICK, None)]
)
def test_a_block_can_be_extended_until_an_hour_before_its_end(
    observed: datetime, deadline: datetime | None
) -> None:
    event = an_event(ENDING, type=EventType.ENDING_SOON, observed_at=observed)
    assert extension_deadline(event) == deadline


@pytest.mark.parametrize(("now", "on_offer"), [(NOON - TICK, None), (NOON, False)])
def test_an_extension_is_out_of_reach_at_its_very_deadline(
    now: datetime, on_offer: bool | None
) -> None:
    [event] = [
        event
        for event in between(NOON - 2 * HOUR, now, ENDING)
        if (event.after or {}).get("threshold") == "2h"
    ]
    assert (event.after or {})["extension"]["on_offer"] is on_offer


@pytest.mark.parametrize(
    ("now", "words"),
    [(-TICK, "starts within"), (timedelta(), "has passed"), (TICK, "has passed")],
)
def test_a_start_that_is_looked_at_when_it_comes_has_passed(now: timedelta, words: str) -> None:
    row = a_block(start_date=NOON, end_date=NOON + 7 * DAY)
    events = between(NOON - 2 * HOUR, NOON + now, row)
    [event] = [event for event in events if event.type is EventType.STARTING_SOON]
    assert words in event.reason


@pytest.mark.parametrize(
    ("now", "words"),
    [(-TICK, "ends within"), (timedelta(), "has passed"), (TICK, "has passed")],
)
def test_an_end_that_is_looked_at_when_it_comes_has_passed(now: timedelta, words: str) -> None:
    end = NOON + 30 * MINUTE
    row = a_block(state="active", start_date=NOON - DAY, end_date=end)
    events = between(NOON - HOUR, NOON + now, row)
    assert events
    assert all(words in event.reason for event in events if event.type is EventType.ENDING_SOON)


def test_a_block_that_expires_at_its_very_end_reached_it() -> None:
    row = a_block(state="expired", start_date=NOON - 2 * DAY, end_date=NOON + 30 * MINUTE)
    events = between(NOON - MINUTE * 50, NOON, row)
    assert [event.reason for event in events] == ["its end has passed"]


def test_an_expired_block_says_that_it_started_and_not_that_it_should_have() -> None:
    row = a_block(state="expired", start_date=NOON - 2 * HOUR, end_date=NOON + HOUR)
    events = between(NOON - 4 * HOUR, NOON, row)
    starts = [event for event in events if event.type is EventType.STARTING_SOON]
    assert starts
    assert all("should have started" not in event.summary for event in starts)


def test_an_odcr_without_a_start_date_lasts_from_its_creation() -> None:
    row = an_odcr(start_date=None, create_date=NOON, end_date=NOON + 2 * HOUR)
    ends = [
        event
        for event in between(NOON - MINUTE, NOON + 2 * HOUR - TICK, row)
        if event.type is EventType.ENDING_SOON
    ]
    assert {(event.after or {})["threshold"] for event in ends} == {"40m"}


def test_what_to_wait_for_lies_ahead_of_the_observation() -> None:
    at = NOON + IDLE_AFTER
    rest = sorted(DEFAULT.idle_blocks)[1:]
    snapshot = a_snapshot(IDLE_BLOCK, at=at)
    expected = NOON + rest[0] if rest else None
    assert watch(snapshot, {"cr-block": NOON}, DEFAULT).due == expected
    assert watch(a_snapshot(IDLE_BLOCK, at=at - TICK), {"cr-block": NOON}, DEFAULT).due == at


# --- idle instances and their price --------------------------------------------------------------


@pytest.mark.parametrize("state", ["scheduled", "pending", "expired", "cancelled"])
def test_a_reservation_that_is_not_active_has_no_unused_instances(state: str) -> None:
    assert unused(an_odcr(state=state, available_capacity=5)) == 0


def test_idle_begins_with_the_observation_that_first_shows_it() -> None:
    busy = an_odcr(total_capacity=4, available_capacity=3)
    free = an_odcr(total_capacity=4, available_capacity=4)
    previous, present = a_snapshot(busy, at=NOON), a_snapshot(free, at=NOON + HOUR)
    assert idle_since(previous, present, {}) == {"cr-odcr": NOON + HOUR}


# --- filters, merging, scopes --------------------------------------------------------------------


def test_a_least_capacity_of_zero_leaves_out_what_is_not_known() -> None:
    known, unknown = an_odcr("cr-a", available_capacity=0), an_odcr("cr-b", available_capacity=None)
    assert Filter(min_capacity=0).apply([known, unknown]) == [known]


def test_the_accounts_that_see_a_reservation_are_in_order() -> None:
    accounts = [f"{number:012}" for number in (7, 3, 9, 1, 5)]
    rows = [
        an_odcr(account_id=account, owner_id="999999999999", seen_by=(account,))
        for account in accounts
    ]
    [row] = merge(rows)
    assert row.seen_by == tuple(sorted(accounts))
    assert row.account_id == min(accounts)


def test_a_failure_keeps_a_thousand_characters_of_its_message() -> None:
    failure = Failure(
        scope=OHIO,
        failed_at=NOON,
        kind=FailureKind.ERROR,
        code="InternalError",
        message="x" * 1001,
    )
    _, event = after_failure(a_status(), failure, "run-1", 1)
    assert event is not None
    assert (event.after or {})["message"] == "x" * 1000


def test_a_scope_has_an_incident_of_its_own() -> None:
    opened = incident_of(a_scope_event())
    assert opened is not None
    assert opened.key.endswith("/scope")
