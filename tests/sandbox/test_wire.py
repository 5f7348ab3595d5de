"""The protocol: what boto3 sends is understood, and what is written boto3 reads as it was meant."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from sandbox.ec2.errors import EC2Error
from sandbox.ec2.fleet_file import load_fleet
from sandbox.ec2.wire import (
    Credential,
    answer_xml,
    credential_of,
    error_xml,
    parse_parameters,
    renderer,
    service_model,
)
from tests.ec2.stubbed import SAMPLES, sample
from tests.sandbox.worlds import NOW, Raw, World

MEMBERS = {
    "DescribeCapacityReservations": "CapacityReservations",
    "DescribeCapacityBlocks": "CapacityBlocks",
    "DescribeCapacityBlockStatus": "CapacityBlockStatuses",
    "DescribeCapacityBlockOfferings": "CapacityBlockOfferings",
    "DescribeCapacityBlockExtensionHistory": "CapacityBlockExtensions",
    "DescribeRegions": "Regions",
}
OPERATION_OF = {
    "describe_capacity_reservations": "DescribeCapacityReservations",
    "describe_capacity_blocks": "DescribeCapacityBlocks",
    "describe_capacity_block_status": "DescribeCapacityBlockStatus",
    "describe_capacity_block_offerings": "DescribeCapacityBlockOfferings",
    "describe_capacity_block_extension_history": "DescribeCapacityBlockExtensionHistory",
    "describe_regions": "DescribeRegions",
}


def files() -> list[Path]:
    return sorted(SAMPLES.glob("describe_*.json"))


def operation_of(file: Path) -> str:
    prefix = max((name for name in OPERATION_OF if file.stem.startswith(name)), key=len)
    return OPERATION_OF[prefix]


def parsed(operation: str, body: bytes) -> Raw:
    shape = service_model().operation_model(operation).output_shape
    answer = {"body": body, "headers": {}, "status_code": 200}
    return dict(create_parser("ec2").parse(answer, shape))


@pytest.mark.parametrize("file", files(), ids=lambda file: file.stem)
def test_botocore_reads_every_recorded_answer_as_it_was_recorded(file: Path) -> None:
    operation = operation_of(file)
    member = MEMBERS[operation]
    recorded = sample(operation, file.stem)
    render = renderer(operation, member)

    items = map(render, recorded[member])
    body = answer_xml(operation, member, items, recorded.get("NextToken"), "request-1")

    answer = parsed(operation, body)
    assert answer[member] == recorded[member]
    assert answer.get("NextToken") == recorded.get("NextToken")
    assert answer["ResponseMetadata"]["RequestId"] == "request-1"


def test_there_are_recorded_answers() -> None:
    assert len(files()) >= 13


def test_a_recorded_listing_served_as_a_fleet_comes_back_through_boto3(world: World) -> None:
    pages = [
        sample("DescribeCapacityReservations", f"describe_capacity_reservations{page}")
        for page in ("", "_page2")
    ]
    text = [
        json.loads((SAMPLES / f"describe_capacity_reservations{page}.json").read_text())
        for page in ("", "_page2")
    ]
    listed = [item for page in text for item in page["CapacityReservations"]]
    world.simulator.replace_fleet(load_fleet(json.dumps({"CapacityReservations": listed}), NOW))

    # Of the second page one is another account's, and nothing says that it is shared.
    recorded = {
        item["CapacityReservationId"]: item
        for page in pages
        for item in page["CapacityReservations"]
        if item["OwnerId"] == "123456789012"
    }
    served = {item["CapacityReservationId"]: item for item in world.listed()}
    assert len(served) >= 13
    assert served.keys() == recorded.keys()
    for name, item in recorded.items():
        assert {key: served[name][key] for key in item} == item


def test_text_is_escaped(world: World) -> None:
    tag = {"Key": '<Owner> & "co"', "Value": "R&D ünïcode"}
    render = renderer("DescribeCapacityReservations", "CapacityReservations")
    body = answer_xml(
        "DescribeCapacityReservations", "CapacityReservations", [render({"Tags": [tag]})], None, "r"
    )
    (item,) = parsed("DescribeCapacityReservations", body)["CapacityReservations"]
    assert item["Tags"] == [tag]


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        (
            "DescribeCapacityReservations",
            {
                "CapacityReservationIds": ["cr-1", "cr-2"],
                "MaxResults": 7,
                "DryRun": True,
                "Filters": [
                    {"Name": "state", "Values": ["active", "scheduled"]},
                    {"Name": "instance-type", "Values": [f"p{n}.48xlarge" for n in range(12)]},
                ],
            },
        ),
        (
            "DescribeCapacityBlockOfferings",
            {
                "CapacityDurationHours": 48,
                "InstanceType": "p5.48xlarge",
                "StartDateRange": datetime(2026, 12, 1, 11, 30, tzinfo=UTC),
                "AllAvailabilityZones": False,
            },
        ),
        ("DescribeRegions", {"RegionNames": ["us-east-1"], "AllRegions": True, "DryRun": False}),
    ],
)
def test_what_botocore_sends_is_understood(operation: str, parameters: Raw) -> None:
    model = service_model().operation_model(operation)
    request = create_serializer("ec2").serialize_to_request(parameters, model)
    query = {name: str(value) for name, value in request["body"].items()}
    assert parse_parameters(operation, query) == parameters


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"Sort": "asc"}, "UnknownParameter"),
        ({"Filter": "x"}, "UnknownParameter"),
        ({"Filter.1.Key": "state"}, "UnknownParameter"),
        ({"Filter.one.Name": "state"}, "UnknownParameter"),
        ({"MaxResults": "many"}, "InvalidParameterValue"),
        ({"DryRun": "yes"}, "InvalidParameterValue"),
    ],
)
def test_what_ec2_does_not_know_is_refused(query: dict[str, str], code: str) -> None:
    with pytest.raises(EC2Error) as caught:
        parse_parameters("DescribeCapacityReservations", query)
    assert caught.value.code == code


def test_the_region_is_that_of_the_signature() -> None:
    scope = "AWS4-HMAC-SHA256 Credential=AKIA1/20261124/eu-west-3/ec2/aws4_request, Signature=a"
    assert credential_of(scope) == Credential("AKIA1", "eu-west-3")


@pytest.mark.parametrize("header", ["", "Bearer x", "AWS4-HMAC-SHA256 Credential=A/1/x/s3/b"])
def test_a_call_without_a_signature_for_ec2_is_refused(header: str) -> None:
    with pytest.raises(EC2Error) as caught:
        credential_of(header)
    assert (caught.value.code, caught.value.status) == ("AuthFailure", 401)


def test_an_error_has_ec2s_shape() -> None:
    body = error_xml(EC2Error("InvalidParameterValue", "a < b"), "request-2")
    shape = service_model().operation_model("DescribeRegions").output_shape
    answer: Any = create_parser("ec2").parse(
        {"body": body, "headers": {}, "status_code": 400}, shape
    )
    assert answer["Error"] == {"Code": "InvalidParameterValue", "Message": "a < b"}
    assert answer["ResponseMetadata"]["RequestId"] == "request-2"
