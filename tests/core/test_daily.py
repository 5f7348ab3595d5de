"""The facts of a day: what is held, what begins and ends next, and what needs a decision."""

from collections.abc import Iterable
from typing import Any

import pytest

from tests.builders import (
    DAY,
    HOME,
    HOUR,
    NOON,
    OHIO,
    a_block,
    a_status,
    an_event,
    an_odcr,
)
from truffle.core.daily import Day, FailingScope, HeldCapacity, day
from truffle.core.events import Event, EventType
from truffle.core.expected import expected_denials
from truffle.core.model import FailureKind, Reservation, ReservationType, Scope
from truffle.core.pricing import PriceBook
from truffle.core.status import ScopeError, ScopeStatus

OREGON = Scope(HOME, "us-west-2")


def of(
    *rows: Reservation,
    statuses: Iterable[ScopeStatus] = (),
    events: Iterable[Event] = (),
    expected: Iterable[str] = (),
) -> Day:
    denials = expected_denials(expected)
    return day(rows, statuses, events, NOON, 2 * HOUR, expected=denials)


def names(rows: Iterable[Reservation]) -> list[str]:
    return [row.reservation_id for row in rows]


def test_what_is_held_is_counted_by_type_and_accelerator() -> None:
    held = of(
        a_block("cr-1", instance_count=8, state="active"),
        a_block("cr-2", instance_count=4),
        an_odcr("cr-3"),
        an_odcr("cr-4", instance_type="m5.large", total_capacity=5, available_capacity=0),
        an_odcr("cr-5", instance_type="g6f.large", total_capacity=3, available_capacity=0),
    ).held

    assert held == (
        HeldCapacity(
            type=ReservationType.CAPACITY_BLOCKS,
            accelerator="H100",
            reservations=2,
            instances=12,
            accelerators=96,
            active=8,
            unused=2,
        ),
        HeldCapacity(
            type=ReservationType.ODCR,
            accelerator="A100",
            reservations=1,
            instances=8,
            accelerators=64,
            active=8,
            unused=3,
        ),
        HeldCapacity(
            type=ReservationType.ODCR,
            accelerator="L4",
            reservations=1,
            instances=3,
            accelerators=0.375,
            active=3,
            unused=0,
        ),
        HeldCapacity(
            type=ReservationType.ODCR,
            accelerator=None,
            reservations=1,
            instances=5,
            accelerators=0,
            active=5,
            unused=0,
        ),
    )


@pytest.mark.parametrize("state", ["expired", "cancelled", "failed", "payment-failed"])
def test_what_is_over_is_not_held_and_neither_starts_nor_ends(state: str) -> None:
    over = of(a_block(state=state), a_block("cr-2", state=state, end_date=NOON + HOUR))

    assert [*over.held, *over.starting, *over.ending] == []


@pytest.mark.parametrize(
    ("away", "is_included"), [(HOUR, True), (DAY, True), (DAY + HOUR, False), (0 * HOUR, False)]
)
def test_starts_within_24_hours_are_included(away: Any, is_included: bool) -> None:
    assert bool(of(a_block(start_date=NOON + away)).starting) is is_included


@pytest.mark.parametrize(
    ("away", "is_included"), [(24.5 * HOUR, True), (25 * HOUR, False), (0.5 * HOUR, False)]
)
def test_ends_are_counted_to_the_effective_end(away: Any, is_included: bool) -> None:
    block = a_block(state="active", start_date=NOON - DAY, end_date=NOON + away)

    assert bool(of(block).ending) is is_included


def test_the_soonest_comes_first() -> None:
    found = of(
        a_block("cr-b", start_date=NOON + 2 * HOUR),
        a_block("cr-a", start_date=NOON + 3 * HOUR),
        a_block("cr-c", start_date=NOON + HOUR),
    )

    assert names(found.starting) == ["cr-c", "cr-b", "cr-a"]


def test_an_odcr_ends_by_its_end_date() -> None:
    assert names(of(an_odcr(end_date=NOON + HOUR)).ending) == ["cr-odcr"]


def test_a_scheduled_block_past_its_start_is_late() -> None:
    found = of(
        a_block("cr-late", start_date=NOON - HOUR),
        a_block("cr-active", state="active", start_date=NOON - HOUR),
        a_block("cr-coming"),
    )

    assert names(found.late) == ["cr-late"]


def test_a_block_that_waits_for_its_payment_is_unpaid() -> None:
    found = of(a_block("cr-1", state="payment-pending"), a_block("cr-2"))

    assert names(found.unpaid) == ["cr-1"]


ROWS = (
    an_odcr("cr-some", total_capacity=8, available_capacity=7),
    an_odcr("cr-whole", total_capacity=8, available_capacity=8),
    a_block("cr-block", state="active", available_capacity=9),
    a_block("cr-full", state="active", available_capacity=0),
    an_odcr("cr-pending", state="pending", total_capacity=8, available_capacity=8),
)


def test_idle_are_blocks_with_unused_instances_and_odcrs_without_a_used_one() -> None:
    found = of(*ROWS)

    assert [it.reservation.reservation_id for it in found.idle] == ["cr-block", "cr-whole"]


def test_what_idles_for_most_money_comes_first() -> None:
    found = day(ROWS, [], [], NOON, 2 * HOUR, PriceBook({"p4d*": 32.0}))

    assert [(it.reservation.reservation_id, it.usd_per_hour) for it in found.idle] == [
        ("cr-whole", 256.0),
        ("cr-block", None),
    ]


@pytest.mark.parametrize(
    ("facts", "is_included"),
    [
        ({}, True),
        ({"after": {"state": "failed"}}, True),
        ({"type": EventType.DISCOVERED}, True),
        ({"observed_at": NOON - 23 * HOUR}, True),
        ({"observed_at": NOON - DAY}, False),
        ({"after": {"state": "active"}}, False),
        ({"after": None}, False),
        ({"type": EventType.IDLE}, False),
    ],
)
def test_failures_of_the_last_24_hours_are_included(facts: Any, is_included: bool) -> None:
    assert bool(of(events=[an_event(**facts)]).failed) is is_included


def test_a_failing_scope_is_included_with_its_error_and_its_last_success() -> None:
    error = ScopeError("UnauthorizedOperation", "You may not.", FailureKind.DENIED, NOON - HOUR)

    found = of(statuses=[a_status(error=error, observed_at=NOON - 2 * HOUR), a_status(OREGON)])

    assert found.failing == (FailingScope(OHIO, error, NOON - 2 * HOUR),)
    assert found.scopes == 2
    assert found.oldest == NOON - 2 * HOUR


def test_a_scope_that_nothing_collects_any_more_is_old_data_too() -> None:
    found = of(statuses=[a_status(observed_at=NOON - 3 * HOUR)])

    assert [failing.error.code for failing in found.failing] == ["NotCollected"]


DENIED = ScopeError("UnauthorizedOperation", "You may not.", FailureKind.DENIED, NOON)


@pytest.mark.parametrize("observed_at", [None, NOON - DAY])
def test_a_denial_that_is_expected_closes_a_scope(observed_at: Any) -> None:
    denied = a_status(observed_at=observed_at, error=DENIED)

    found = of(statuses=[denied, a_status(OREGON)], expected=["*/us-east-*"])

    assert (found.failing, found.scopes, found.oldest) == ((), 1, NOON)
    assert found.closed == (FailingScope(OHIO, DENIED, observed_at),)


@pytest.mark.parametrize("expected", [[], ["*/us-west-2"]])
def test_a_denial_that_is_not_expected_is_a_failure(expected: list[str]) -> None:
    found = of(statuses=[a_status(observed_at=None, error=DENIED)], expected=expected)

    assert (found.failing, found.closed) == ((FailingScope(OHIO, DENIED, None),), ())


def test_another_failure_where_a_denial_is_expected_is_a_failure() -> None:
    throttled = ScopeError("RequestLimitExceeded", "Slow down.", FailureKind.THROTTLED, NOON)

    found = of(statuses=[a_status(error=throttled)], expected=["*/*"])

    assert (len(found.failing), found.closed) == (1, ())


def test_a_scope_that_was_never_read_has_no_last_success() -> None:
    error = ScopeError("RequestExpired", "No.", FailureKind.ERROR, NOON)

    found = of(statuses=[a_status(observed_at=None, error=error)])

    assert found.failing[0].last_success is None
    assert found.oldest is None
