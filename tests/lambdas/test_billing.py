"""Cost Explorer is asked at most once a day, and has the fees of blocks that start alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from lambdas import prices, wiring
from lambdas.settings import PricesSettings
from tests.builders import DAY, HOME, HOUR, NOON
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Clock, FakeContext, a_raw_block, client_error
from tests.lambdas.hours import OHIO, Hours


@dataclass
class Costs:
    """Cost Explorer with the fees of blocks in Ohio; each costs money, so requests are counted."""

    charges: list[tuple[datetime, str]] = field(default_factory=list)
    fault: Exception | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)

    def get_cost_and_usage(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        if self.fault:
            raise self.fault
        values = {"REGION": OHIO.region, "LINKED_ACCOUNT": HOME}
        value = values[request["GroupBy"][1]["Key"]]
        return {"ResultsByTime": [self._result(day, amount, value) for day, amount in self.charges]}

    def _result(self, day: datetime, amount: str, value: str) -> dict[str, Any]:
        cost = {"UnblendedCost": {"Amount": amount, "Unit": "USD"}}
        keys = ["USE2-CapacityBlockFee:p5.48xlarge", value]
        return {
            "TimePeriod": {"Start": f"{day:%Y-%m-%d}"},
            "Groups": [{"Keys": keys, "Metrics": cost}],
        }


def a_started(name: str, **facts: Any) -> dict[str, Any]:
    """A block of 16 instances, 4 of them idle, that started yesterday at noon for 2 days."""
    raw = a_raw_block(name, State="active", StartDate=NOON - DAY, EndDate=NOON + DAY)
    return {**raw, "TotalInstanceCount": 16, "AvailableInstanceCount": 4, **facts}


@pytest.fixture
def hours(stack: Stack, clock: Clock, deploy: Callable[..., None]) -> Hours:
    stack.cost_explorer = "on"
    made = Hours(stack, clock, deploy)
    made.fleet.holds(OHIO, a_started("cr-b"))
    made.run()
    return made


@pytest.fixture
def costs() -> Costs:
    return Costs([(NOON - DAY, "15360.00")])


def fetch(hours: Hours, costs: Costs) -> None:
    hours.deploy(PricesSettings)
    wiring.prices().client = None
    wiring.prices().cost_explorer = costs
    context: Any = FakeContext()
    prices.handler({}, context)


def test_the_fee_of_a_block_that_started_alone_is_its_own(hours: Hours, costs: Costs) -> None:
    fetch(hours, costs)
    body = hours.ask("/prices").body
    (fee,) = body["fees"]
    assert (fee["amount"], fee["source"], fee["as_of"]) == (15360.0, "cost-explorer", "2026-11-23")
    assert body["bill"]["items"][0]["capacity_block_id"] == "cr-b"
    assert hours.ask("/summary").body["total"]["idle_usd_per_hour"] == 4 * 15360 / 16 / 48


def test_two_blocks_of_a_day_have_a_sum_and_no_cost(hours: Hours, costs: Costs) -> None:
    hours.fleet.holds(OHIO, a_started("cr-b"), a_started("cr-c"))
    hours.next()
    fetch(hours, costs)
    body = hours.ask("/prices").body
    assert (body["fees"], body["bill"]["items"][0]["amount"]) == ([], 15360.0)
    assert hours.ask("/summary").body["total"]["idle_usd_per_hour"] is None


def test_a_block_that_is_gone_by_now_may_have_a_part_in_the_sum(hours: Hours, costs: Costs) -> None:
    hours.fleet.holds(OHIO, a_started("cr-b"), a_started("cr-gone"))
    hours.next()
    hours.fleet.holds(OHIO, a_started("cr-b"))
    hours.next()
    fetch(hours, costs)
    assert hours.ask("/prices").body["fees"] == []


def test_a_block_that_was_gone_and_is_back_counts_once(hours: Hours, costs: Costs) -> None:
    hours.fleet.holds(OHIO)
    hours.next()
    hours.fleet.holds(OHIO, a_started("cr-b"))
    hours.next()
    fetch(hours, costs)
    (fee,) = hours.ask("/prices").body["fees"]
    assert (fee["amount"], fee["instances"]) == (15360.0, 16)


def test_usage_names_what_was_billed_in_its_period(hours: Hours, costs: Costs) -> None:
    fetch(hours, costs)
    hours.next()
    asked = {"since": "2026-11-23", "until": "2026-11-24T13:00:01Z", "interval": "total"}
    (fee,) = hours.ask("/usage", **asked).body["billed_fees"]
    assert (fee["day"], fee["account_id"], fee["amount"]) == ("2026-11-23", HOME, 15360.0)
    assert hours.ask("/usage", **asked, type="odcr").body["billed_fees"] == []


def test_a_day_costs_two_requests_however_often_it_starts(hours: Hours, costs: Costs) -> None:
    fetch(hours, costs)
    hours.clock.advance(HOUR)
    fetch(hours, costs)
    assert len(costs.requests) == 2
    hours.clock.advance(DAY)
    fetch(hours, costs)
    assert len(costs.requests) == 4


def test_without_a_block_that_has_started_nothing_is_requested(hours: Hours, costs: Costs) -> None:
    hours.fleet.holds(OHIO, a_raw_block("cr-b", StartDate=NOON + DAY, EndDate=NOON + 3 * DAY))
    hours.next()
    fetch(hours, costs)
    assert costs.requests == []


def test_nothing_is_requested_where_the_setting_is_off(
    stack: Stack, hours: Hours, costs: Costs
) -> None:
    stack.cost_explorer = ""
    fetch(hours, costs)
    assert costs.requests == []


def test_a_refusal_is_named_and_keeps_what_was_known(hours: Hours, costs: Costs) -> None:
    fetch(hours, costs)
    hours.clock.advance(timedelta(days=1))
    costs.fault = client_error("AccessDeniedException", "GetCostAndUsage")
    fetch(hours, costs)
    fetch(hours, costs)
    body = hours.ask("/prices").body
    assert (body["fees"][0]["amount"], len(costs.requests)) == (15360.0, 3)
    assert body["bill"]["error"] == "AccessDeniedException"
    refused = {"operation": "GetCostAndUsage", "error": "AccessDeniedException"}
    assert body["unanswered"] == [{**refused, "account_id": None, "region": None}]


def test_the_days_of_the_oldest_block_are_requested_up_to_yesterday(
    hours: Hours, costs: Costs
) -> None:
    hours.fleet.holds(OHIO, a_started("cr-b", StartDate=NOON - 40 * DAY))
    hours.next()
    fetch(hours, costs)
    asked = costs.requests[0]["TimePeriod"]
    assert asked == {"Start": "2026-10-15", "End": "2026-11-24"}
