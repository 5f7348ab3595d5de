"""Responses of EC2 that lack or add something: what the model makes of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.builders import DAY, HOME, NOON
from tests.ec2.raw import BLOCKS, RESERVATIONS, STATUS, a_raw_odcr, listed
from tests.ec2.stubbed import Raw, StubbedEC2, page
from truffle.core.codec import encode
from truffle.core.model import CapacityBlock, Health, Odcr, Reservation
from truffle.ec2.mapping import REQUESTED_QUANTITY_TAG


def block_of(row: Reservation) -> CapacityBlock:
    assert isinstance(row, CapacityBlock)
    return row


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

    # Then both rows belong to the same block
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


def test_a_block_of_unknown_size_has_no_size() -> None:
    """A consumer of a shared block does not see the owner's tags."""
    row = block_of(one(a_raw_block(Tags=[])))

    assert row.instance_count is None
    assert row.accelerator is not None
    assert row.accelerator.total_count is None


@pytest.mark.parametrize("text", ["", "many", "-1", "1.5"])
def test_a_size_tag_that_is_not_a_number_is_not_a_size(text: str) -> None:
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


def test_an_odcr_described_by_its_id_alone_has_nulls() -> None:
    row = one({"CapacityReservationId": "cr-1"})

    assert row == Odcr(
        reservation_id="cr-1",
        account_id=HOME,
        region="us-east-2",
        observed_at=NOON,
        seen_by=(HOME,),
    )


def test_a_block_described_by_its_id_alone_has_nulls() -> None:
    raw = {"CapacityReservationId": "cr-1", "ReservationType": "capacity-block"}

    assert one(raw) == CapacityBlock(
        capacity_block_id="cr-1",
        reservation_id="cr-1",
        reservation_ids=("cr-1",),
        account_id=HOME,
        region="us-east-2",
        ultra_cluster_placement=True,
        observed_at=NOON,
        seen_by=(HOME,),
    )


def test_a_tag_without_a_value_has_an_empty_one() -> None:
    row = one(a_raw_odcr(Tags=[{"Key": "spot"}, {"Key": "Team", "Value": "ops"}]))

    assert row.tags == {"spot": "", "Team": "ops"}
