"""SageMaker's training plans, listed beside EC2's reservations over both services' protocols."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox.ec2.faults import Fault, FaultKind
from sandbox.ec2.fleet_file import load_fleet
from sandbox.ec2.server import RunningServer
from sandbox.ec2.simulator import Simulator
from sandbox.ec2.training_plans import TRAINING_PLANS
from tests.builders import HOME, NOON
from truffle.core.carry_forward import carry_forward
from truffle.core.diff import compare
from truffle.core.events import EventType, Severity
from truffle.core.model import Health, Scope, Snapshot, TrainingPlan, Unanswered
from truffle.ec2.listing import DescribedTypes, list_scope
from truffle.ec2.other_kinds import OtherKinds

EAST = Scope(HOME, "us-east-1")
PART = {
    "InstanceType": "ml.p5.48xlarge",
    "AvailabilityZone": "us-east-1a",
    "AvailabilityZoneId": "use1-az4",
    "ReservedCapacityArn": f"arn:aws:sagemaker:us-east-1:{HOME}:reserved-capacity/large-rc1",
}


def a_plan(name: str = "large", **facts: Any) -> dict[str, Any]:
    """A plan that began a day ago and ends in six."""
    return {
        "TrainingPlanName": name,
        "Status": "Active",
        "StartTime": "-1d",
        "EndTime": "+6d",
        "TotalInstanceCount": 4,
        "AvailableInstanceCount": 1,
        "InUseInstanceCount": 3,
        "UnhealthyInstanceCount": 0,
        "UpfrontFee": "21000.50",
        "TargetResources": ["hyperpod-cluster"],
        "ReservedCapacitySummaries": [PART],
        **facts,
    }


class World:
    """A simulator with plans, and a listing of the one scope in it."""

    def __init__(self) -> None:
        self.simulator = Simulator(load_fleet('{"regions": {}}', NOON), clock=lambda: NOON)

    def has(self, *plans: dict[str, Any]) -> None:
        odcr = {"CapacityReservationId": "cr-0a", "InstanceType": "p5.48xlarge"}
        region = {"TrainingPlans": list(plans), "CapacityReservations": [odcr]}
        fleet = {"account": HOME, "regions": {"us-east-1": region}}
        self.simulator.replace_fleet(load_fleet(json.dumps(fleet), self.simulator.now()))

    def fails(self, operation: str, kind: FaultKind, page: int | None = None) -> None:
        self.simulator.add_fault(Fault(kind=kind, operation=operation, page=page))

    def listed(self, url: str) -> Snapshot:
        def client(service: str) -> Any:
            return boto3.client(
                service,
                region_name=EAST.region,
                endpoint_url=url,
                aws_access_key_id=HOME,
                aws_secret_access_key="testing",
                config=Config(retries={"total_max_attempts": 1}),
            )

        now = self.simulator.now()
        others = OtherKinds(client, ["training-plan"])
        answer = list_scope(client("ec2"), EAST, DescribedTypes(), lambda: now, None, others)
        assert isinstance(answer, Snapshot), answer
        return answer


@pytest.fixture(scope="module")
def _served() -> Iterator[tuple[World, str]]:
    world = World()
    with RunningServer(world.simulator) as server:
        yield world, server.url


@pytest.fixture
def world(_served: tuple[World, str]) -> World:
    _served[0].simulator.reset()
    return _served[0]


@pytest.fixture
def url(_served: tuple[World, str]) -> str:
    return _served[1]


def plans_of(snapshot: Snapshot) -> list[TrainingPlan]:
    return [row for row in snapshot.reservations if isinstance(row, TrainingPlan)]


def test_a_plan_has_what_sagemaker_says_of_it(world: World, url: str) -> None:
    world.has(a_plan())
    (plan,) = plans_of(world.listed(url))
    assert plan.plan_arn == f"arn:aws:sagemaker:us-east-1:{HOME}:training-plan/large"
    assert (plan.reservation_id, plan.plan_name) == (f"tp-{HOME}-us-east-1-large", "large")
    assert (plan.state, plan.instance_type, plan.instance_count) == ("active", "ml.p5.48xlarge", 4)
    assert (plan.total_capacity, plan.available_capacity, plan.in_use_capacity) == (4, 1, 3)
    assert (plan.used_capacity, plan.utilization) == (3, 0.75)
    assert (plan.upfront_fee, plan.currency) == (21000.5, "USD")
    assert (plan.availability_zone, plan.availability_zone_id) == ("us-east-1a", "use1-az4")
    assert plan.target_resources == ("hyperpod-cluster",)
    assert plan.duration_hours == 168
    assert plan.effective_end == NOON + timedelta(days=6) - timedelta(minutes=30)
    assert plan.accelerator is not None
    assert (plan.accelerator.name, plan.accelerator.total_count) == ("H100", 32)
    assert plan.health == Health(None, 0)


def test_every_page_is_listed_beside_the_reservations_of_ec2(world: World, url: str) -> None:
    world.has(*(a_plan(f"plan-{number}", Status="Scheduled") for number in range(230)))
    snapshot = world.listed(url)
    assert len(plans_of(snapshot)) == 230
    assert len(snapshot.reservations) == 231
    assert snapshot.unanswered == ()
    assert world.simulator.calls()["us-east-1", "ListTrainingPlans"] == 3


def test_a_plan_of_different_parts_has_no_zone_and_all_types(world: World, url: str) -> None:
    other = {**PART, "InstanceType": "ml.p5e.48xlarge", "AvailabilityZone": "us-east-1b"}
    world.has(a_plan(ReservedCapacitySummaries=[PART, other]))
    (plan,) = plans_of(world.listed(url))
    assert (plan.instance_type, plan.availability_zone) == ("ml.p5.48xlarge, ml.p5e.48xlarge", None)
    assert plan.accelerator is None


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (FaultKind.UNAUTHORIZED, "AccessDeniedException"),
        (FaultKind.UNSUPPORTED, "UnknownOperationException"),
        (FaultKind.THROTTLED, "ThrottlingException"),
        (FaultKind.DROP, "ConnectionClosedError"),
        (FaultKind.MALFORMED, "ResponseParserError"),
    ],
)
def test_what_sagemaker_does_not_answer_fails_no_scope(
    world: World, url: str, kind: FaultKind, code: str
) -> None:
    world.has(a_plan())
    world.fails("ListTrainingPlans", kind)
    snapshot = world.listed(url)
    assert [row.reservation_id for row in snapshot.reservations] == ["cr-0a"]
    assert snapshot.unanswered == (Unanswered("ListTrainingPlans", code),)


def test_a_second_page_that_fails_leaves_no_part_of_the_list(world: World, url: str) -> None:
    world.has(*(a_plan(f"plan-{number}", Status="Scheduled") for number in range(150)))
    world.fails("ListTrainingPlans", FaultKind.INTERNAL, page=2)
    snapshot = world.listed(url)
    assert plans_of(snapshot) == []
    assert snapshot.unanswered == (Unanswered("ListTrainingPlans", "InternalFailure"),)


def test_plans_that_could_not_be_asked_for_are_not_gone(world: World, url: str) -> None:
    world.has(a_plan())
    before = world.listed(url)
    world.simulator.advance(timedelta(hours=1))
    world.fails("ListTrainingPlans", FaultKind.UNAUTHORIZED)
    after = carry_forward(world.listed(url), before.reservations)
    assert plans_of(after) == plans_of(before)
    assert plans_of(after)[0].observed_at == before.observed_at
    assert compare(before, after) == []


def test_a_health_that_could_not_be_asked_for_stays_as_it_was(world: World, url: str) -> None:
    world.has(a_plan(UnhealthyInstanceCount=2))
    before = world.listed(url)
    world.fails("DescribeTrainingPlan", FaultKind.UNAUTHORIZED)
    silent = world.listed(url)
    assert plans_of(silent)[0].health is None
    assert plans_of(carry_forward(silent, before.reservations))[0].health == Health(None, 2)


def test_a_plan_that_sagemaker_no_longer_lists_is_an_event(world: World, url: str) -> None:
    world.has(a_plan())
    before = world.listed(url)
    world.simulator.remove_held(TRAINING_PLANS, "large")
    (event,) = compare(before, world.listed(url))
    assert (event.type, event.severity) == (EventType.VANISHED, Severity.CRITICAL)
    assert "SageMaker no longer lists it" in event.summary


def test_time_starts_and_ends_a_plan(world: World, url: str) -> None:
    world.has(a_plan(Status="Scheduled", StartTime="+1h", EndTime="+25h"))
    scheduled = world.listed(url)
    world.simulator.advance(timedelta(hours=2))
    active = world.listed(url)
    world.simulator.advance(timedelta(hours=24))
    expired = world.listed(url)
    states = [plans_of(each)[0].state for each in (scheduled, active, expired)]
    assert states == ["scheduled", "active", "expired"]
    (started,) = compare(scheduled, active)
    assert (started.type, started.severity) == (EventType.STATE_CHANGED, Severity.GOOD)
