"""Events that time alone causes: each threshold once, however often and however late one looks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.builders import DAY, HOME, HOUR, NOON, OTHER, a_block, a_snapshot, an_odcr
from tests.core.timing import DEFAULT, MINUTE, between, thresholds_of
from truffle.core.events import Event, EventType, Severity
from truffle.core.model import CapacityBlock, Reservation, Scope, effective_end
from truffle.core.pricing import PriceBook
from truffle.core.timed_events import due, extension_deadline, with_extension, with_idle_cost

START = NOON + 30 * DAY


def week(state: str = "scheduled", **facts: Any) -> CapacityBlock:
    """A block of a week that starts in a month."""
    return a_block(state=state, start_date=START, end_date=START + 7 * DAY, **facts)


END = START + 7 * DAY - 30 * MINUTE
"""Its effective end."""


def at(moment: datetime, row: Reservation) -> list[Event]:
    """The events due at a moment but not a minute before it."""
    return between(moment - MINUTE, moment, row)


# --- each kind -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "row", "event"),
    [
        (START - DAY, week(), ("starting_soon", "24h")),
        (START - HOUR, week(), ("starting_soon", "1h")),
        (START + 15 * MINUTE, week(), ("late_delivery", "15m")),
        (END - 3 * DAY, week("active"), ("ending_soon", "3d")),
        (END - DAY, week("active"), ("ending_soon", "24h")),
        (END - 2 * HOUR, week("active"), ("ending_soon", "2h")),
        (END - 40 * MINUTE, week("active"), ("ending_soon", "40m")),
        (NOON + 11 * HOUR, week("payment-pending", create_date=NOON), ("payment_due", "11h")),
    ],
)
def test_each_threshold_fires_at_its_moment_and_not_before(
    moment: datetime, row: Reservation, event: tuple[str, str]
) -> None:
    assert thresholds_of(at(moment, row)) == [event]
    assert at(moment - MINUTE, row) == []
    assert at(moment + MINUTE, row) == []


@pytest.mark.parametrize(
    ("moment", "row", "reason"),
    [
        (START - DAY, week(), "starts within 24 h"),
        (START - HOUR, week(), "starts within 1 h"),
        (START + 15 * MINUTE, week(), "still scheduled 15 min after its start"),
        (END - 3 * DAY, week("active"), "ends within 3 d"),
        (END - 40 * MINUTE, week("active"), "ends within 40 min"),
        (
            NOON + 11 * HOUR,
            week("payment-pending", create_date=NOON),
            "unpaid 11 h after its purchase",
        ),
    ],
)
def test_the_reason_is_the_threshold(moment: datetime, row: Reservation, reason: str) -> None:
    assert [event.reason for event in at(moment, row)] == [reason]


def test_payment_is_due_an_hour_before_the_start_where_that_is_sooner() -> None:
    row = a_block(
        state="payment-pending", create_date=NOON, start_date=NOON + 5 * HOUR, end_date=NOON + DAY
    )
    (event,) = (one for one in at(NOON + 4 * HOUR, row) if one.type is EventType.PAYMENT_DUE)
    assert thresholds_of([event]) == [("payment_due", "1h")]
    assert event.reason == "unpaid 1 h before its start"
    assert at(NOON + 11 * HOUR, row) == []


def test_payment_is_due_at_once_for_a_block_that_is_bought_shortly_before_its_start() -> None:
    row = a_block(
        state="payment-pending",
        create_date=NOON,
        start_date=NOON + 40 * MINUTE,
        end_date=NOON + DAY,
    )
    looks = [NOON - HOUR, NOON + 10 * MINUTE, NOON + 20 * MINUTE]
    first = due(a_snapshot(at=looks[0]), a_snapshot(row, at=looks[1]), DEFAULT)
    again = due(a_snapshot(row, at=looks[1]), a_snapshot(row, at=looks[2]), DEFAULT)

    assert thresholds_of(first) == [("payment_due", "1h")]
    assert again == []


@pytest.mark.parametrize("state", ["scheduled", "active", "payment-failed"])
def test_a_payment_that_came_or_failed_is_not_due(state: str) -> None:
    assert at(NOON + 11 * HOUR, week(state, create_date=NOON)) == []


@pytest.mark.parametrize("state", ["active", "payment-pending", "expired"])
def test_only_what_is_still_scheduled_is_late(state: str) -> None:
    assert at(START + 15 * MINUTE, week(state)) == []


def test_an_odcr_with_dates_starts_and_ends_soon() -> None:
    row = an_odcr(state="scheduled", start_date=START, end_date=START + 7 * DAY)
    assert thresholds_of(at(START - DAY, row)) == [("starting_soon", "24h")]
    assert thresholds_of(at(START + 6 * DAY, row)) == [("ending_soon", "24h")]


def test_an_odcr_that_began_at_once_and_has_no_end_has_no_moments() -> None:
    row = an_odcr(start_date=NOON, create_date=NOON)
    assert between(NOON - DAY, NOON + 1000 * DAY, row) == []


def test_an_ultraserver_ends_an_hour_before_its_end_date() -> None:
    row = replace(week("active"), effective_end=effective_end(START + 7 * DAY, ultraserver=True))
    assert thresholds_of(at(START + 7 * DAY - HOUR - 2 * HOUR, row)) == [("ending_soon", "2h")]


@pytest.mark.parametrize("length", [timedelta(hours=20), DAY])
def test_an_end_is_not_announced_longer_before_than_the_block_lasts(length: timedelta) -> None:
    row = a_block(state="active", start_date=START, end_date=START + length)
    fired = thresholds_of(between(NOON, START + length, row))
    assert [name for name in fired if name[0] == "ending_soon"] == [
        ("ending_soon", "2h"),
        ("ending_soon", "40m"),
    ]


def test_nothing_is_announced_before_it_was_bought() -> None:
    row = a_block(
        state="scheduled", create_date=NOON, start_date=NOON + 30 * MINUTE, end_date=NOON + 2 * DAY
    )
    assert between(NOON - HOUR, NOON + MINUTE, row) == []


@pytest.mark.parametrize("state", ["cancelled", "failed", "payment-failed", "unsupported"])
def test_what_is_over_has_no_moments(state: str) -> None:
    assert between(NOON, START + 8 * DAY, week(state)) == []


def test_what_expired_early_has_nothing_ahead() -> None:
    assert between(NOON, START + 6 * DAY + HOUR, week("expired")) != []
    assert at(END - DAY, week("expired")) == []


def test_several_snapshots_of_a_fleet_name_the_reservation_in_order() -> None:
    rows = [week(reservation_id=name) for name in ("cr-b", "cr-a")]
    before, now = (a_snapshot(*rows, at=moment) for moment in (NOON, START - DAY))
    events = due(before, now, DEFAULT)
    assert [event.reservation and event.reservation.reservation_id for event in events] == [
        "cr-a",
        "cr-b",
    ]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (a_snapshot(), a_snapshot(scope=Scope(OTHER, "us-east-2"))),
        (a_snapshot(), a_snapshot(at=NOON - HOUR)),
    ],
)
def test_snapshots_that_cannot_follow_each_other_are_refused(before: Any, now: Any) -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        due(before, now, DEFAULT)


@pytest.mark.parametrize("date", [datetime(9999, 12, 31, 23, 59, tzinfo=UTC)])
def test_a_date_at_the_end_of_time_is_only_far_away(date: datetime) -> None:
    row = an_odcr(state="scheduled", start_date=date, end_date=date)
    assert between(NOON, NOON + 1000 * DAY, row) == []


def test_a_date_at_the_begin_of_time_is_only_long_ago() -> None:
    row = an_odcr(start_date=datetime(1, 1, 1, tzinfo=UTC), create_date=None)
    assert between(NOON, NOON + DAY, row) == []


# --- what is said --------------------------------------------------------------------------------


def test_an_event_says_what_it_counts_to() -> None:
    (event,) = between(START - 25 * HOUR, START - 23 * HOUR, week())
    assert event.after == {"threshold": "24h", "start_date": "2026-12-24T12:00:00Z"}
    assert event.before is None
    assert event.summary.endswith("(16 × p5.48xlarge, us-east-2) starts in 23 h.")
    assert event.reason == "starts within 24 h"
    assert (event.observed_at, event.previous_observed_at) == (
        START - 23 * HOUR,
        START - 25 * HOUR,
    )
    assert (event.account_id, event.region) == (HOME, "us-east-2")


@pytest.mark.parametrize(
    ("moment", "severity"),
    [
        (END - 3 * DAY, Severity.INFO),
        (END - DAY, Severity.WARNING),
        (END - 40 * MINUTE, Severity.WARNING),
    ],
)
def test_an_end_is_a_warning_from_a_day_on(moment: datetime, severity: Severity) -> None:
    (event,) = at(moment, week("active"))
    assert event.severity is severity


def test_a_missed_start_is_reported_as_past() -> None:
    events = between(START - 25 * HOUR, START + 2 * HOUR, week("active"))
    assert thresholds_of(events) == [("starting_soon", "24h"), ("starting_soon", "1h")]
    assert {event.severity for event in events} == {Severity.INFO}
    assert all(event.summary.endswith("started 2 h ago.") for event in events)
    assert {event.reason for event in events} == {"its start has passed"}


def test_a_start_that_did_not_come_is_not_reported_as_one() -> None:
    soon, late = between(START - 2 * HOUR, START + 2 * HOUR, week())
    assert soon.summary.endswith("should have started 2 h ago but is still scheduled.")
    assert late.summary.endswith("should have started 2 h ago but is still scheduled.")
    assert [event.severity for event in (soon, late)] == [Severity.INFO, Severity.WARNING]


def test_a_missed_end_is_reported_as_past() -> None:
    (event,) = between(END - HOUR, END + 2 * HOUR, week("expired"))
    assert (event.severity, thresholds_of([event])) == (Severity.INFO, [("ending_soon", "40m")])
    assert event.summary.endswith("reached its end 2 h ago.")
    assert event.reason == "its end has passed"


# --- extensions ----------------------------------------------------------------------------------


def test_a_block_that_ends_says_until_when_it_can_be_extended() -> None:
    (event,) = at(END - DAY, week("active"))
    assert (event.after or {})["extension"] == {
        "deadline": "2026-12-31T11:00:00Z",
        "on_offer": None,
        "error": None,
    }
    assert extension_deadline(event) == START + 7 * DAY - HOUR


def test_what_ec2_said_of_an_extension_is_not_part_of_the_events_identity() -> None:
    (event,) = at(END - DAY, week("active"))
    answered = with_extension(event, None, "AccessDenied")
    assert (answered.after or {})["extension"] == {
        "deadline": "2026-12-31T11:00:00Z",
        "on_offer": None,
        "error": "AccessDenied",
    }
    assert answered.event_id == event.event_id


@pytest.mark.parametrize(
    "event",
    [
        between(END - HOUR, END - 20 * MINUTE, week("active"))[0],
        between(END - HOUR, END + DAY, week("expired"))[0],
        at(END - DAY, week("pending"))[0],
        at(START - DAY, week())[0],
        at(START + 6 * DAY, an_odcr(start_date=START, end_date=START + 7 * DAY))[0],
    ],
)
def test_ec2_is_not_asked_for_an_extension_that_cannot_be(event: Event) -> None:
    assert extension_deadline(event) is None


def test_after_the_deadline_no_extension_is_on_offer() -> None:
    (event,) = between(END - HOUR, END - 20 * MINUTE, week("active"))
    assert (event.after or {})["extension"]["on_offer"] is False


def test_an_odcr_has_no_extension() -> None:
    (event,) = at(START + 6 * DAY, an_odcr(start_date=START, end_date=START + 7 * DAY))
    assert "extension" not in (event.after or {})


# --- being idle ----------------------------------------------------------------------------------

WASTED = a_block("cr-b", state="active", available_capacity=4, create_date=NOON)


def test_a_block_that_was_unused_long_enough_is_idle() -> None:
    idle = {"cr-b": NOON}
    assert between(NOON, NOON + 2 * HOUR - MINUTE, WASTED, idle=idle) == []
    (event,) = between(NOON + HOUR, NOON + 3 * HOUR, WASTED, idle=idle)
    assert (event.type, event.severity) == (EventType.IDLE, Severity.WARNING)
    assert event.summary.endswith("has had unused instances for 3 h: 4 of 16 now.")
    assert event.reason == "idle for 2 h"
    assert event.after == {
        "threshold": "2h",
        "idle_since": "2026-11-24T12:00:00Z",
        "unused": 4,
        "usd_per_hour": None,
        "usd_so_far": None,
    }
    assert between(NOON + 2 * HOUR, NOON + 9 * HOUR, WASTED, idle=idle) == []


def test_only_an_idle_reservation_has_costs_of_being_idle() -> None:
    (ending,) = at(END - DAY, week("active"))
    assert with_idle_cost(ending, PriceBook({"*": 99.0})) == ending


def test_an_idle_odcr_says_what_it_costs() -> None:
    row = an_odcr("cr-a", available_capacity=8, create_date=NOON)
    before, now = a_snapshot(row), a_snapshot(row, at=NOON + 36 * HOUR)
    (idle,) = due(before, now, DEFAULT, {"cr-a": NOON})
    event = with_idle_cost(idle, PriceBook({"p4d.24xlarge": 10.0, "*": 99.0}))
    assert event.summary.endswith("has had no instances in use for 36 h.")
    assert event.after == {
        "threshold": "24h",
        "idle_since": "2026-11-24T12:00:00Z",
        "unused": 8,
        "usd_per_hour": 80.0,
        "usd_so_far": 2880.0,
    }
