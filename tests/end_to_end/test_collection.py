"""Collecting: what EC2 has is what the API and the bucket answer; faults touch nothing else."""

from __future__ import annotations

import gzip
import json

import boto3
import pytest

from sandbox.box import Sandbox
from sandbox.ec2.faults import FaultKind
from tests.end_to_end.conftest import known, rows, wait

BROKEN = {
    "us-east-1": (FaultKind.THROTTLED, "RequestLimitExceeded"),
    "us-east-2": (FaultKind.INTERNAL, "InternalError"),
    "us-west-1": (FaultKind.UNAUTHORIZED, "UnauthorizedOperation"),
    "us-west-2": (FaultKind.DISABLED, "AuthFailure"),
    "eu-west-1": (FaultKind.OPT_IN, "OptInRequired"),
    "eu-west-2": (FaultKind.HANG, "ReadTimeoutError"),
    "eu-west-3": (FaultKind.DROP, "ConnectionClosedError"),
    "eu-north-1": (FaultKind.MALFORMED, "ResponseParserError"),
}


DEAD = {"us-east-2", "eu-west-3", "eu-north-1"}
"""Of these, without the one that hangs, whose attempts take minutes, and the throttled one, which
is tried for as long as its run's period; the others are answers that a retry would only repeat."""


def listed(box: Sandbox) -> set[str]:
    """The ids that EC2 itself lists, region by region, and of one region what SageMaker and RDS
    do."""
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test")
    url = box.environment()["AWS_ENDPOINT_URL_EC2"]
    plans = session.client("sagemaker", "us-east-1", endpoint_url=url).list_training_plans()
    rds = session.client("rds", "us-east-1", endpoint_url=url)
    databases = rds.describe_db_capacity_reservations()["DBCapacityReservations"]
    ids = {raw["DBCapacityReservationIdentifier"] for raw in databases}
    ids |= {
        f"tp-{box.ec2.health()['account']}-us-east-1-{raw['TrainingPlanName']}"
        for raw in plans["TrainingPlanSummaries"]
    }
    for region in {scope["region"] for scope in box.get("/status")[1]["scopes"]}:
        ec2 = session.client("ec2", region, endpoint_url=url)
        pages = ec2.get_paginator("describe_capacity_reservations").paginate()
        ids |= {
            raw["CapacityReservationId"] for page in pages for raw in page["CapacityReservations"]
        }
    return ids


def test_every_reservation_is_answered_once(box: Sandbox) -> None:
    answered = [row["reservation_id"] for row in rows(box, limit=50)]

    assert len(answered) == len(set(answered))
    assert set(answered) == listed(box)


def test_collecting_twice_writes_no_reservation_and_no_event(box: Sandbox) -> None:
    counts = box.collect()["counts"]

    assert counts["reservations"] > 250
    assert (counts["changed"], counts["events"]) == (0, 0)


def test_the_bucket_has_the_latest_inventory_the_snapshots_and_the_manifest(box: Sandbox) -> None:
    manifest = box.collect()
    s3, bucket = box.client("s3"), box.outputs["BucketName"]

    def read(key: str) -> bytes:
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    latest = {
        name: json.loads(read(f"latest/{name}s.json"))
        for name in ("odcr", "capacity-block", "training-plan", "db-capacity-reservation")
    }
    by_id = {row["reservation_id"]: row for row in rows(box, limit=1000)}
    assert {row["reservation_id"] for each in latest.values() for row in each} == set(by_id)
    assert all({row["type"] for row in each} == {name} for name, each in latest.items())

    scope = next(item for item in manifest["scopes"] if item["region"] == "us-east-1")
    at = scope["observed_at"]
    start = f"snapshots/dt={at[:10]}/hour={at[11:13]}/us-east-1-0-{at[11:19].replace(':', '')}-"
    (found,) = s3.list_objects_v2(Bucket=bucket, Prefix=start)["Contents"]
    lines = [json.loads(it) for it in gzip.decompress(read(found["Key"])).decode().splitlines()]
    assert [(lines[0]["outcome"], lines[0]["reservations"])] == [
        ("succeeded", scope["reservations"])
    ]
    assert len(lines[1:]) == scope["reservations"]
    assert {(it["region"], it["observed_at"]) for it in lines} == {("us-east-1", at)}


def test_every_kind_of_fault_is_named_changes_nothing_and_ends_as_it_should(box: Sandbox) -> None:
    before = rows(box, limit=1000)
    for region, (kind, _) in BROKEN.items():
        box.ec2.break_calls(kind, region, "DescribeCapacityReservations")
    for raw in box.ec2.reservations("us-east-1"):
        box.ec2.remove(raw["CapacityReservationId"])

    with box.alerts() as alerts:
        manifest = box.collect()
        assert (manifest["counts"]["events"], alerts(1)) == (0, [])

    failed = {item["region"]: item["code"] for item in manifest["failures"]}
    assert failed == {region: code for region, (_, code) in BROKEN.items()}
    _, answer = box.get("/reservations", limit=1)
    named = {item["region"]: item["error"] for item in answer["collection"]["failed_scopes"]}
    assert named == failed
    assert answer["collection"]["complete"] is False
    kept = [row for row in before if row["region"] in BROKEN]
    after = {row["reservation_id"]: row for row in rows(box, limit=1000)}
    assert [after[row["reservation_id"]] for row in kept] == kept


@pytest.mark.long
def test_a_region_that_keeps_failing_is_a_dead_letter(box: Sandbox) -> None:
    for region, (kind, _) in BROKEN.items():
        box.ec2.break_calls(kind, region, "DescribeCapacityReservations")
    box.collect()
    sqs, url = box.client("sqs"), box.outputs["UnitsDeadLetterQueueUrl"]
    regions: set[str] = set()

    def are_dead() -> bool:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        regions.update(json.loads(item["Body"])["region"] for item in answer.get("Messages", ()))
        return regions >= DEAD

    wait(are_dead)
    assert regions <= DEAD | {"eu-west-2"}


def test_a_later_page_that_fails_fails_the_region(box: Sandbox) -> None:
    for number in range(1100):
        box.ec2.add(
            "sa-east-1",
            {"CapacityReservationId": f"cr-{number:017x}", "InstanceType": "p5.48xlarge"},
        )
    box.ec2.break_calls(FaultKind.INTERNAL, "sa-east-1", "DescribeCapacityReservations", page=2)

    manifest = box.collect()

    assert [item["region"] for item in manifest["failures"]] == ["sa-east-1"]
    assert not any(row["reservation_id"] == f"cr-{0:017x}" for row in rows(box, limit=1000))


def test_a_unit_delivered_again_changes_nothing(box: Sandbox) -> None:
    run_id = box.collect()["run_id"]
    unit = {"run_id": run_id, "region": "us-east-1", "accounts": ["123456789012"]}
    before = rows(box, region="us-east-1", limit=1000)

    with box.alerts() as alerts:
        for _ in range(3):
            box.client("sqs").send_message(
                QueueUrl=box.outputs["UnitsQueueUrl"], MessageBody=json.dumps(unit)
            )
        assert alerts(3) == []

    assert known(rows(box, region="us-east-1", limit=1000)) == known(before)
