"""Describe calls over boto3: filters, ids, pages, regions, types."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sandbox.ec2.operations import OPERATIONS
from sandbox.ec2.shapes import described
from sandbox.ec2.wire import service_model
from tests.sandbox.worlds import HOME, PARTNER, Raw, World, a_block, an_odcr, ids


def filtered(world: World, **values: Any) -> list[int]:
    filters = [
        {"Name": name.replace("_", "-"), "Values": wanted} for name, wanted in values.items()
    ]
    return ids(world.listed(Filters=filters))


class TestFilters:
    def test_values_mean_or_and_names_mean_and(self, world: World) -> None:
        world.has(
            an_odcr(1, InstanceType="g6.xlarge", State="active"),
            an_odcr(2, InstanceType="g6.xlarge", State="pending"),
            an_odcr(3, InstanceType="g5.xlarge", State="active"),
            an_odcr(4, InstanceType="m7i.4xlarge", State="active"),
        )
        types = ["g6.xlarge", "g5.xlarge"]
        assert filtered(world, instance_type=types) == [1, 2, 3]
        assert filtered(world, instance_type=types, state=["active"]) == [1, 3]

    @pytest.mark.parametrize(
        ("pattern", "found"),
        [
            ("g*", [1, 2]),
            ("g?.xlarge", [1]),
            ("*.4xlarge", [3]),
            ("*", [1, 2, 3]),
            ("g", []),
            ("G6.xlarge", []),
            (r"g\*", []),
        ],
    )
    def test_wildcards(self, world: World, pattern: str, found: list[int]) -> None:
        kinds = ("g6.xlarge", "g6e.12xlarge", "m7i.4xlarge")
        world.has(*(an_odcr(n, InstanceType=kind) for n, kind in enumerate(kinds, 1)))
        assert filtered(world, instance_type=[pattern]) == found

    def test_dates_and_owners(self, world: World) -> None:
        world.has(an_odcr(1, EndDate="2026-12-01T00:00:00Z"), an_odcr(2))
        assert filtered(world, end_date=["2026-12-01*"]) == [1]
        assert filtered(world, end_date_type=["unlimited"]) == [2]
        assert filtered(world, owner_id=[HOME]) == [1, 2]

    @pytest.mark.parametrize(
        "name", ["reservation-type", "capacity-reservation-type", "tag:Team", "State", ""]
    )
    def test_a_name_that_ec2_does_not_document_is_an_error(self, world: World, name: str) -> None:
        code = world.refusal(Filters=[{"Name": name, "Values": ["x"]}])
        assert code == "InvalidParameterValue"

    def test_a_filter_without_values_is_an_error(self, world: World) -> None:
        code = world.refusal(Filters=[{"Name": "state", "Values": []}])
        assert code == "InvalidParameterValue"

    def test_two_hundred_values_are_the_most(self, world: World) -> None:
        values = [f"cr-{n}" for n in range(201)]
        assert filtered(world, instance_type=values[:200]) == []
        code = world.refusal(Filters=[{"Name": "instance-type", "Values": values}])
        assert code == "FilterLimitExceeded"

    @pytest.mark.parametrize("operation", sorted(OPERATIONS))
    def test_every_filter_is_one_that_ec2_documents(self, operation: str) -> None:
        filters = OPERATIONS[operation].filters
        shape = service_model().operation_model(operation).input_shape
        if "Filters" not in shape.members:
            assert not filters
            return
        documented = re.findall(r"<code>(.*?)</code>", shape.members["Filters"].documentation)
        assert filters
        assert filters.keys() <= set(documented)

    def test_no_documented_filter_of_reservations_is_missing(self) -> None:
        model: Any = service_model()
        shape = model.operation_model("DescribeCapacityReservations").input_shape
        documented = re.findall(r"<code>(.*?)</code>", shape.members["Filters"].documentation)
        members = described("DescribeCapacityReservations", "CapacityReservations").members
        values = {value for member in members.values() for value in getattr(member, "enum", ())}
        names = set(documented) - values
        assert len(names) == 12
        assert names == OPERATIONS["DescribeCapacityReservations"].filters.keys()


class TestPages:
    def test_a_paginator_gets_everything_once(self, world: World) -> None:
        world.has(*map(an_odcr, range(25)))
        pages = list(
            world.ec2()
            .get_paginator("describe_capacity_reservations")
            .paginate(PaginationConfig={"PageSize": 10})
        )
        assert [len(page["CapacityReservations"]) for page in pages] == [10, 10, 5]
        assert [n for page in pages for n in ids(page["CapacityReservations"])] == list(range(25))

    def test_without_a_size_a_page_holds_a_thousand(self, world: World) -> None:
        world.has(*map(an_odcr, range(1001)))
        answer = world.ec2().describe_capacity_reservations()
        assert len(answer["CapacityReservations"]) == 1000
        rest = world.listed(NextToken=answer["NextToken"])
        assert ids(rest) == [1000]

    def test_pages_count_what_passes_the_filters(self, world: World) -> None:
        world.has(*(an_odcr(n, State="active" if n % 2 else "pending") for n in range(10)))
        only = [{"Name": "state", "Values": ["active"]}]
        first = world.ec2().describe_capacity_reservations(Filters=only, MaxResults=3)
        assert ids(first["CapacityReservations"]) == [1, 3, 5]
        rest = world.listed(Filters=only, MaxResults=3, NextToken=first["NextToken"])
        assert ids(rest) == [7, 9]

    @pytest.mark.parametrize("size", [0, 1001])
    def test_a_size_out_of_range_is_an_error(self, world: World, size: int) -> None:
        client = world.ec2()
        shape = client.meta.service_model.operation_model("DescribeCapacityReservations")
        assert (shape.input_shape.members["MaxResults"].metadata) == {"min": 1, "max": 1000}
        assert raw_refusal(world, MaxResults=str(size)) == "InvalidParameterValue"

    @pytest.mark.parametrize("token", ["x", "AAAA", "YWJj" * 20, "ü"])
    def test_an_unknown_token_is_refused(self, world: World, token: str) -> None:
        assert world.refusal(NextToken=token) == "InvalidPaginationToken"

    def test_a_token_belongs_to_its_request(self, world: World) -> None:
        world.has(*map(an_odcr, range(4)))
        token = world.ec2().describe_capacity_reservations(MaxResults=2)["NextToken"]
        only = [{"Name": "state", "Values": ["active"]}]
        assert world.refusal(NextToken=token, Filters=only) == "InvalidNextToken"
        assert world.refusal("describe_capacity_blocks", NextToken=token) == "InvalidNextToken"


def raw_refusal(world: World, **parameters: str) -> str:
    """The error code of a call that boto3 itself would not let through."""
    scope = "AWS4-HMAC-SHA256 Credential=test/20261124/us-east-2/ec2/aws4_request"
    query = {"Action": "DescribeCapacityReservations", **parameters}
    found = re.search(rb"<Code>(.*?)</Code>", world.simulator.answer(scope, query).body or b"")
    assert found is not None
    return found[1].decode()


class TestIds:
    def test_only_what_is_asked_for(self, world: World) -> None:
        world.has(*map(an_odcr, range(3)))
        asked = [an_odcr(1)["CapacityReservationId"]]
        assert ids(world.listed(CapacityReservationIds=asked)) == [1]

    def test_an_unknown_id_is_an_error(self, world: World) -> None:
        code = world.refusal(CapacityReservationIds=["cr-00000000000000009"])
        assert code == "InvalidCapacityReservationId.NotFound"


class TestRegions:
    def test_each_region_has_its_own(self, world: World) -> None:
        world.has_regions(
            {
                "us-east-2": {"CapacityReservations": [an_odcr(1)]},
                "eu-west-1": {"CapacityReservations": [an_odcr(2)]},
            }
        )
        there = world.ec2("eu-west-1").describe_capacity_reservations()["CapacityReservations"]
        assert (ids(world.listed()), ids(there)) == ([1], [2])
        assert there[0]["AvailabilityZoneId"] == "euw1-az1"

    def test_only_enabled_regions_are_listed_and_answer(self, world: World) -> None:
        world.has_regions({"us-east-2": {}, "ap-east-1": {"OptInStatus": "not-opted-in"}})
        client = world.ec2()
        assert names(client.describe_regions()) == ["us-east-2"]
        assert names(client.describe_regions(AllRegions=True)) == ["ap-east-1", "us-east-2"]
        assert world.error(region="ap-east-1") == ("AuthFailure", 401)
        assert world.error(region="eu-west-3") == ("AuthFailure", 401)

    def test_regions_by_name_and_filter(self, world: World) -> None:
        client = world.ec2()
        assert names(client.describe_regions(RegionNames=["eu-west-1"])) == ["eu-west-1"]
        only = [{"Name": "region-name", "Values": ["us-*"]}]
        assert names(client.describe_regions(Filters=only)) == ["us-east-2"]
        refusal = world.refusal("describe_regions", RegionNames=["mars-1"])
        assert refusal == "InvalidParameterValue"


def names(answer: Any) -> list[str]:
    return [region["RegionName"] for region in answer["Regions"]]


class TestTypes:
    def test_what_carries_what(self, world: World) -> None:
        asked = ["p5.48xlarge", "g6f.xlarge", "trn2.48xlarge", "inf1.xlarge", "m7i.4xlarge"]
        answer = world.ec2().describe_instance_types(InstanceTypes=asked)["InstanceTypes"]
        types = {item["InstanceType"]: item for item in answer}
        assert types.keys() == set(asked)
        assert types["p5.48xlarge"]["GpuInfo"]["Gpus"][0]["Count"] == 8
        # A fractional GPU: EC2 says 0, and how large a part of a GPU there is.
        fraction = types["g6f.xlarge"]["GpuInfo"]["Gpus"][0]
        assert (fraction["Count"], fraction["GpuPartitionSize"]) == (0, 0.125)
        assert types["trn2.48xlarge"]["NeuronInfo"]["NeuronDevices"][0]["Count"] == 16
        accelerators = types["inf1.xlarge"]["InferenceAcceleratorInfo"]["Accelerators"]
        assert accelerators[0]["Name"] == "Inferentia"
        assert not {"GpuInfo", "NeuronInfo"} & types["m7i.4xlarge"].keys()

    def test_what_is_sold_as_blocks(self, world: World) -> None:
        only = [{"Name": "supported-usage-class", "Values": ["capacity-block"]}]
        answer = world.ec2().describe_instance_types(Filters=only)["InstanceTypes"]
        types = {item["InstanceType"] for item in answer}
        assert {"p5.48xlarge", "trn2.48xlarge", "p6-b200.48xlarge"} <= types
        assert not {"g6.xlarge", "m7i.4xlarge"} & types

    def test_an_unknown_type_is_an_error_by_name_and_nothing_by_filter(self, world: World) -> None:
        code = world.refusal("describe_instance_types", InstanceTypes=["p99.huge"])
        assert code == "InvalidInstanceType"
        only = [{"Name": "instance-type", "Values": ["p99.huge"]}]
        assert world.ec2().describe_instance_types(Filters=only)["InstanceTypes"] == []


class TestBlocks:
    def test_blocks_are_made_of_their_reservations(self, world: World) -> None:
        shared = {"CapacityBlockId": "cb-ultra", "State": "active", "StartDate": "-1d"}
        part: Raw = {**shared, "TotalInstanceCount": 9, "AvailableInstanceCount": 2}
        world.has(
            a_block(1, **part),
            a_block(2, **part),
            an_odcr(3),
            CapacityBlocks=[{"CapacityBlockId": "cb-ultra", "UltraserverType": "u-p6e-gb200x72"}],
            CapacityBlockStatuses=[
                {"CapacityBlockId": "cb-ultra", "InterconnectStatus": "impaired"}
            ],
        )
        (block,) = world.ec2().describe_capacity_blocks()["CapacityBlocks"]
        assert len(block["CapacityReservationIds"]) == 2
        assert (block["UltraserverType"], block["State"]) == ("u-p6e-gb200x72", "active")
        (status,) = world.ec2().describe_capacity_block_status()["CapacityBlockStatuses"]
        assert (status["TotalCapacity"], status["TotalAvailableCapacity"]) == (18, 4)
        assert status["InterconnectStatus"] == "impaired"

    def test_a_block_that_has_not_started_has_no_health_yet(self, world: World) -> None:
        world.has(a_block(1))
        (status,) = world.ec2().describe_capacity_block_status()["CapacityBlockStatuses"]
        assert (status["InterconnectStatus"], status["TotalCapacity"]) == ("insufficient-data", 0)

    def test_extensions(self, world: World) -> None:
        extension = {
            "CapacityReservationId": a_block(1)["CapacityReservationId"],
            "CapacityBlockExtensionStatus": "payment-pending",
            "CapacityBlockExtensionEndDate": "+3d",
        }
        world.has(a_block(1), CapacityBlockExtensions=[extension])
        client = world.ec2()
        history = client.describe_capacity_block_extension_history
        assert len(history()["CapacityBlockExtensions"]) == 1
        status = {"Name": "capacity-block-extension-status", "Values": ["payment-failed"]}
        assert history(Filters=[status])["CapacityBlockExtensions"] == []


class TestAccounts:
    def test_a_consumer_sees_what_is_shared_with_it_without_its_tags(self, world: World) -> None:
        tags = [{"Key": "Team", "Value": "research"}]
        share = {"SharedWith": [PARTNER]}
        world.has(an_odcr(1, Tags=tags, Simulator=share), an_odcr(2), a_block(3, Simulator=share))
        assert ids(world.listed()) == [1, 2, 3]
        seen = world.listed(access_key=PARTNER)
        assert ids(seen) == [1, 3]
        assert [(item["OwnerId"], item.get("Tags", [])) for item in seen] == [(HOME, [])] * 2
        assert world.ec2(access_key=PARTNER).describe_capacity_blocks()["CapacityBlocks"] == []

    def test_a_key_of_twelve_digits_is_that_account(self, world: World) -> None:
        world.has(an_odcr(1), an_odcr(2, OwnerId=PARTNER))
        assert ids(world.listed(access_key=PARTNER)) == [2]
        assert ids(world.listed(access_key=HOME)) == [1]
        assert ids(world.listed(access_key="AKIAIOSFODNN7EXAMPLE")) == [1]


class TestOtherCalls:
    def test_any_other_action_does_not_exist(self, world: World) -> None:
        assert world.error("describe_vpcs") == ("InvalidAction", 400)

    def test_a_dry_run_says_that_it_would_have_worked(self, world: World) -> None:
        assert world.error(DryRun=True) == ("DryRunOperation", 412)

    def test_zones(self, world: World) -> None:
        world.has(an_odcr(1, AvailabilityZone="us-east-2d"))
        zones = world.ec2().describe_availability_zones()["AvailabilityZones"]
        assert [zone["ZoneId"] for zone in zones] == [f"use2-az{n}" for n in (1, 2, 3, 4)]
