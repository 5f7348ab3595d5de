"""``truffle offerings``: what can be bought, and why nothing can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.ec2.faults import FaultKind
from tests.cli.conftest import Run
from tests.sandbox.worlds import FOR_GOOD, World, running_now
from truffle.core.market.budget import BURST
from truffle.core.model import Accelerator
from truffle.core.offerings import Offering, Wanted, sold_hours, sorted_offerings
from truffle.ec2.offerings import Budget, OutOfTime, RegionOutcome, list_offerings
from truffle.sources import offerings
from truffle.sources.offerings import budget_of

P5 = ["offerings", "--instance-type", "p5.48xlarge"]
CALL = "DescribeCapacityBlockOfferings"


def an_offer(zone: str = "us-east-2a", price: str = "31.464", **fields: Any) -> dict[str, Any]:
    return {
        "InstanceType": "p5.48xlarge",
        "AvailabilityZone": zone,
        "Count": 16,
        "FirstStart": "+1d@11:30",
        "HourlyPrice": price,
        **fields,
    }


@pytest.fixture(autouse=True)
def sold(world: World) -> None:
    world.has_regions(
        {
            "us-east-2": {"Market": [an_offer()]},
            "eu-west-1": {"Market": [an_offer("eu-west-1b", "20", FirstStart="+9d@11:30")]},
        }
    )


class Selling:
    """An EC2 with one offering at this price."""

    def __init__(self, price: str) -> None:
        self.price = price

    def describe_capacity_block_offerings(self, **_: Any) -> dict[str, Any]:
        offer = {"InstanceType": "p5.48xlarge", "UpfrontFee": self.price}
        return {"CapacityBlockOfferings": [offer]}

    def get_paginator(self, operation_name: str) -> Any:
        raise AssertionError(operation_name)


class TestAnswer:
    def test_the_cheapest_block_comes_first(self, truffle: Run) -> None:
        rows = truffle(*P5, "--count", "4", "--days", "2", "-o", "json").json
        assert [row["region"] for row in rows] == ["eu-west-1"] * 3 + ["us-east-2"] * 3
        assert rows[0]["upfront_fee"] == "3840.00"
        assert rows[0]["price_per_instance_hour"] == 20
        assert rows[0]["price_per_gpu_hour"] == 2.5
        assert rows[0]["duration_hours"] == 48

    def test_or_the_earliest(self, truffle: Run) -> None:
        rows = truffle(*P5, "--days", "2", "--sort", "start", "-o", "json").json
        assert [row["start_date"] for row in rows] == sorted(row["start_date"] for row in rows)
        assert rows[0]["region"] == "us-east-2"

    def test_the_table_has_the_prices(self, truffle: Run) -> None:
        output = truffle(*P5, "--count", "4", "--days", "2").out
        assert "Capacity Blocks for sale: 6 offerings in 2 zones" in output
        assert "$3,840.00 |            $20.00 |        $2.50" in output

    def test_regions_can_be_named(self, truffle: Run, world: World) -> None:
        rows = truffle(*P5, "--days", "2", "-r", "us-east-2", "-o", "json").json
        assert {row["region"] for row in rows} == {"us-east-2"}
        assert ("eu-west-1", CALL) not in world.control.calls()

    @pytest.mark.parametrize(
        ("asked", "hours", "note"),
        [
            (["--days", "14"], 336, None),
            (["--days", "15"], 504, "15 days rounded up to 21 days (504 h)"),
            (["--days", "1.5"], 48, "1.5 days rounded up to 2 days (48 h)"),
            (["--duration-hours", "1"], 24, "1 hours rounded up to 1 day (24 h)"),
            (["--days", "182"], 4368, None),
        ],
    )
    def test_the_duration_is_rounded_up_and_shown(
        self, truffle: Run, asked: list[str], hours: int, note: str | None
    ) -> None:
        found = truffle(*P5, *asked, "-o", "json")
        assert {row["duration_hours"] for row in found.json} == {hours}
        assert (note in found.err) if note else found.err == ""

    def test_dates_bound_it(self, truffle: Run) -> None:
        day = (running_now() + timedelta(days=10)).strftime("%Y-%m-%d")
        rows = truffle(*P5, "--days", "2", "--start-after", day, "-o", "json").json
        assert rows
        assert min(row["start_date"] for row in rows) >= day
        rows = truffle(*P5, "--days", "2", "--end-by", day, "-o", "json").json
        assert rows
        assert max(row["end_date"] for row in rows) <= f"{day}T23:59:59Z"

    def test_ultraservers_are_sold_whole(self, truffle: Run, world: World) -> None:
        offer = an_offer(
            "us-east-2a",
            "42",
            InstanceType="p6e-gb200.36xlarge",
            UltraserverType="u-p6e-gb200x72",
        )
        world.has(Market=[offer])
        command = ["offerings", "--instance-type", "u-p6e-gb200x72", "--days", "7"]
        (row, *_) = truffle(*command, "-o", "json").json
        assert (row["ultraserver_count"], row["instance_count"]) == (1, 18)
        assert row["accelerator"]["name"] == "B200"
        assert row["price_per_gpu_hour"] == round(row["price_per_instance_hour"] / 4, 4)


class TestNothing:
    def test_several_types_are_asked_for_in_one_call(self, truffle: Run, world: World) -> None:
        world.has_regions(
            {"us-east-2": {"Market": [an_offer(), an_offer(InstanceType="p5en.48xlarge")]}}
        )
        two = ["offerings", "--instance-types", "p5.48xlarge,p5en.48xlarge", "--days", "2"]
        found = truffle(*two, "-r", "us-east-2", "-o", "json")
        assert {row["instance_type"] for row in found.json} == {"p5.48xlarge", "p5en.48xlarge"}
        assert world.control.calls()["us-east-2", CALL] == 1

    def test_one_of_several_types_is_not_sold(self, truffle: Run) -> None:
        two = ["offerings", "--instance-types", "p5.48xlarge,m7i.large", "--days", "2"]
        found = truffle(*two, "-r", "us-east-2", "-o", "json")
        assert (found.status, {row["instance_type"] for row in found.json}) == (0, {"p5.48xlarge"})
        assert "m7i.large is not sold as capacity blocks in us-east-2." in found.err
        cells = truffle(*two, "-r", "us-east-2", "--matrix", "-o", "json").json
        outcomes = {cell["instance_type"]: cell["outcome"] for cell in cells}
        assert outcomes == {"p5.48xlarge": "offered", "m7i.large": "unknown-type"}

    def test_training_plans_have_rows_of_their_own_in_the_matrix(
        self, truffle: Run, world: World
    ) -> None:
        plan = an_offer("us-east-2b", "30", InstanceType="ml.p5.48xlarge")
        world.has_regions({"us-east-2": {"Market": [an_offer()], "TrainingPlanMarket": [plan]}})
        asked = [*P5, "--days", "2", "--include", "training-plans", "-r", "us-east-2"]
        cells = truffle(*asked, "--matrix", "-o", "json").json
        prices = {cell["instance_type"]: cell["price_per_gpu_hour"] for cell in cells}
        assert prices == {"p5.48xlarge": 3.933, "ml.p5.48xlarge": 3.75}

    @pytest.mark.parametrize(
        ("types", "says"),
        [
            ("p5.48xlarge,u-p6e-gb200x72", "cannot be combined with others"),
            (",".join(f"p5.{n}xlarge" for n in range(1, 12)), "at most 10 types"),
            ("p5.48xlarge,p5*", "must be one instance type"),
        ],
    )
    def test_types_that_cannot_be_asked_for_together(
        self, truffle: Run, types: str, says: str
    ) -> None:
        found = truffle("offerings", "--instance-types", types, "--days", "2")
        assert (found.status, found.out) == (2, "")
        assert says in found.err

    def test_none_now(self, truffle: Run) -> None:
        found = truffle(*P5, "--count", "64", "--days", "2", "-o", "json")
        assert (found.status, found.json) == (0, [])
        assert "not for sale now: 64 x p5.48xlarge for 2 days in eu-west-1, us-east-2" in found.err

    def test_a_type_that_is_not_sold_as_blocks(self, truffle: Run) -> None:
        found = truffle("offerings", "--instance-type", "m7i.large", "--days", "2", "-o", "json")
        assert (found.status, found.json) == (1, [])
        assert "m7i.large is not sold as capacity blocks" in found.err

    def test_asked_too_often(self, truffle: Run, world: World) -> None:
        code = "CapacityBlockDescribeLimitExceeded"
        world.control.break_calls(FaultKind.ERROR, "us-east-2", CALL, code=code)
        found = truffle(*P5, "--days", "2", "-o", "json")
        assert found.status == 3
        assert {row["region"] for row in found.json} == {"eu-west-1"}
        assert f"us-east-2: {code}" in found.err
        assert "throttled in us-east-2" in found.err

    def test_asked_too_often_everywhere(self, truffle: Run, world: World) -> None:
        code = "CapacityBlockDescribeLimitExceeded"
        world.control.break_calls(FaultKind.ERROR, "*", CALL, code=code)
        found = truffle(*P5, "--days", "2", "-o", "json")
        assert (found.status, found.json) == (1, [])
        assert "is unknown" in found.err
        assert "not for sale" not in found.err
        assert truffle(*P5, "--days", "2").out == ""

    def test_an_endpoint_that_is_not_a_url(
        self, truffle: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", "nonsense")
        found = truffle(*P5, "--days", "2", "-r", "us-east-2")
        assert (found.status, found.out) == (1, "")
        assert "AWS cannot be reached" in found.err
        assert "nonsense" in found.err

    def test_a_denied_region(self, truffle: Run, world: World) -> None:
        world.control.break_calls(FaultKind.UNAUTHORIZED, "us-east-2", CALL)
        found = truffle(*P5, "--days", "2")
        assert found.status == 3
        assert "us-east-2: UnauthorizedOperation" in found.err

    def test_a_passing_fault_is_tried_again(self, truffle: Run, world: World) -> None:
        world.control.break_calls(FaultKind.INTERNAL, "us-east-2", CALL, times=2)
        found = truffle(*P5, "--days", "2", "-o", "json")
        assert found.status == 0
        assert world.control.calls()["us-east-2", CALL] == 3

    def test_a_limit_is_not_tried_again(self, truffle: Run, world: World) -> None:
        world.control.break_calls(FaultKind.THROTTLED, "us-east-2", CALL)
        assert truffle(*P5, "--days", "2", "-o", "json").status == 3
        assert world.control.calls()["us-east-2", CALL] == 1

    @pytest.mark.parametrize("price", ["NaN", "1,200", "free"])
    def test_a_price_that_is_not_an_amount_fails_its_region(self, price: str) -> None:
        wanted = Wanted(instance_type="p5.48xlarge", count=1, duration_hours=24)
        found = list_offerings(Selling(price), "us-east-2", wanted, Budget(), running_now)
        assert (found.outcome, found.code) == (RegionOutcome.FAILED, "ValueError")
        assert price in (found.message or "")

    def test_a_hanging_region_meets_the_deadline(self, truffle: Run, world: World) -> None:
        world.control.break_calls(FaultKind.HANG, "us-east-2", CALL, seconds=FOR_GOOD)
        found = truffle(*P5, "--days", "2", "--timeout", "10", "-o", "json")
        assert found.status == 3
        assert "us-east-2: DeadlineExceeded" in found.err


class Ticking:
    """A clock that sleeps at once."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


class TestBudget:
    def test_ten_at_once_then_one_in_seven_seconds(self) -> None:
        clock = Ticking()
        budget = Budget(clock, clock.sleep)
        for _ in range(BURST):
            budget.take()
        assert clock.slept == []
        budget.take()
        budget.take()
        assert clock.slept == [6.667, 6.667]

    def test_it_fills_up_again(self) -> None:
        clock = Ticking()
        budget = Budget(clock, clock.sleep)
        for _ in range(BURST):
            budget.take()
        clock.now += 1000
        for _ in range(BURST):
            budget.take()
        assert clock.slept == []

    def test_no_call_is_waited_for_behind_the_deadline(self) -> None:
        clock = Ticking()
        budget = Budget(clock, clock.sleep, tokens=0)
        with pytest.raises(OutOfTime):
            budget.take(deadline=clock.now + 5)
        assert clock.slept == []
        assert budget.tokens == 0

    def test_it_is_one_for_all_clients_of_a_caller_in_a_region(self) -> None:
        assert budget_of("me", "us-east-1") is budget_of("me", "us-east-1")
        assert budget_of("me", "us-east-1") is not budget_of("me", "us-east-2")

    def test_a_used_up_budget_is_a_limit_and_makes_no_call(
        self, truffle: Run, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spent = Budget(tokens=-100)
        monkeypatch.setitem(offerings.budgets, ("testing", "us-east-2"), spent)
        found = truffle(*P5, "--days", "2", "--timeout", "60", "-o", "json")
        assert found.status == 3
        assert "throttled in us-east-2" in found.err
        assert ("us-east-2", CALL) not in world.control.calls()


@pytest.mark.parametrize(
    ("hours", "sold"), [(1, 24), (24, 24), (25, 48), (336, 336), (337, 504), (4368, 4368)]
)
def test_sold_hours(hours: float, sold: int) -> None:
    assert sold_hours(hours) == sold


@pytest.mark.parametrize("hours", [0, -1, 4368.5])
def test_hours_that_are_not_sold(hours: float) -> None:
    with pytest.raises(ValueError, match="hours"):
        sold_hours(hours)


def offering(name: str, **facts: Any) -> Offering:
    start = datetime(2026, 12, 1, 11, 30, tzinfo=UTC)
    known: dict[str, Any] = {
        "instance_type": "p5.48xlarge",
        "instance_count": 2,
        "region": "us-east-2",
        "availability_zone": "us-east-2a",
        "start_date": start,
        "end_date": start + timedelta(days=2),
        "duration_hours": 45.5,
        "upfront_fee": "910.00",
        "currency_code": "USD",
        "accelerator": Accelerator("H100", "NVIDIA", 8, 16),
    }
    return Offering(offering_id=name, **{**known, **facts})


def test_prices_are_per_real_hour() -> None:
    output = offering("cb-1").to_json()
    assert output["price_per_instance_hour"] == 10
    assert output["price_per_gpu_hour"] == 1.25
    assert output["upfront_fee"] == "910.00"


def test_an_unknown_price_comes_last() -> None:
    rows = [
        offering("a", upfront_fee=None),
        offering("b", upfront_fee="9.0"),
        offering("c", upfront_fee="10.0"),
    ]
    assert [row.offering_id for row in sorted_offerings(rows, "price")] == ["b", "c", "a"]
    assert offering("a", upfront_fee=None).to_json()["price_per_gpu_hour"] is None


class TestFlexible:
    """Lengths and starts in ranges: the best window within the budget."""

    def test_every_length_of_the_range_is_requested_once(self, truffle: Run, world: World) -> None:
        truffle(*P5, "--days", "5..10", "-r", "us-east-2")
        assert world.control.calls()["us-east-2", CALL] == 6

    def test_the_best_window_has_the_cheapest_hour(self, truffle: Run) -> None:
        found = truffle(*P5, "--days", "2..3")
        assert "Best window: 3 d from" in found.out
        assert "eu-west-1b" in found.out.split("Best window")[1].splitlines()[0]

    def test_only_blocks_that_start_in_the_range_are_shown(self, truffle: Run) -> None:
        rows = truffle(*P5, "--days", "1..2", "--start", "24h..48h", "-o", "json").json
        now = running_now()
        assert rows
        assert all(
            now + timedelta(hours=23) <= datetime.fromisoformat(row["start_date"])
            and datetime.fromisoformat(row["start_date"]) <= now + timedelta(hours=49)
            for row in rows
        )

    def test_what_the_budget_leaves_out_is_named(self) -> None:
        clock = Ticking()
        budget = Budget(clock, clock.sleep, tokens=2)
        wanted = Wanted(
            instance_type="p5.48xlarge", count=1, duration_hours=120, shorter_hours=(96, 72)
        )
        found = list_offerings(
            Selling("1"), "us-east-2", wanted, budget, running_now, clock.now + 1
        )
        assert found.outcome is RegionOutcome.LIMITED
        assert found.message is not None
        assert "Searched for 2 of 3 durations" in found.message
        assert len(found.offerings) == 1

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("--days", "10..5"),
            ("--days", "0..5"),
            ("--days", "5.."),
            ("--start", "2026-13-01..2026-12-20"),
            ("--start", "today.."),
            ("--start", "3d..1d"),
        ],
    )
    def test_a_range_that_is_none_is_refused(self, truffle: Run, option: str, value: str) -> None:
        days = [] if option == "--days" else ["--days", "1"]
        found = truffle(*P5, *days, option, value)
        assert found.status == 2
        assert option in found.err
