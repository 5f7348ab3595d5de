"""EC2's fields → the model: samples go through boto3's own model, every field is checked."""

from dataclasses import fields
from datetime import timedelta

import pytest
from botocore.stub import ANY

from tests.builders import HOME, NOON, OTHER
from tests.ec2.raw import BLOCKS, RESERVATIONS, STATUS, a_raw_odcr, listed
from tests.ec2.stubbed import Raw, StubbedEC2, page, sample
from truffle.core.codec import encode
from truffle.core.model import Adjustment, CapacityBlock, Odcr, Reservation, Scope
from truffle.ec2.mapping import REQUESTED_QUANTITY_TAG, to_odcr

TYPES = "describe_instance_types"
EAST = Scope(HOME, "us-east-1")


@pytest.fixture(scope="module")
def ohio() -> dict[str, Reservation]:
    """Two pages of reservations of every sort, one of whose blocks EC2 knows more about."""
    ec2 = StubbedEC2()
    ec2.answers(
        RESERVATIONS,
        sample("DescribeCapacityReservations", "describe_capacity_reservations"),
        sample("DescribeCapacityReservations", "describe_capacity_reservations_page2"),
    )
    ec2.answers(BLOCKS, sample("DescribeCapacityBlocks", "describe_capacity_blocks"))
    ec2.answers(STATUS, sample("DescribeCapacityBlockStatus", "describe_capacity_block_status"))
    return listed(ec2)


@pytest.fixture(scope="module")
def dallas() -> dict[str, Reservation]:
    """An UltraServer block in a Local Zone, of a type that the bundled table lacks."""
    name = "describe_capacity_{}_us_east_1_ultraserver"
    ec2 = StubbedEC2()
    ec2.answers(RESERVATIONS, sample("DescribeCapacityReservations", name.format("reservations")))
    ec2.answers(BLOCKS, sample("DescribeCapacityBlocks", name.format("blocks")))
    ec2.answers(STATUS, sample("DescribeCapacityBlockStatus", name.format("block_status")))
    gpus = [{"Name": "GB200", "Manufacturer": "NVIDIA", "Count": 4}]
    described = {"InstanceType": "p6e-gb200.36xlarge", "GpuInfo": {"Gpus": gpus}}
    asked = [{"Name": "instance-type", "Values": ["p6e-gb200.36xlarge"]}]
    ec2.answers(TYPES, {"InstanceTypes": [described]}, Filters=asked)
    return listed(ec2, EAST)


def test_every_reservation_of_every_page_is_there_by_id(ohio: dict[str, Reservation]) -> None:
    numbers = "001 002 003 004 005 006 007 009 00a 00b 00c 00d 00e 00f 010"

    assert list(ohio) == numbers.split()


def test_a_plain_odcr(ohio: dict[str, Reservation]) -> None:
    assert encode(ohio["001"]) == {
        "reservation_id": "cr-0a1b2c3d4e5f60001",
        "reservation_arn": "arn:aws:ec2:us-east-2:123456789012:"
        "capacity-reservation/cr-0a1b2c3d4e5f60001",
        "type": "odcr",
        "account_id": HOME,
        "owner_id": HOME,
        "region": "us-east-2",
        "availability_zone": "us-east-2a",
        "availability_zone_id": "use2-az1",
        "instance_type": "p4d.24xlarge",
        "platform": "Linux/UNIX",
        "tenancy": "default",
        "ebs_optimized": True,
        "match_criteria": "targeted",
        "state": "active",
        "total_capacity": 8,
        "available_capacity": 3,
        "used_capacity": 5,
        "utilization": 0.625,
        "start_date": "2026-10-01T09:03:21Z",
        "end_date": None,
        "end_date_type": "unlimited",
        "create_date": "2026-10-01T09:03:18Z",
        "fleet_id": None,
        "placement_group_arn": "arn:aws:ec2:us-east-2:123456789012:placement-group/train-pg",
        "outpost_arn": None,
        "interruptible": None,
        "commitment": None,
        "delivery_preference": None,
        "unused_billing_owner_id": None,
        "accelerator": {
            "name": "A100",
            "manufacturer": "NVIDIA",
            "count": 8,
            "total_count": 64,
        },
        "tags": {"Name": "train-a100", "Team": "research"},
        "observed_at": "2026-11-24T12:00:00Z",
        "seen_by": [HOME],
        "account_name": None,
        "organizational_unit": None,
        "consumers": None,
        "original_start_date": None,
        "adjustment": None,
        "interruptible_allocation": None,
        "source_reservation_id": None,
        "billing_request": None,
    }


def test_an_odcr_with_an_end(ohio: dict[str, Reservation]) -> None:
    row = encode(ohio["002"])

    assert (row["end_date"], row["end_date_type"]) == ("2026-12-01T00:00:00Z", "limited")
    assert (row["used_capacity"], row["utilization"]) == (0, 0.0)
    assert row["tags"] == {}


def test_a_future_dated_odcr_with_its_commitment(ohio: dict[str, Reservation]) -> None:
    row = encode(ohio["009"])

    assert row["state"] == "scheduled"
    assert row["commitment"] == {
        "committed_instance_count": 40,
        "commitment_end_date": "2027-01-18T08:00:00Z",
        "commitment_duration_seconds": 1_209_600,
    }
    assert row["delivery_preference"] == "incremental"
    assert (row["total_capacity"], row["used_capacity"], row["utilization"]) == (0, None, None)
    assert row["accelerator"] is None


def test_a_commitment_that_has_no_end_yet(ohio: dict[str, Reservation]) -> None:
    commitment = encode(ohio["00a"])["commitment"]

    assert (commitment["committed_instance_count"], commitment["commitment_end_date"]) == (20, None)


def test_an_interruptible_pair_is_two_rows_that_do_not_overlap(
    ohio: dict[str, Reservation],
) -> None:
    source, interruptible = encode(ohio["00c"]), encode(ohio["00d"])

    assert (source["interruptible"], interruptible["interruptible"]) == (None, True)
    assert (source["total_capacity"], interruptible["total_capacity"]) == (6, 2)


def test_a_reservation_on_an_outpost(ohio: dict[str, Reservation]) -> None:
    arn = "arn:aws:outposts:us-east-2:123456789012:outpost/op-0123456789abcdef0"

    assert encode(ohio["00e"])["outpost_arn"] == arn


def test_a_reservation_of_a_fleet(ohio: dict[str, Reservation]) -> None:
    assert encode(ohio["00f"])["fleet_id"] == "crf-0123456789abcdef0"


def test_a_shared_reservation_belongs_to_its_owner_and_is_seen_by_the_account_that_lists_it(
    ohio: dict[str, Reservation],
) -> None:
    row = encode(ohio["00b"])

    assert (row["account_id"], row["owner_id"], row["seen_by"]) == (HOME, OTHER, [HOME])
    assert row["unused_billing_owner_id"] == HOME


def test_a_cancelled_odcr_has_no_use(ohio: dict[str, Reservation]) -> None:
    row = encode(ohio["010"])

    assert (row["total_capacity"], row["available_capacity"]) == (3, 3)
    assert (row["used_capacity"], row["utilization"]) == (None, None)


def test_an_active_block(ohio: dict[str, Reservation]) -> None:
    assert encode(ohio["003"]) == {
        "capacity_block_id": "cb-0f1e2d3c4b5a60003",
        "reservation_id": "cr-0a1b2c3d4e5f60003",
        "reservation_ids": ["cr-0a1b2c3d4e5f60003"],
        "type": "capacity-block",
        "account_id": HOME,
        "owner_id": HOME,
        "region": "us-east-2",
        "availability_zone": "us-east-2a",
        "availability_zone_id": "use2-az1",
        "instance_type": "p5.48xlarge",
        "instance_count": 16,
        "duration_hours": 168,
        "start_date": "2026-11-20T11:30:00Z",
        "end_date": "2026-11-27T11:30:00Z",
        "effective_end": "2026-11-27T11:00:00Z",
        "state": "active",
        "total_capacity": 16,
        "available_capacity": 2,
        "used_capacity": 14,
        "utilization": 0.875,
        "ultra_cluster_placement": True,
        "ultraserver_type": None,
        "health": {"interconnect_status": "ok", "unavailable_capacity": 0},
        "platform": "Linux/UNIX",
        "tenancy": "default",
        "create_date": "2026-11-06T12:03:21Z",
        "accelerator": {
            "name": "H100",
            "manufacturer": "NVIDIA",
            "count": 8,
            "total_count": 128,
        },
        "tags": {
            REQUESTED_QUANTITY_TAG: "16",
            "aws:ec2capacityreservation:capacityReservationType": "capacity-block",
            "Name": "llm-pretrain",
        },
        "observed_at": "2026-11-24T12:00:00Z",
        "seen_by": [HOME],
        "account_name": None,
        "organizational_unit": None,
        "consumers": None,
    }


def test_a_block_before_its_start_has_its_size_from_the_tag(
    ohio: dict[str, Reservation],
) -> None:
    row = encode(ohio["004"])

    assert row["state"] == "scheduled"
    assert (row["instance_count"], row["accelerator"]["total_count"]) == (4, 32)
    assert (row["total_capacity"], row["available_capacity"]) == (0, 0)
    assert (row["used_capacity"], row["utilization"]) == (None, None)


def test_a_block_without_an_id_of_its_own_has_its_reservations(
    ohio: dict[str, Reservation],
) -> None:
    row = encode(ohio["004"])

    assert row["capacity_block_id"] == "cr-0a1b2c3d4e5f60004"
    assert row["reservation_ids"] == ["cr-0a1b2c3d4e5f60004"]
    assert row["health"] is None


@pytest.mark.parametrize(
    ("name", "state", "count"),
    [("005", "payment-pending", 1), ("006", "payment-failed", 2), ("007", "expired", 8)],
)
def test_a_block_in_any_other_state_keeps_its_size_and_has_no_use(
    ohio: dict[str, Reservation], name: str, state: str, count: int
) -> None:
    row = encode(ohio[name])

    assert (row["state"], row["instance_count"]) == (state, count)
    assert (row["used_capacity"], row["utilization"]) == (None, None)


def test_an_ultraserver_ends_an_hour_early_and_has_its_own_health(
    dallas: dict[str, Reservation],
) -> None:
    row = encode(dallas["008"])

    assert row["capacity_block_id"] == "cb-0f1e2d3c4b5a60008"
    assert row["ultraserver_type"] == "u-p6e-gb200x72"
    assert row["effective_end"] == "2026-11-28T10:30:00Z"
    assert row["health"] == {"interconnect_status": "impaired", "unavailable_capacity": 1}
    assert (row["region"], row["availability_zone"]) == ("us-east-1", "us-east-1-dfw-2a")


def test_a_type_that_ec2_described_has_its_accelerator(dallas: dict[str, Reservation]) -> None:
    assert encode(dallas["008"])["accelerator"] == {
        "name": "GB200",
        "manufacturer": "NVIDIA",
        "count": 4,
        "total_count": 72,
    }


@pytest.mark.parametrize(
    ("described", "carried"),
    [
        (
            {"GpuInfo": {"Gpus": [{"Name": "R100", "Manufacturer": "NVIDIA", "Count": 8}]}},
            ("R100", "NVIDIA", 8),
        ),
        (
            {
                "GpuInfo": {
                    "Gpus": [
                        {
                            "Name": "R100",
                            "Manufacturer": "NVIDIA",
                            "Count": 0,
                            "LogicalGpuCount": 1,
                            "GpuPartitionSize": 0.25,
                        }
                    ]
                }
            },
            ("R100", "NVIDIA", 0.25),
        ),
        (
            {"NeuronInfo": {"NeuronDevices": [{"Name": "Trainium3", "Count": 16}]}},
            ("Trainium3", "AWS", 16),
        ),
        (
            {
                "InferenceAcceleratorInfo": {
                    "Accelerators": [{"Name": "AI200", "Manufacturer": "Qualcomm", "Count": 4}]
                }
            },
            ("AI200", "Qualcomm", 4),
        ),
        ({"FpgaInfo": {"Fpgas": [{"Name": "VU47P", "Manufacturer": "AMD", "Count": 1}]}}, None),
        (
            {"MediaAcceleratorInfo": {"Accelerators": [{"Name": "U30", "Count": 1}]}},
            None,
        ),
        ({"GpuInfo": {"Gpus": []}}, None),
        ({}, None),
    ],
    ids=["GPU", "part of a GPU", "Neuron", "inference", "FPGA", "media", "no GPU", "nothing"],
)
def test_the_description_of_a_type_gives_its_accelerator(
    described: Raw, carried: tuple[str, str, float] | None
) -> None:
    ec2 = StubbedEC2().answers(RESERVATIONS, page(a_raw_odcr(InstanceType="x99.large")))
    ec2.answers(TYPES, {"InstanceTypes": [{"InstanceType": "x99.large", **described}]}, Filters=ANY)

    (row,) = listed(ec2).values()

    known = row.accelerator
    assert (known and (known.name, known.manufacturer, known.count)) == carried


def test_every_field_of_the_model_is_filled_by_some_sample(
    ohio: dict[str, Reservation], dallas: dict[str, Reservation]
) -> None:
    rows = [*ohio.values(), *dallas.values()]
    for cls in (Odcr, CapacityBlock):
        filled = {
            name
            for row in rows
            if isinstance(row, cls)
            for name, value in encode(row).items()
            if value not in (None, [], {})
        }
        # No sample has a requested change of dates.
        of_other_calls = {"account_name", "organizational_unit", "consumers", "adjustment"}
        of_other_calls |= {"billing_request"}
        assert filled == {field.name for field in fields(cls)} - of_other_calls


def test_a_lender_and_its_interruptible_odcr_name_each_other(ohio: dict[str, Reservation]) -> None:
    lender, borrower = encode(ohio["00c"]), encode(ohio["00d"])

    assert lender["interruptible_allocation"] == {
        "reservation_id": "cr-0a1b2c3d4e5f6000d",
        "instance_count": 2,
        "target_instance_count": 2,
        "status": "active",
    }
    assert borrower["source_reservation_id"] == "cr-0a1b2c3d4e5f6000c"
    assert borrower["interruptible_allocation"] is None


def test_a_requested_change_of_dates() -> None:
    end = NOON + timedelta(days=3)
    details = {"EndDate": end, "EndDateType": "limited"}
    raw = a_raw_odcr(AdjustmentStatus="requested", AdjustmentDetails=details)

    row = to_odcr(raw, Scope(HOME, "us-east-2"), NOON, {})

    assert row.adjustment == Adjustment("requested", end_date=end, end_date_type="limited")
