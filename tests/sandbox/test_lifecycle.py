"""Time: what the clock does to reservations, and how fast it goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.ec2.dates import format_date, parse_date
from sandbox.ec2.fleet import Change, Reservation
from sandbox.ec2.lifecycle import VISIBLE_FOR, phase_at
from tests.sandbox.worlds import NOW, Raw, World, a_block, an_odcr


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def after(world: World, *distances: float) -> list[str | None]:
    """The state of the only reservation after that many hours, None when it is no longer listed."""
    states = []
    for distance in distances:
        world.simulator.set_clock(NOW + hours(distance))
        listed = world.listed()
        states.append(listed[0]["State"] if listed else None)
    return states


class TestBlocks:
    def test_a_block_starts_and_ends_on_time(self, world: World) -> None:
        world.has(a_block(size=16, Simulator={"UsedAtStart": 14}))
        assert after(world, 0, 1.99, 2, 25.9, 26) == [
            "scheduled",
            "scheduled",
            "active",
            "active",
            "expired",
        ]

    def test_its_counts_are_zero_until_it_starts(self, world: World) -> None:
        world.has(a_block(size=16, Simulator={"UsedAtStart": 14}))
        assert counts(world.one()) == (0, 0, [])
        world.simulator.advance(hours(2))
        assert counts(world.one()) == (16, 2, [{"AllocationType": "used", "Count": 14}])
        world.simulator.advance(hours(24))
        assert counts(world.one()) == (16, 16, [])

    def test_an_ended_block_stays_listed_for_a_while(self, world: World) -> None:
        world.has(a_block())
        ended = 26 + VISIBLE_FOR["expired"] / hours(1)
        assert after(world, ended - 0.1, ended) == ["expired", None]

    def test_a_payment_that_never_comes_fails_twelve_hours_after_the_purchase(
        self, world: World
    ) -> None:
        world.has(a_block(State="payment-pending", CreateDate="-1h", StartDate="+3d"))
        assert after(world, 10.9, 11) == ["payment-pending", "payment-failed"]

    def test_or_five_minutes_before_the_start(self, world: World) -> None:
        world.has(a_block(State="payment-pending", CreateDate="-1h", StartDate="+2h"))
        assert after(world, 1.9, 1.95) == ["payment-pending", "payment-failed"]

    def test_the_file_may_say_that_it_is_paid(self, world: World) -> None:
        paid = {"Timeline": [{"At": "+1h", "Set": {"State": "scheduled"}}]}
        world.has(a_block(State="payment-pending", CreateDate="-1h", Simulator=paid))
        assert after(world, 0.9, 1, 2) == ["payment-pending", "scheduled", "active"]

    def test_a_payment_after_the_start_starts_it_at_once(self, world: World) -> None:
        paid = {"Timeline": [{"At": "+3h", "Set": {"State": "scheduled"}}]}
        world.has(a_block(State="unavailable", StartDate="+2h", Simulator=paid))
        assert after(world, 2.5, 3) == ["unavailable", "active"]

    def test_one_written_as_late_stays_late(self, world: World) -> None:
        world.has(a_block(StartDate="-1h"))
        assert after(world, 0, 5) == ["scheduled", "scheduled"]

    def test_one_written_as_ended_stays_listed(self, world: World) -> None:
        world.has(a_block(State="expired", StartDate="-9d", EndDate="-2d"))
        assert after(world, 0, 24 * 40) == ["expired", "expired"]


def counts(item: dict[str, Any]) -> tuple[int, int, list[Any]]:
    allocations = item.get("CapacityAllocations", [])
    return item["TotalInstanceCount"], item["AvailableInstanceCount"], allocations


class TestOdcrs:
    def test_one_with_an_end_expires(self, world: World) -> None:
        world.has(an_odcr(EndDate="+1h"))
        assert after(world, 0.9, 1) == ["active", "expired"]

    def test_one_without_an_end_stays(self, world: World) -> None:
        world.has(an_odcr())
        assert after(world, 24 * 365) == ["active"]

    def test_a_future_dated_one_takes_its_committed_size(self, world: World) -> None:
        commitment = {"CommittedInstanceCount": 12, "CommitmentDuration": 1209600}
        start: Raw = {"StartDate": "+5d", "State": "scheduled", "CommitmentInfo": commitment}
        world.has(an_odcr(TotalInstanceCount=0, AvailableInstanceCount=0, **start))
        world.simulator.advance(timedelta(days=5))
        assert counts(world.one()) == (12, 12, [])

    @pytest.mark.parametrize(
        "state", ["assessing", "delayed", "pending", "cancelling", "brand-new"]
    )
    def test_other_states_last(self, world: World, state: str) -> None:
        world.has(an_odcr(State=state))
        assert after(world, 24 * 30) == [state]


class TestPhases:
    def test_a_phase_says_until_when_it_lasts(self) -> None:
        fields = {"CapacityReservationId": "cr-1", "State": "active", "EndDate": NOW + hours(3)}
        reservation = Reservation(
            fields=fields, since=NOW, timeline=(Change(NOW + hours(1), {"Tenancy": "x"}),)
        )
        assert phase_at(reservation, NOW).until == NOW + hours(1)
        assert phase_at(reservation, NOW + hours(1)).until == NOW + hours(3)

    def test_before_it_was_written_it_was_as_written(self) -> None:
        fields = {"CapacityReservationId": "cr-1", "State": "active", "EndDate": NOW + hours(3)}
        assert phase_at(Reservation(fields=fields, since=NOW), NOW - hours(9)).fields == fields


class TestClock:
    def test_it_goes_with_the_wall_clock(self, world: World) -> None:
        assert world.control.now() == NOW
        assert world.control.advance(hours(1)) == NOW + hours(1)
        world.control.set_clock(NOW - hours(1))
        assert world.control.now() == NOW - hours(1)

    def test_back_in_time_everything_is_as_it_was(self, world: World) -> None:
        world.has(a_block())
        assert after(world, 3, 0) == ["active", "scheduled"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-11-24T09:00:00.000Z"),
        ("+3d", "2026-11-27T09:00:00.000Z"),
        ("-2h", "2026-11-24T07:00:00.000Z"),
        ("+1d12h30m", "2026-11-25T21:30:00.000Z"),
        ("-1w@11:30", "2026-11-17T11:30:00.000Z"),
        ("+1d@11:30", "2026-11-25T11:30:00.000Z"),
        ("2026-12-01T11:30:00+00:00", "2026-12-01T11:30:00.000Z"),
        ("2026-12-01T11:30:00-08:00", "2026-12-01T19:30:00.000Z"),
        ("2026-12-01", "2026-12-01T00:00:00.000Z"),
    ],
)
def test_dates_of_a_fleet_file(text: str, expected: str) -> None:
    assert format_date(parse_date(text, NOW)) == expected


@pytest.mark.parametrize("text", ["", "+3", "3d", "+1d@25:00", "tomorrow", "+1y"])
def test_an_invalid_date(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a date|must be in"):
        parse_date(text, datetime(2026, 1, 1, tzinfo=UTC))
