"""Fleets below their target: one event for each duration, and none while unknown."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.builders import HOUR, NOON
from truffle.core.events import Event, EventType, Severity
from truffle.core.fleet_watch import ScopeFleets, is_short, observed, refused
from truffle.core.fleets import CapacityFleet, FleetMember, from_json
from truffle.core.model import Scope

SCOPE = Scope("123456789012", "us-east-2")
LENGTHS = (HOUR, 24 * HOUR)


def a_fleet(fulfilled: float | None = 12, target: int | None = 20, **facts: Any) -> CapacityFleet:
    given: dict[str, Any] = {"fleet_id": "crf-1", "state": "partially_fulfilled"} | facts
    return CapacityFleet(
        region="us-east-2", target_capacity=target, fulfilled_capacity=fulfilled, **given
    )


def play(*steps: tuple[float, list[CapacityFleet] | str]) -> list[tuple[float, Event]]:
    """The events by hour: each step is an hour with its response, or the code of an error."""
    known, found = ScopeFleets(), []
    for hour, answer in steps:
        at = NOON + hour * HOUR
        if isinstance(answer, str):
            known = refused(known, answer, at, None)
            continue
        known, events = observed(known, SCOPE, answer, at, LENGTHS)
        found += [(hour, event) for event in events]
    return found


def hours(*steps: tuple[float, list[CapacityFleet] | str]) -> list[float]:
    return [hour for hour, _ in play(*steps)]


SHORT, FULL, UNKNOWN = a_fleet(), a_fleet(20.0, state="active"), a_fleet(None)


def test_a_fleet_that_stays_short_is_one_event_for_each_length() -> None:
    found = play((0, [SHORT]), (0.5, [SHORT]), (1, [SHORT]), (2, [SHORT]), (24, [SHORT]))
    assert [(hour, (event.after or {})["threshold"]) for hour, event in found] == [
        (1, "1h"),
        (24, "24h"),
    ]


def test_a_late_look_tells_of_the_longest_alone() -> None:
    found = play((0, [SHORT]), (30, [SHORT]), (31, [SHORT]))
    assert [(hour, (event.after or {})["threshold"]) for hour, event in found] == [(30, "24h")]


def test_the_event_says_which_fleet_has_how_much_of_what() -> None:
    ((_, event),) = play((0, [SHORT]), (1, [SHORT]))
    assert (event.type, event.severity) == (EventType.FLEET_SHORT, Severity.WARNING)
    assert event.summary == (
        "Capacity Reservation Fleet crf-1 (us-east-2) has been below its target for 1 h: 12 of 20."
    )
    assert event.after == {
        "threshold": "1h",
        "short_since": "2026-11-24T12:00:00Z",
        "fleet_id": "crf-1",
        "fleet_state": "partially_fulfilled",
        "target_capacity": 20,
        "fulfilled_capacity": 12,
    }
    assert event.reservation is None
    assert (event.account_id, event.region) == ("123456789012", "us-east-2")


def test_the_same_shortfall_has_the_same_event_whenever_it_is_seen() -> None:
    ((_, one),), ((_, other),) = (
        play((0, [SHORT]), (1, [SHORT])),
        play((0, [SHORT]), (3, [a_fleet(13)])),
    )
    assert one.event_id == other.event_id


def test_a_fleet_that_recovers_starts_anew() -> None:
    assert hours((0, [SHORT]), (0.5, [FULL]), (1, [SHORT]), (1.5, [SHORT]), (2, [SHORT])) == [2]


def test_a_fleet_that_could_not_be_asked_is_neither_short_nor_recovered() -> None:
    assert hours((0, [SHORT]), (1, "RequestLimitExceeded"), (2, [SHORT]), (3, [SHORT])) == [2]


def test_unknown_capacity_is_neither_short_nor_recovered() -> None:
    assert hours((0, [SHORT]), (1, [UNKNOWN]), (2, [SHORT])) == [2]
    assert hours((0, [UNKNOWN]), (5, [UNKNOWN])) == []


def test_a_fleet_that_is_gone_from_a_complete_answer_is_forgotten() -> None:
    assert hours((0, [SHORT]), (0.5, []), (1, [SHORT]), (1.5, [SHORT])) == []


@pytest.mark.parametrize("state", ["expiring", "expired", "cancelling", "cancelled"])
def test_a_fleet_that_is_over_is_not_short(state: str) -> None:
    assert is_short(a_fleet(0, state=state)) is False


def test_a_fleet_that_failed_is_short() -> None:
    assert is_short(a_fleet(0, state="failed")) is True


@pytest.mark.parametrize(
    ("fulfilled", "target", "expected"),
    [(19.5, 20, True), (20, 20, False), (21, 20, False), (None, 20, None), (1, None, None)],
)
def test_what_is_short(fulfilled: float | None, target: int | None, expected: bool | None) -> None:
    assert is_short(a_fleet(fulfilled, target)) is expected


def test_an_error_keeps_what_was_known_and_its_beginning() -> None:
    known, _ = observed(ScopeFleets(), SCOPE, [SHORT], NOON, LENGTHS)
    first = refused(known, "AuthFailure", NOON + HOUR, NOON)
    second = refused(first, "RequestLimitExceeded", NOON + 2 * HOUR, NOON + HOUR)
    assert second.fleets == (SHORT,)
    assert second.error is not None
    assert (second.error.code, second.error.since) == ("RequestLimitExceeded", NOON + HOUR)
    assert second.error.last_success == NOON


def test_a_fleet_is_read_as_it_was_written() -> None:
    member = FleetMember(
        reservation_id="cr-1",
        instance_type="p5.48xlarge",
        availability_zone="us-east-2a",
        platform="Linux/UNIX",
        total_instances=3,
        fulfilled_capacity=12.0,
        weight=4.0,
        priority=1,
    )
    fleet = a_fleet(
        12.5,
        members=(member,),
        create_date=NOON,
        end_date=NOON + timedelta(days=3),
        tags={"Team": "research"},
        observed_at=datetime.fromisoformat("2026-11-24T12:00:00+00:00"),
    )
    assert from_json({**fleet.to_json(), "colour": "red"}) == fleet
