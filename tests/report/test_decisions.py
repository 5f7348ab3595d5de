"""The decisions and their order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import DAY, HOME, HOUR, NOON, OTHER, a_block, an_odcr
from truffle.core.model import BillingRequest, Commitment, Health, Reservation
from truffle.core.pricing import PriceBook
from truffle.core.timeline import span_of
from truffle.report.decisions import Decision, decisions
from truffle.report.inputs import Inputs

WEEK = 7 * DAY


def decided(*rows: Reservation, **facts: Any) -> list[Decision]:
    inputs = Inputs(rows=rows, now=NOON, observed_at=NOON, scopes=1, source="test", **facts)
    return decisions(map(span_of, rows), inputs)


def titles(*rows: Reservation, **facts: Any) -> list[str]:
    return [each.title for each in decided(*rows, **facts)]


def an_active_block(name: str = "cr-1", **facts: Any) -> Reservation:
    facts = {"available_capacity": 0, "end_date": NOON + 30 * DAY, **facts}
    return a_block(name, state="active", start_date=NOON - DAY, **facts)


def test_an_unpaid_block_has_to_be_paid_within_12_hours_of_its_purchase() -> None:
    [due] = decided(a_block(state="payment-pending", create_date=NOON - 2 * HOUR))
    assert (due.title, due.deadline) == ("Payment due", NOON + 10 * HOUR)


@pytest.mark.parametrize(
    ("days", "expected"), [(6.9, ["Extend or let it end"]), (7.1, []), (1 / 48, ["Ends"])]
)
def test_a_block_can_be_extended_until_an_hour_before_its_end(
    days: float, expected: list[str]
) -> None:
    half_hour = timedelta(minutes=30)
    row = an_active_block(end_date=NOON + timedelta(days=days) + half_hour)
    assert titles(row) == expected


def test_the_deadline_of_an_ending_block_is_that_of_its_extension() -> None:
    [ends] = decided(an_active_block(end_date=NOON + DAY))
    assert ends.deadline == NOON + 23 * HOUR


@pytest.mark.parametrize(("start", "expected"), [(WEEK, ["Starts"]), (WEEK + HOUR, [])])
def test_a_block_that_starts_within_a_week_has_to_be_prepared(
    start: timedelta, expected: list[str]
) -> None:
    assert titles(a_block(start_date=NOON + start)) == expected


def test_a_block_that_is_scheduled_after_its_start_is_late() -> None:
    assert titles(a_block(start_date=NOON - HOUR)) == ["Late"]


def test_an_unhealthy_block_has_to_be_looked_at_now() -> None:
    [sick] = decided(an_active_block(health=Health("impaired", 2)))
    assert (sick.title, sick.deadline) == ("Unhealthy", NOON)
    assert sick.why == "The interconnect is impaired. 2 of 16 instances down."


@pytest.mark.parametrize("state", ["payment-failed", "failed", "unsupported", "unavailable"])
def test_capacity_that_will_not_come_is_named_until_its_planned_end(state: str) -> None:
    assert titles(a_block(state=state)) == [state.replace("-", " ").capitalize()]
    assert titles(a_block(state=state, end_date=NOON - HOUR, start_date=NOON - DAY)) == []


def test_a_failure_of_more_than_a_week_ago_is_not_news() -> None:
    facts: dict[str, Any] = {"state": "failed", "available_capacity": 0, "total_capacity": 0}
    assert titles(an_odcr(start_date=NOON - 6 * DAY, **facts)) == ["Failed"]
    assert titles(an_odcr(start_date=NOON - 8 * DAY, **facts)) == []


def test_an_odcr_with_an_end_within_a_week_ends() -> None:
    [ends] = decided(an_odcr(end_date=NOON + DAY))
    assert (ends.title, ends.deadline) == ("Ends", NOON + DAY)


def test_an_idle_odcr_without_an_end_has_no_deadline_and_comes_last() -> None:
    idle = an_odcr("cr-idle", available_capacity=8)
    late = a_block("cr-late", start_date=NOON + 6 * DAY)
    found = decided(idle, late)
    assert [(each.reservation_id, each.deadline is None) for each in found] == [
        ("cr-late", False),
        ("cr-idle", True),
    ]


@pytest.mark.parametrize(("price", "expected"), [(1.25, ["Idle"]), (1.24, [])])
def test_idle_capacity_needs_a_decision_from_10_usd_an_hour(
    price: float, expected: list[str]
) -> None:
    idle = an_odcr(available_capacity=8)
    assert titles(idle, prices=PriceBook({"p4d*": price})) == expected


def test_idle_accelerators_without_a_price_need_a_decision() -> None:
    [idle] = decided(an_odcr(available_capacity=8), prices=PriceBook({"p5*": 50.0}))
    assert idle.usd_per_hour is None


def test_idle_capacity_without_accelerators_and_price_needs_none() -> None:
    assert titles(an_odcr(available_capacity=8, instance_type="m7i.8xlarge")) == []


def test_the_most_expensive_comes_first_where_there_is_no_deadline() -> None:
    cheap = an_odcr("cr-1", available_capacity=8)
    dear = an_odcr("cr-2", available_capacity=8, instance_type="p5.48xlarge")
    found = decided(cheap, dear, prices=PriceBook({"p4d*": 10, "p5*": 50}))
    assert [each.usd_per_hour for each in found] == [400, 80]


def test_decisions_are_sorted_by_when_it_is_too_late() -> None:
    rows = (
        a_block("cr-start", start_date=NOON + 3 * DAY),
        an_active_block("cr-end", end_date=NOON + 2 * DAY),
        a_block("cr-pay", state="payment-pending", create_date=NOON - HOUR),
        an_active_block("cr-sick", health=Health("impaired", 0)),
    )
    assert [each.reservation_id for each in decided(*rows)] == [
        "cr-sick",
        "cr-pay",
        "cr-end",
        "cr-start",
    ]


def test_each_decision_has_what_to_do_and_where() -> None:
    [starts] = decided(a_block("cr-1", start_date=NOON + DAY))
    assert (
        starts.step == "Prepare the launch: the capacity is paid for whether instances run or not."
    )
    assert starts.url == (
        "https://us-east-2.console.aws.amazon.com/ec2/home?region=us-east-2"
        "#CapacityReservationDetails:crId=cr-1"
    )


@pytest.mark.parametrize(
    ("state", "days", "expected"),
    [
        ("active", 3, ["Commitment ends"]),
        ("scheduled", 3, ["Commitment ends"]),
        ("active", 8, []),
        ("active", -1, []),
        ("cancelled", 3, []),
    ],
)
def test_a_commitment_ends_within_a_week(state: str, days: float, expected: list[str]) -> None:
    row = an_odcr(state=state, commitment=Commitment(4, NOON + days * DAY), available_capacity=0)
    found = decided(row)
    assert [each.title for each in found] == expected
    assert all(each.deadline == NOON + days * DAY for each in found)


def test_a_delayed_odcr_has_lost_its_commitment_and_may_be_cancelled() -> None:
    row = an_odcr(state="delayed", commitment=Commitment(4, NOON + 3 * DAY), start_date=NOON)
    [found] = decided(row)
    assert found.title == "Delayed"
    assert found.step is not None
    assert "cancelled without a charge" in found.step


def test_a_billing_request_is_decided_before_it_expires() -> None:
    asked = BillingRequest(HOME, OTHER, "pending", NOON - HOUR, NOON + 11 * HOUR)
    late = replace(asked, expires_at=NOON)
    rows = [an_odcr(available_capacity=0, billing_request=each) for each in (asked, late)]

    [found] = decided(rows[0])

    assert (found.title, found.deadline) == ("Billing request", NOON + 11 * HOUR)
    assert found.why == f"Account {OTHER} is asked to pay for unused capacity."
    assert found.step is not None
    assert f"In account {OTHER}, choose Review requests" in found.step
    assert decided(rows[1]) == []
