"""``GET /stranded``: what runs On-Demand beside idle capacity, and what could not be asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lambdas import wiring
from lambdas.collecting.stranded import StrandedFinder
from lambdas.store.stranded import StrandedStore
from tests.builders import HOME, HOUR, a_snapshot, an_odcr
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Clock, Raw, a_raw_odcr, client_error
from tests.lambdas.hours import IRELAND, OHIO, Hours

CALL = "describe_instances"


def a_raw_instance(instance_id: str = "i-1", **facts: Any) -> Raw:
    """A running On-Demand instance as EC2 gives it."""
    return {
        "InstanceId": instance_id,
        "InstanceType": "p4d.24xlarge",
        "PlatformDetails": "Linux/UNIX",
        "Placement": {"AvailabilityZone": "us-east-2a", "Tenancy": "default"},
        "CapacityReservationSpecification": {"CapacityReservationPreference": "none"},
        **facts,
    }


@pytest.fixture
def hours(stack: Stack, clock: Clock, deploy: Callable[..., None]) -> Hours:
    stack.stranded = "on"
    made = Hours(stack, clock, deploy)
    made.fleet.holds(OHIO, a_raw_odcr("cr-a"))
    return made


def test_an_instance_that_avoids_idle_capacity_is_found_with_the_fix(hours: Hours) -> None:
    hours.fleet.instances[OHIO] = [
        a_raw_instance("i-1"),
        a_raw_instance("i-2"),
        a_raw_instance("i-spot", InstanceLifecycle="spot"),
        a_raw_instance("i-inside", CapacityReservationId="cr-a"),
    ]
    hours.run()
    body = hours.ask("/stranded").body
    (item,) = body["items"]
    assert (item["reservation_id"], item["reason"]) == ("cr-a", "preference-none")
    assert item["instance_ids"] == ["i-1", "i-2"]
    assert (item["instances"], item["idle_instances"]) == (2, 3)
    assert "open" in item["fix"]
    assert (item["usd_per_hour"], body["usd_per_hour"], body["unpriced_instances"]) == (
        None,
        None,
        2,
    )
    assert body["unanswered"] == []


def test_only_scopes_with_idle_capacity_are_asked(hours: Hours) -> None:
    hours.fleet.holds(IRELAND, a_raw_odcr("cr-b", AvailableInstanceCount=0))
    hours.run()
    assert [scope for scope, call in hours.fleet.asked if call == CALL] == [OHIO]


def test_a_scope_that_could_not_be_asked_is_not_one_without_stranded_spend(hours: Hours) -> None:
    hours.fleet.fails(OHIO, client_error("UnauthorizedOperation", "DescribeInstances"), CALL)
    hours.run()
    body = hours.ask("/stranded").body
    (unanswered,) = body["unanswered"]
    assert (unanswered["account_id"], unanswered["region"]) == (HOME, "us-east-2")
    assert unanswered["error"] == "UnauthorizedOperation"
    assert body["items"] == []
    assert hours.ask("/reservations").ids == ["cr-a"]


def test_what_is_used_again_is_forgotten(hours: Hours) -> None:
    hours.fleet.instances[OHIO] = [a_raw_instance()]
    hours.run()
    assert hours.ask("/stranded").body["count"] == 1
    hours.fleet.holds(OHIO, a_raw_odcr("cr-a", AvailableInstanceCount=0))
    hours.next()
    assert hours.ask("/stranded").body["items"] == []


def test_filters_are_those_of_the_idle_reservations(hours: Hours) -> None:
    hours.fleet.instances[OHIO] = [a_raw_instance()]
    hours.run()
    assert hours.ask("/stranded", instance_type="p4d.*").body["count"] == 1
    assert hours.ask("/stranded", instance_type="p5.*").body["count"] == 0
    assert hours.ask("/stranded", colour="red").status == 400


def test_more_pages_than_calls_are_no_complete_answer(hours: Hours) -> None:
    hours.run()
    store = StrandedStore(wiring.service("dynamodb"), hours.stack.table)
    finder = StrandedFinder(hours.fleet.of, store, hours.clock, most_calls=1)
    snapshot = a_snapshot(an_odcr(available_capacity=3), scope=OHIO)
    finder.find(OHIO.region, [snapshot], hours.clock() + HOUR)
    (asked,) = store.read()
    assert (asked.error, asked.findings) == ("OverBudget", ())


def test_without_the_setting_nothing_is_asked_and_the_route_says_so(hours: Hours) -> None:
    hours.stack.stranded = ""
    hours.run()
    assert CALL not in [call for _, call in hours.fleet.asked]
    answer = hours.ask("/stranded")
    assert (answer.status, "setting stranded" in answer.text) == (404, True)
