"""RDS's DB capacity reservations, listed beside EC2's over both services' protocols."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.loaders import Loader

from sandbox.ec2.faults import Fault, FaultKind
from sandbox.ec2.fleet_file import load_fleet
from sandbox.ec2.rds import DB_CAPACITY_RESERVATIONS
from sandbox.ec2.server import RunningServer
from sandbox.ec2.simulator import Simulator
from tests.builders import HOME, NOON
from truffle import DbCapacityReservation
from truffle.core.carry_forward import carry_forward
from truffle.core.diff import compare
from truffle.core.events import EventType, Severity
from truffle.core.kinds.db_capacity_reservation import ZoneCapacity
from truffle.core.model import Commitment, Scope, Snapshot, Unanswered
from truffle.core.summary import summarize
from truffle.ec2.listing import DescribedTypes, list_scope
from truffle.ec2.other_kinds import OtherKinds

EAST = Scope(HOME, "us-east-1")
LISTING = "DescribeDBCapacityReservations"


def in_zones(**free: int) -> list[dict[str, Any]]:
    """Free DB instances by the letters of zones."""
    return [
        {"AvailabilityZone": f"us-east-1{letter}", "AvailableCapacity": count}
        for letter, count in free.items()
    ]


def a_reservation(name: str = "orders", **facts: Any) -> dict[str, Any]:
    """Four DB instances in each of two zones, three of which are free."""
    return {
        "DBCapacityReservationName": name,
        "DBInstanceClass": "db.r7g.2xlarge",
        "Engine": "postgres",
        "ReservedCapacityPerAvailabilityZone": 4,
        "AvailableCapacityPerAvailabilityZoneList": in_zones(a=1, b=2),
        "CreateDate": "-3d",
        **facts,
    }


class OlderLoader(Loader):  # type: ignore[misc]
    """The models of a botocore without the operation."""

    def load_service_model(self, service_name: str, type_name: str, api_version: Any = None) -> Any:
        model = super().load_service_model(service_name, type_name, api_version)
        if type_name != "service-2":
            return model
        known = {name: it for name, it in model["operations"].items() if name != LISTING}
        return {**model, "operations": known}


class World:
    """A simulator with DB capacity reservations, and a listing of the one scope in it."""

    def __init__(self) -> None:
        self.simulator = Simulator(load_fleet('{"regions": {}}', NOON), clock=lambda: NOON)
        self.url = ""

    def has(self, *reservations: dict[str, Any]) -> None:
        odcr = {"CapacityReservationId": "cr-0a", "InstanceType": "p5.48xlarge"}
        region = {"DBCapacityReservations": list(reservations), "CapacityReservations": [odcr]}
        fleet = {"account": HOME, "regions": {"us-east-1": region}}
        self.simulator.replace_fleet(load_fleet(json.dumps(fleet), self.simulator.now()))

    def fails(self, kind: FaultKind, page: int | None = None) -> None:
        self.simulator.add_fault(Fault(kind=kind, operation=LISTING, page=page))

    def becomes(self, **facts: Any) -> None:
        self.simulator.patch_held(DB_CAPACITY_RESERVATIONS, "orders", facts)

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=EAST.region,
            endpoint_url=self.url,
            aws_access_key_id=HOME,
            aws_secret_access_key="testing",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def listed(self, rds: Any = None) -> Snapshot:
        def service_of(service: str) -> Any:
            return rds or self.client(service)

        now, others = self.simulator.now(), OtherKinds(service_of, ["db-capacity-reservation"])
        answer = list_scope(self.client("ec2"), EAST, DescribedTypes(), lambda: now, None, others)
        assert isinstance(answer, Snapshot), answer
        return answer


@pytest.fixture(scope="module")
def _served() -> Iterator[World]:
    world = World()
    with RunningServer(world.simulator) as server:
        world.url = server.url
        yield world


@pytest.fixture
def world(_served: World) -> World:
    _served.simulator.reset()
    return _served


def held_in(snapshot: Snapshot) -> list[DbCapacityReservation]:
    return [row for row in snapshot.reservations if isinstance(row, DbCapacityReservation)]


def test_a_reservation_has_what_rds_says_of_it(world: World) -> None:
    identifier, arn = "dbcr-0a1b", f"arn:aws:rds:us-east-1:{HOME}:db-capacity-reservation:dbcr-0a1b"
    world.has(
        a_reservation(
            DBCapacityReservationIdentifier=identifier,
            DBCapacityReservationArn=arn,
            LicenseModel="license-included",
            EndDate="+20d",
            TagList=[{"Key": "Team", "Value": "orders"}],
        )
    )
    assert held_in(world.listed()) == [
        DbCapacityReservation(
            reservation_id=identifier,
            reservation_arn=arn,
            reservation_name="orders",
            account_id=HOME,
            owner_id=HOME,
            region="us-east-1",
            instance_type="db.r7g.2xlarge",
            engine="postgres",
            license_model="license-included",
            state="active",
            total_capacity=8,
            available_capacity=3,
            used_capacity=5,
            utilization=0.625,
            capacity_per_zone=4,
            available_by_zone=(ZoneCapacity("us-east-1a", 1), ZoneCapacity("us-east-1b", 2)),
            start_date=NOON - timedelta(days=3),
            end_date=NOON + timedelta(days=20),
            create_date=NOON - timedelta(days=3),
            tags={"Team": "orders"},
            observed_at=NOON,
            seen_by=(HOME,),
        )
    ]


def test_one_of_a_single_zone_is_in_that_zone(world: World) -> None:
    world.has(a_reservation(AvailableCapacityPerAvailabilityZoneList=in_zones(c=4)))
    (row,) = held_in(world.listed())
    assert (row.availability_zone, row.total_capacity) == ("us-east-1c", 4)


def test_a_commitment_is_of_all_zones_together(world: World) -> None:
    committed = {"CommittedCapacityPerAvailabilityZone": 4, "CommitmentEndDate": "+19d"}
    world.has(a_reservation(StartDate="+5d", CommitmentInfo=committed))
    (row,) = held_in(world.listed())
    assert row.commitment == Commitment(8, NOON + timedelta(days=19))
    assert row.commitment_end == NOON + timedelta(days=19)


def test_one_without_zones_has_no_known_size(world: World) -> None:
    world.has(a_reservation(AvailableCapacityPerAvailabilityZoneList=[]))
    (row,) = held_in(world.listed())
    assert (row.total_capacity, row.available_capacity, row.used_capacity) == (None, None, None)


def test_no_use_is_known_before_the_start(world: World) -> None:
    world.has(a_reservation(StartDate="+5d"))
    (row,) = held_in(world.listed())
    assert (row.state, row.total_capacity, row.available_capacity) == ("scheduled", 8, 0)
    assert (row.used_capacity, row.utilization) == (None, None)


def test_db_instances_have_no_accelerators(world: World) -> None:
    world.has(a_reservation())
    rows = held_in(world.listed())
    total = summarize(rows).total
    assert rows[0].accelerator is None
    assert (total.accelerators, total.unknown_accelerators) == (0, 0)


def test_every_page_is_listed_beside_the_reservations_of_ec2(world: World) -> None:
    world.has(*(a_reservation(f"db-{number}") for number in range(230)))
    snapshot = world.listed()
    assert len(held_in(snapshot)) == 230
    assert len(snapshot.reservations) == 231
    assert snapshot.unanswered == ()
    assert world.simulator.calls()["us-east-1", LISTING] == 3


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (FaultKind.UNAUTHORIZED, "AccessDenied"),
        (FaultKind.UNSUPPORTED, "InvalidAction"),
        (FaultKind.THROTTLED, "Throttling"),
        (FaultKind.DROP, "ConnectionClosedError"),
        (FaultKind.MALFORMED, "ResponseParserError"),
    ],
)
def test_what_rds_does_not_answer_fails_no_scope(world: World, kind: FaultKind, code: str) -> None:
    world.has(a_reservation())
    world.fails(kind)
    snapshot = world.listed()
    assert [row.reservation_id for row in snapshot.reservations] == ["cr-0a"]
    assert snapshot.unanswered == (Unanswered(LISTING, code),)


def test_a_later_page_that_fails_leaves_no_part_of_the_list(world: World) -> None:
    world.has(*(a_reservation(f"db-{number}") for number in range(230)))
    world.fails(FaultKind.INTERNAL, page=3)
    snapshot = world.listed()
    assert held_in(snapshot) == []
    assert snapshot.unanswered == (Unanswered(LISTING, "InternalFailure"),)


def test_a_botocore_without_the_operation_is_named(world: World) -> None:
    session = botocore.session.Session()
    session.register_component("data_loader", OlderLoader())
    older = session.create_client("rds", region_name=EAST.region)
    world.has(a_reservation())
    snapshot = world.listed(rds=older)
    assert held_in(snapshot) == []
    assert snapshot.unanswered == (Unanswered(LISTING, "OperationNotInBotocore"),)


def test_reservations_that_could_not_be_asked_for_are_not_gone(world: World) -> None:
    world.has(a_reservation())
    before = world.listed()
    world.simulator.advance(timedelta(hours=1))
    world.fails(FaultKind.UNAUTHORIZED)
    after = carry_forward(world.listed(), before.reservations)
    assert held_in(after) == held_in(before)
    assert compare(before, after) == []


def test_time_starts_and_ends_a_reservation(world: World) -> None:
    world.has(a_reservation(StartDate="+1h", EndDate="+25h"))
    found = []
    before = world.listed()
    for hours in (2, 24):
        world.simulator.advance(timedelta(hours=hours))
        after = world.listed()
        found += [(each.type, each.severity, each.reason) for each in compare(before, after)]
        before = after
    assert found == [
        (EventType.STATE_CHANGED, Severity.GOOD, "scheduled → active"),
        (EventType.STATE_CHANGED, Severity.INFO, "active → expired"),
    ]


@pytest.mark.parametrize(
    ("change", "type_", "severity"),
    [
        ({"State": "cancelled"}, EventType.STATE_CHANGED, Severity.INFO),
        ({"State": "failed"}, EventType.STATE_CHANGED, Severity.CRITICAL),
        ({"State": "pending"}, EventType.STATE_CHANGED, Severity.INFO),
        ({"ReservedCapacityPerAvailabilityZone": 6}, EventType.RESIZED, Severity.INFO),
        ({"EndDate": "+40d"}, EventType.EXTENDED, Severity.INFO),
    ],
)
def test_a_change_is_one_event(
    world: World, change: dict[str, Any], type_: EventType, severity: Severity
) -> None:
    world.has(a_reservation(EndDate="+20d"))
    before = world.listed()
    world.becomes(**change)
    (event,) = compare(before, world.listed())
    assert (event.type, event.severity) == (type_, severity)
    assert event.summary.startswith("DB capacity reservation dbcr-")


def test_use_alone_is_no_event(world: World) -> None:
    world.has(a_reservation())
    before = world.listed()
    world.becomes(AvailableCapacityPerAvailabilityZoneList=in_zones(a=0, b=0))
    assert compare(before, world.listed()) == []


def test_one_that_rds_no_longer_lists_is_an_event(world: World) -> None:
    world.has(a_reservation())
    before = world.listed()
    world.simulator.remove_held(DB_CAPACITY_RESERVATIONS, "orders")
    (event,) = compare(before, world.listed())
    assert (event.type, event.severity) == (EventType.VANISHED, Severity.WARNING)
    assert "RDS" in event.summary
