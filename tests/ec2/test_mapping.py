"""What EC2 calls it → the model: samples go through boto3's own model, every field is checked."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import ANY

from tests.builders import DAY, HOME, NOON, OHIO, OTHER
from tests.ec2.stubbed import Raw, StubbedEC2, page, sample
from truffle.core.codec import encode
from truffle.core.model import CapacityBlock, Health, Odcr, Reservation, Scope, Snapshot
from truffle.ec2.listing import DescribedTypes, list_scope
from truffle.ec2.mapping import REQUESTED_QUANTITY_TAG

RESERVATIONS = "describe_capacity_reservations"
BLOCKS = "describe_capacity_blocks"
STATUS = "describe_capacity_block_status"
TYPES = "describe_instance_types"
EAST = Scope(HOME, "us-east-1")


def listed(ec2: StubbedEC2, scope: Scope = OHIO) -> dict[str, Reservation]:
    """The rows of a complete listing, by the last three characters of their ids."""
    answer = list_scope(ec2, scope, DescribedTypes(), lambda: NOON)
    assert isinstance(answer, Snapshot), answer
    ec2.assert_all_asked()
    return {row.reservation_id[-3:]: row for row in answer.reservations}


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


def block_of(row: Reservation) -> CapacityBlock:
    assert isinstance(row, CapacityBlock)
    return row


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


def test_an_ultraserver_ends_an_hour_early_and_tells_its_health(
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


def a_raw_odcr(name: str = "cr-00000000000000001", **facts: Any) -> Raw:
    return {
        "CapacityReservationId": name,
        "ReservationType": "default",
        "InstanceType": "m5.large",
        "State": "active",
        "TotalInstanceCount": 4,
        "AvailableInstanceCount": 1,
        **facts,
    }


def a_raw_block(name: str = "cr-00000000000000001", **facts: Any) -> Raw:
    start = datetime(2026, 11, 25, 11, 30, tzinfo=UTC)
    return {
        "CapacityReservationId": name,
        "ReservationType": "capacity-block",
        "InstanceType": "p5.48xlarge",
        "State": "scheduled",
        "TotalInstanceCount": 0,
        "AvailableInstanceCount": 0,
        "StartDate": start,
        "EndDate": start + 7 * DAY,
        "Tags": [{"Key": REQUESTED_QUANTITY_TAG, "Value": "16"}],
        **facts,
    }


def one(
    raw: Raw, blocks: list[Raw] | None = None, statuses: list[Raw] | None = None
) -> Reservation:
    """The row of the only reservation of a listing."""
    ec2 = StubbedEC2().answers(RESERVATIONS, page(raw))
    if raw.get("ReservationType") == "capacity-block":
        ec2.answers(BLOCKS, {"CapacityBlocks": blocks or []})
        ec2.answers(STATUS, {"CapacityBlockStatuses": statuses or []})
    (row,) = listed(ec2).values()
    return row


def test_an_ultraserver_block_with_two_reservations_is_two_rows_that_share_its_ids() -> None:
    # Given a block of which one reservation is active, and one not yet
    rows = [
        a_raw_block("cr-00000000000000002", State="active", TotalInstanceCount=9),
        a_raw_block("cr-00000000000000001"),
    ]
    block = {
        "CapacityBlockId": "cb-1",
        "UltraserverType": "u-p6e-gb200x36",
        "CapacityReservationIds": ["cr-00000000000000002", "cr-00000000000000001"],
    }
    status = {"CapacityBlockId": "cb-1", "InterconnectStatus": "ok", "TotalUnavailableCapacity": 0}

    # When EC2 names the block only in DescribeCapacityBlocks
    ec2 = StubbedEC2().answers(RESERVATIONS, page(*rows))
    ec2.answers(BLOCKS, {"CapacityBlocks": [block]})
    ec2.answers(STATUS, {"CapacityBlockStatuses": [status]})
    first, second = map(block_of, listed(ec2).values())

    # Then both rows tell of the same block
    assert first.capacity_block_id == second.capacity_block_id == "cb-1"
    assert first.reservation_ids == second.reservation_ids
    assert first.reservation_ids == ("cr-00000000000000001", "cr-00000000000000002")
    assert first.health == second.health
    assert first.health is not None
    assert (first.instance_count, second.instance_count) == (16, 9)


def test_reservations_that_name_the_same_block_are_its_reservations_without_further_calls() -> None:
    rows = [a_raw_block(f"cr-0000000000000000{n}", CapacityBlockId="cb-1") for n in (2, 1)]

    ec2 = StubbedEC2().answers(RESERVATIONS, page(*rows))
    ec2.refuses(BLOCKS, "unauthorized").refuses(STATUS, "unauthorized")
    first, second = map(block_of, listed(ec2).values())

    assert first.capacity_block_id == second.capacity_block_id == "cb-1"
    assert first.reservation_ids == ("cr-00000000000000001", "cr-00000000000000002")
    assert first.reservation_ids == second.reservation_ids


def test_a_launch_status_is_enough_to_know_an_ultraserver() -> None:
    row = block_of(one(a_raw_block(LaunchStatus="unlaunchable")))

    assert row.end_date is not None
    assert row.effective_end == row.end_date - timedelta(minutes=60)
    assert row.ultraserver_type is None


def test_the_hours_of_a_block_are_not_truncated() -> None:
    start = datetime(2026, 11, 25, 12, tzinfo=UTC)
    end = datetime(2026, 12, 2, 11, 30, tzinfo=UTC)

    assert block_of(one(a_raw_block(StartDate=start, EndDate=end))).duration_hours == 167.5


def test_a_block_whose_size_nobody_tells_has_none() -> None:
    """A consumer of a shared block does not see the owner's tags."""
    row = block_of(one(a_raw_block(Tags=[])))

    assert row.instance_count is None
    assert row.accelerator is not None
    assert row.accelerator.total_count is None


@pytest.mark.parametrize("text", ["", "many", "-1", "1.5"])
def test_a_size_tag_that_is_no_number_is_no_size(text: str) -> None:
    tags = [{"Key": REQUESTED_QUANTITY_TAG, "Value": text}]

    assert block_of(one(a_raw_block(Tags=tags))).instance_count is None


def test_the_count_of_a_started_block_goes_before_its_tag() -> None:
    row = block_of(one(a_raw_block(State="active", TotalInstanceCount=12)))

    assert row.instance_count == 12


def test_the_unavailable_capacity_of_a_reservation_is_its_use_and_says_nothing_of_health() -> None:
    status = {
        "CapacityBlockId": "cb-1",
        "InterconnectStatus": "ok",
        "TotalUnavailableCapacity": 0,
        "CapacityReservationStatuses": [
            {"CapacityReservationId": "cr-00000000000000001", "TotalUnavailableCapacity": 9}
        ],
    }

    row = block_of(one(a_raw_block(CapacityBlockId="cb-1"), statuses=[status]))

    assert row.health is not None
    assert not row.health.is_bad


def test_a_block_that_ec2_does_not_name_has_the_health_of_its_reservation() -> None:
    status = {
        "CapacityBlockId": "cb-1",
        "InterconnectStatus": "impaired",
        "TotalUnavailableCapacity": 2,
        "CapacityReservationStatuses": [{"CapacityReservationId": "cr-00000000000000001"}],
    }

    row = block_of(one(a_raw_block(), statuses=[status]))

    assert row.health == Health("impaired", 2)


@pytest.mark.parametrize("reservation_type", ["future-kind", None])
def test_a_reservation_of_an_unknown_type_is_listed_as_an_odcr(
    reservation_type: str | None,
) -> None:
    raw = a_raw_odcr()
    del raw["ReservationType"]
    if reservation_type:
        raw["ReservationType"] = reservation_type

    assert one(raw).type == "odcr"


def test_an_unknown_state_is_kept_as_it_came() -> None:
    row = one(a_raw_odcr(State="teleporting"))

    assert (row.state, row.used_capacity) == ("teleporting", None)


def test_a_fraction_of_a_gpu_counts_as_a_fraction() -> None:
    row = one(a_raw_odcr(InstanceType="g6f.large", TotalInstanceCount=3))

    assert encode(row)["accelerator"] == {
        "name": "L4",
        "manufacturer": "NVIDIA",
        "count": 0.125,
        "total_count": 0.375,
    }


def test_an_odcr_of_which_ec2_tells_only_the_id_has_nulls() -> None:
    row = one({"CapacityReservationId": "cr-1"})

    assert row == Odcr(
        "cr-1", account_id=HOME, region="us-east-2", observed_at=NOON, seen_by=(HOME,)
    )


def test_a_block_of_which_ec2_tells_only_the_id_has_nulls() -> None:
    raw = {"CapacityReservationId": "cr-1", "ReservationType": "capacity-block"}

    assert one(raw) == CapacityBlock(
        "cr-1",
        "cr-1",
        ("cr-1",),
        account_id=HOME,
        region="us-east-2",
        ultra_cluster_placement=True,
        observed_at=NOON,
        seen_by=(HOME,),
    )


def test_a_tag_without_a_value_has_an_empty_one() -> None:
    row = one(a_raw_odcr(Tags=[{"Key": "spot"}, {"Key": "Team", "Value": "ops"}]))

    assert row.tags == {"spot": "", "Team": "ops"}


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
def test_what_ec2_says_of_a_type_is_its_accelerator(
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
        of_the_organization = {"account_name", "organizational_unit"}
        assert filled == {field.name for field in fields(cls)} - of_the_organization
