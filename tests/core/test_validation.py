"""May a training run start, on what, on which network, and if not, why not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.builders import DAY, HOUR, NOON, a_block, an_odcr
from truffle.core.candidates import TrainingRequest
from truffle.core.model import Health, Reservation
from truffle.core.validation import Validation, validate

WEEK = TrainingRequest("p5.48xlarge", 16, 7 * 24)


def asked(
    *rows: Reservation,
    request: TrainingRequest = WEEK,
    at: datetime = NOON,
    **changes: object,
) -> Validation:
    return validate(rows, replace(request, **changes), at)  # type: ignore[arg-type]


def why(validation: Validation, reservation_id: str) -> str:
    (candidate,) = (
        each for each in validation.candidates if each.reservation.reservation_id == reservation_id
    )
    return "; ".join(candidate.why)


class TestBlocks:
    def test_a_scheduled_block_that_is_large_and_long_enough_is_capacity(self) -> None:
        answer = asked(a_block("cr-1"))

        assert answer.ok
        assert answer.found is not None
        assert answer.found.reservation.reservation_id == "cr-1"
        assert answer.network is not None
        assert "UltraCluster" in answer.network
        assert answer.reason.startswith("Capacity block cr-1 in us-east-2a fits: 16 instances")

    def test_a_block_of_6_days_and_23_hours_holds_a_7_day_run(self) -> None:
        start = NOON + DAY
        block = a_block(start_date=start, end_date=start + timedelta(days=6, hours=23))

        answer = asked(block)

        assert answer.ok
        assert answer.found is not None
        assert answer.found.usable_hours == 166.5
        assert "1.5 h short of 7 days" in answer.found.notes[0]

    @pytest.mark.parametrize("late", [timedelta(0), HOUR])
    def test_a_block_that_has_just_started_still_counts_as_its_days(self, late: timedelta) -> None:
        block = a_block(state="active", available_capacity=16, start_date=NOON - late)

        assert asked(block).ok

    def test_a_block_under_way_counts_with_what_is_left_before_its_effective_end(self) -> None:
        block = a_block(
            state="active",
            available_capacity=16,
            start_date=NOON - 3 * DAY,
            end_date=NOON + DAY + HOUR / 4,
        )

        answer = asked(block, hours=24)

        assert not answer.ok
        assert why(answer, "cr-block") == (
            "23.75 h left until 2026-11-25 11:45 UTC, when AWS starts to terminate instances: "
            "0.25 h too short"
        )
        assert asked(block, hours=23.75).ok

    def test_a_block_of_six_days_is_not_a_block_of_seven(self) -> None:
        answer = asked(a_block(end_date=NOON + 7 * DAY, start_date=NOON + DAY))

        assert not answer.ok
        assert "24.5 h too short" in why(answer, "cr-block")

    def test_only_whole_days_are_forgiven(self) -> None:
        block = a_block()

        assert asked(block, hours=167.5).ok
        assert not asked(block, hours=167.75).ok

    def test_of_an_active_block_only_the_free_instances_count(self) -> None:
        block = a_block(state="active", available_capacity=4, start_date=NOON)

        answer = asked(block)

        assert why(answer, "cr-block") == "4 of its 16 instances free; the run needs 16"

    def test_a_block_that_is_too_small_says_so(self) -> None:
        assert why(asked(a_block(), count=32), "cr-block") == (
            "it has 16 instances; the run needs 32"
        )

    @pytest.mark.parametrize("state", ["payment-pending", "payment-failed", "expired", "odd-new"])
    def test_a_block_in_another_state_is_a_near_miss_with_its_state(self, state: str) -> None:
        assert state in why(asked(a_block(state=state)), "cr-block")

    def test_it_has_to_start_by_the_date_asked(self) -> None:
        block = a_block(start_date=NOON + 2 * DAY)

        assert asked(block).ok
        assert asked(block, start_by=NOON + 2 * DAY).ok
        late = asked(block, start_by=NOON + DAY)
        assert why(late, "cr-block") == (
            "it cannot start before 2026-11-26 12:00 UTC, after 2026-11-25 12:00 UTC"
        )

    def test_the_reservations_of_one_ultraserver_block_are_one_block(self) -> None:
        facts = {"capacity_block_id": "cb-1", "reservation_ids": ("cr-1", "cr-2")}
        rows = [a_block(name, instance_count=9, **facts) for name in ("cr-1", "cr-2")]

        answer = asked(*rows, count=18)

        assert answer.ok
        assert answer.to_json()["found"]["reservation_ids"] == ["cr-1", "cr-2"]

    def test_several_blocks_of_one_zone_are_named_and_never_added_up(self) -> None:
        answer = asked(a_block("cr-1"), a_block("cr-2"), count=32)

        assert not answer.ok
        (together,) = answer.together
        assert (together.reservation_ids, together.instances) == (("cr-1", "cr-2"), 32)
        assert "2 blocks in us-east-2a have 32 instances together, not counted" in answer.reason

    def test_blocks_of_two_zones_are_not_even_mentioned_together(self) -> None:
        other = a_block("cr-2", availability_zone="us-east-2b")

        assert not asked(a_block("cr-1"), other, count=32).together

    def test_a_block_that_is_late_or_unhealthy_fits_with_a_note(self) -> None:
        late = a_block("cr-late", start_date=NOON - HOUR, health=Health("impaired", 1))

        answer = asked(late)

        assert answer.found is not None
        notes = " ".join(answer.found.notes)
        assert "has not been delivered yet" in notes
        assert "interconnect impaired, 1 instance unavailable" in notes

    def test_the_earliest_start_wins_then_the_tightest_fit(self) -> None:
        later = a_block("cr-a", start_date=NOON + 9 * DAY)
        large = a_block("cr-b", instance_count=64)
        tight = a_block("cr-c")

        order = [each.reservation.reservation_id for each in asked(later, large, tight).candidates]

        assert order == ["cr-c", "cr-b", "cr-a"]


class TestOdcrs:
    def test_an_odcr_is_the_second_choice(self) -> None:
        odcr = an_odcr(instance_type="p5.48xlarge", total_capacity=32, available_capacity=32)

        assert asked(odcr).ok
        assert asked(odcr, a_block("cr-1")).found is not None
        assert asked(odcr, a_block("cr-1")).found.is_block  # type: ignore[union-attr]
        assert "standard EC2 networking" in (asked(odcr).network or "")

    def test_a_placement_group_is_named_as_its_network(self) -> None:
        arn = "arn:aws:ec2:us-east-2:123456789012:placement-group/ring"
        odcr = an_odcr(
            instance_type="p5.48xlarge",
            total_capacity=32,
            available_capacity=32,
            placement_group_arn=arn,
        )

        assert "cluster placement group ring" in (asked(odcr).network or "")

    def test_what_is_free_counts_and_not_what_is_reserved(self) -> None:
        odcr = an_odcr(instance_type="p5.48xlarge", total_capacity=32, available_capacity=15)

        assert why(asked(odcr), "cr-odcr") == "15 of its 32 instances free; the run needs 16"

    def test_an_end_date_bounds_the_run(self) -> None:
        odcr = an_odcr(
            instance_type="p5.48xlarge",
            total_capacity=16,
            available_capacity=16,
            end_date=NOON + 6 * DAY,
        )

        assert "1 day too short" in why(asked(odcr), "cr-odcr")
        assert asked(odcr, hours=6 * 24).ok

    def test_a_future_dated_odcr_counts_from_its_start(self) -> None:
        odcr = an_odcr(
            instance_type="p5.48xlarge",
            state="scheduled",
            total_capacity=16,
            available_capacity=0,
            start_date=NOON + 5 * DAY,
        )

        assert asked(odcr).ok
        assert not asked(odcr, start_by=NOON + 4 * DAY).ok

    def test_an_interruptible_odcr_comes_last_and_says_so(self) -> None:
        facts = {"instance_type": "p5.48xlarge", "total_capacity": 16, "available_capacity": 16}
        shaky = an_odcr("cr-a", interruptible=True, **facts)

        answer = asked(shaky, an_odcr("cr-b", **facts))

        assert [each.reservation.reservation_id for each in answer.candidates] == ["cr-b", "cr-a"]
        assert "interruptible" in answer.candidates[1].notes[0]


class TestAnswer:
    def test_nothing_of_the_type(self) -> None:
        answer = asked(an_odcr())

        assert not answer.ok
        assert answer.candidates == ()
        assert answer.reason == (
            "There is no capacity for 16 × p5.48xlarge for 7 days: "
            "no capacity block and no ODCR of this type is held."
        )

    def test_the_reason_names_the_nearest_miss_of_each_type(self) -> None:
        small = an_odcr(instance_type="p5.48xlarge")

        reason = asked(a_block("cr-far"), small, count=20).reason

        assert "the only capacity block, cr-far: it has 16 instances; the run needs 20" in reason
        assert "the only ODCR, cr-odcr: 3 of its 8 instances free" in reason

    def test_its_json(self) -> None:
        answer = asked(a_block("cr-1"), start_by=NOON + 3 * DAY).to_json()

        assert json.loads(json.dumps(answer)) == answer
        assert list(answer)[:10] == [
            "ok",
            "instance_type",
            "count",
            "hours",
            "start_by",
            "found",
            "network",
            "network_nodes",
            "proximity",
            "reason",
        ]
        assert answer["hours"] == 168
        assert answer["start_by"] == "2026-11-27T12:00:00Z"
        assert answer["found"]["reservation"]["reservation_id"] == "cr-1"
        (candidate,) = answer["candidates"]
        assert candidate["fits"] is True
        assert candidate["why"] == []
        assert candidate["usable_hours"] == 167.5

    def test_without_capacity_found_and_network_are_null(self) -> None:
        answer = asked().to_json()

        assert (answer["found"], answer["network"]) == (None, None)


class TestUnknown:
    """A value that EC2 does not show to this account is neither 0 nor a reason against a
    reservation."""

    SHARED = a_block("cr-shared", instance_count=None, total_capacity=0, available_capacity=0)

    def undecided(self, answer: Validation) -> list[str]:
        return [each.reservation.reservation_id for each in answer.undecided]

    def test_the_size_of_a_block_of_another_account_before_its_start(self) -> None:
        answer = asked(self.SHARED)

        assert not answer.ok
        assert self.undecided(answer) == ["cr-shared"]
        assert answer.to_json()["unknown_reservations"] == ["cr-shared"]
        assert answer.to_json()["candidates"][0]["instances"] is None
        assert why(answer, "cr-shared") == ""
        assert "it is unknown how many instances it has; the run needs 16" in answer.reason
        assert answer.reason.startswith("It is unknown whether there is capacity for 16 ×")

    def test_a_size_matters_no_more_where_something_else_is_in_the_way(self) -> None:
        answer = asked(self.SHARED, start_by=NOON)

        assert self.undecided(answer) == []
        assert answer.reason.startswith("There is no capacity")

    def test_nor_where_another_reservation_fits(self) -> None:
        answer = asked(self.SHARED, a_block("cr-fits"))

        assert answer.found is not None
        assert answer.found.reservation.reservation_id == "cr-fits"
        assert self.undecided(answer) == []

    def test_nor_where_the_reservations_of_known_size_are_enough(self) -> None:
        block = a_block("cr-1", capacity_block_id="cb-1", instance_count=16)
        sibling = replace(self.SHARED, capacity_block_id="cb-1")

        assert asked(block, sibling).ok

    def test_how_many_instances_are_free(self) -> None:
        odcr = an_odcr("cr-odcr", state="active", total_capacity=32, available_capacity=None)

        answer = asked(odcr, request=replace(WEEK, instance_type=odcr.instance_type))

        assert self.undecided(answer) == ["cr-odcr"]
        assert "it is unknown how many of its instances are free" in answer.reason

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"effective_end": None}, "its end is unknown"),
            ({"start_date": None}, "its start is unknown"),
            ({"state": ""}, "its state is unknown"),
        ],
    )
    def test_dates_and_states(self, changes: dict[str, object], words: str) -> None:
        answer = asked(replace(a_block("cr-1"), **changes))  # type: ignore[arg-type]

        assert self.undecided(answer) == ["cr-1"]
        assert words in answer.reason

    def test_health(self) -> None:
        answer = asked(a_block("cr-1", health=Health("impaired", None)))

        assert answer.found is not None
        assert "an unknown number of instances unavailable" in " ".join(answer.found.notes)
