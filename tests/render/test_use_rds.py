"""The snippet that starts a DB instance in a DB capacity reservation."""

from __future__ import annotations

import shlex
from dataclasses import replace

import boto3
from botocore.validate import ParamValidator

from truffle import DbCapacityReservation
from truffle.core.kinds.db_capacity_reservation import ZoneCapacity
from truffle.render.use import SNIPPETS

FULL, FREE = ZoneCapacity("us-east-2a", 0), ZoneCapacity("us-east-2b", 2)
ROW = DbCapacityReservation(
    reservation_id="dbcr-0a",
    region="us-east-2",
    instance_type="db.r7g.4xlarge",
    engine="postgres",
    state="active",
    total_capacity=8,
    available_capacity=2,
    available_by_zone=(FULL, FREE),
)


def options(row: DbCapacityReservation) -> dict[str, str]:
    """The options of the command by name; a flag is empty."""
    command, *rest = shlex.split(SNIPPETS["rds"](row), comments=True)[2:]
    assert command == "create-db-instance"
    values = iter([*rest, "--"])
    found, name = {}, next(values)
    for each in values:
        found[name.removeprefix("--")] = "" if each.startswith("--") else each
        name = each if each.startswith("--") else next(values)
    return found


def test_it_names_the_reservation_its_class_engine_and_a_zone_with_room() -> None:
    found = options(ROW)
    assert found["db-capacity-reservation-identifier"] == "dbcr-0a"
    assert (found["db-instance-class"], found["engine"]) == ("db.r7g.4xlarge", "postgres")
    assert (found["region"], found["availability-zone"]) == ("us-east-2", "us-east-2b")
    assert "0 free in us-east-2a, 2 free in us-east-2b" in SNIPPETS["rds"](ROW)


def test_rds_knows_all_of_its_parameters() -> None:
    model = boto3.client("rds", region_name="us-east-2").meta.service_model
    shape = model.operation_model("CreateDBInstance").input_shape
    parameters = {
        "DBInstanceIdentifier": "x",
        "DBInstanceClass": options(ROW)["db-instance-class"],
        "Engine": options(ROW)["engine"],
        "AvailabilityZone": options(ROW)["availability-zone"],
        "DBCapacityReservationIdentifier": options(ROW)["db-capacity-reservation-identifier"],
    }
    report = ParamValidator().validate(parameters, shape)
    assert not report.has_errors(), report.generate_report()


def test_the_license_model_is_that_of_the_reservation() -> None:
    oracle = replace(ROW, engine="oracle-se2", license_model="license-included")
    assert options(oracle)["license-model"] == "license-included"
    assert "license-model" not in options(ROW)


def test_an_instance_of_aurora_belongs_to_a_cluster() -> None:
    found = options(replace(ROW, engine="aurora-postgresql"))
    assert found["db-cluster-identifier"] == "$CLUSTER"
    assert "allocated-storage" not in found


def test_without_known_zones_rds_chooses() -> None:
    assert "availability-zone" not in options(replace(ROW, available_by_zone=()))
