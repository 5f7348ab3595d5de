"""One JSON form of reservations: the names and the order are the interface."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from tests.builders import NOON, a_block, an_odcr
from tests.strategies import whole_reservations
from truffle.core.codec import decode, encode
from truffle.core.model import CapacityBlock, Commitment, Consumer, Health, Odcr, Reservation

ADDED = ("account_name", "organizational_unit", "consumers")
"""The additions of later releases: names of accounts, and consumers of shared reservations."""

ODCR_NAMES = [
    *("reservation_id", "reservation_arn", "type", "account_id", "owner_id", "region"),
    *("availability_zone", "availability_zone_id", "instance_type", "platform", "tenancy"),
    *("ebs_optimized", "match_criteria", "state", "total_capacity", "available_capacity"),
    *("used_capacity", "utilization", "start_date", "end_date", "end_date_type"),
    *("create_date", "fleet_id", "placement_group_arn", "outpost_arn", "interruptible"),
    *("commitment", "delivery_preference", "unused_billing_owner_id", "accelerator"),
    *("tags", "observed_at", "seen_by"),
    *ADDED,
    *("original_start_date", "adjustment", "interruptible_allocation", "source_reservation_id"),
    "billing_request",
]
BLOCK_NAMES = [
    *("capacity_block_id", "reservation_id", "reservation_ids", "type", "account_id"),
    *("owner_id", "region", "availability_zone", "availability_zone_id", "instance_type"),
    *("instance_count", "duration_hours", "start_date", "end_date", "effective_end"),
    *("state", "total_capacity", "available_capacity", "used_capacity", "utilization"),
    *("ultra_cluster_placement", "ultraserver_type", "health", "platform", "tenancy"),
    *("create_date", "accelerator", "tags", "observed_at", "seen_by"),
    *ADDED,
]


@pytest.mark.parametrize(("row", "names"), [(an_odcr(), ODCR_NAMES), (a_block(), BLOCK_NAMES)])
def test_the_keys_are_those_of_the_contract_in_its_order(
    row: Reservation, names: list[str]
) -> None:
    assert list(encode(row)) == names


@given(whole_reservations)
def test_every_reservation_survives_its_json(row: Reservation) -> None:
    text = json.dumps(encode(row), allow_nan=False)

    assert decode(json.loads(text)) == row


@given(whole_reservations)
def test_no_key_is_ever_missing(row: Reservation) -> None:
    names = BLOCK_NAMES if isinstance(row, CapacityBlock) else ODCR_NAMES

    assert list(encode(row)) == names


def test_absent_values_are_null_and_absent_tags_an_empty_object() -> None:
    data = encode(Odcr(reservation_id="cr-1"))

    absent = {name for name, value in data.items() if value is None}
    assert data["tags"] == {}
    assert data["seen_by"] == []
    assert absent == set(ODCR_NAMES) - {
        *("reservation_id", "type", "region", "instance_type", "state", "tags", "seen_by")
    }


def test_an_odcr_reads_as_the_contract_says() -> None:
    row = an_odcr(
        "cr-1",
        instance_type="p5.48xlarge",
        total_capacity=4,
        available_capacity=1,
        start_date=datetime(2026, 9, 15, 7, tzinfo=UTC),
        commitment=Commitment(4, NOON, 1_209_600),
        tags={"Team": "research"},
        observed_at=NOON,
    )

    data = encode(row)

    assert data | {"type": "odcr"} == data
    assert (data["used_capacity"], data["utilization"]) == (3, 0.75)
    assert data["start_date"] == "2026-09-15T07:00:00Z"
    assert data["tags"] == {"Team": "research"}
    assert data["seen_by"] == ["123456789012"]
    assert data["accelerator"] == {
        "name": "H100",
        "manufacturer": "NVIDIA",
        "count": 8,
        "total_count": 32,
    }
    assert data["commitment"] == {
        "committed_instance_count": 4,
        "commitment_end_date": "2026-11-24T12:00:00Z",
        "commitment_duration_seconds": 1_209_600,
    }


def test_a_block_reads_as_the_contract_says() -> None:
    row = a_block(
        "cr-1",
        capacity_block_id="cb-1",
        reservation_ids=("cr-1", "cr-2"),
        start_date=datetime(2026, 11, 25, 12, tzinfo=UTC),
        end_date=datetime(2026, 12, 2, 11, 30, tzinfo=UTC),
        health=Health("impaired", 1),
    )

    data = encode(row)

    assert (data["type"], data["capacity_block_id"]) == ("capacity-block", "cb-1")
    assert data["reservation_ids"] == ["cr-1", "cr-2"]
    assert data["duration_hours"] == 167.5
    assert data["effective_end"] == "2026-12-02T11:00:00Z"
    assert data["health"] == {"interconnect_status": "impaired", "unavailable_capacity": 1}


@pytest.mark.parametrize("make", [an_odcr, a_block])
def test_consumers_are_objects_in_the_order_of_ec2(make: Callable[..., Reservation]) -> None:
    row = make(consumers=(Consumer("123456789012", 3), Consumer("210987654321", None)))

    data = encode(row)

    assert data["consumers"] == [
        {"account_id": "123456789012", "used_capacity": 3},
        {"account_id": "210987654321", "used_capacity": None},
    ]
    assert decode(data) == row


def test_no_consumers_and_unknown_ones_differ() -> None:
    assert encode(an_odcr(consumers=()))["consumers"] == []
    assert encode(an_odcr())["consumers"] is None
    assert decode(encode(an_odcr(consumers=()))) == an_odcr(consumers=())


def test_keys_of_a_newer_version_are_passed_over() -> None:
    assert decode(encode(an_odcr()) | {"colour": "red"}) == an_odcr()


def test_keys_that_an_older_version_did_not_write_are_absent() -> None:
    older = {name: value for name, value in encode(a_block()).items() if name != "health"}

    assert decode(older) == a_block()


TYPE_MUST_BE = "type must be odcr, capacity-block, training-plan or db-capacity-reservation"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"type": "spot"},
            f"{TYPE_MUST_BE}, not 'spot'",
        ),
        (
            {"type": None},
            f"{TYPE_MUST_BE}, not None",
        ),
        (
            {"type": ["odcr"]},
            f"{TYPE_MUST_BE}, not ['odcr']",
        ),
        ({"total_capacity": "8"}, "total_capacity must be a whole number or null, not '8'"),
        ({"total_capacity": 8.0}, "total_capacity must be a whole number or null, not 8.0"),
        ({"total_capacity": True}, "total_capacity must be a whole number or null, not True"),
        ({"utilization": "0.5"}, "utilization must be a number or null, not '0.5'"),
        ({"state": None}, "state must be a string, not None"),
        ({"state": ["active"]}, "state must be a string, not ['active']"),
        ({"region": 5}, "region must be a string, not 5"),
        ({"reservation_id": None}, "reservation_id must be a string, not None"),
        ({"owner_id": 123456789012}, "owner_id must be a string or null, not 123456789012"),
        ({"ebs_optimized": "true"}, "ebs_optimized must be true or false or null, not 'true'"),
        ({"ebs_optimized": 1}, "ebs_optimized must be true or false or null, not 1"),
        ({"start_date": "soon"}, "start_date must be an RFC 3339 time or null, not 'soon'"),
        ({"start_date": 5}, "start_date must be an RFC 3339 time or null, not 5"),
        ({"seen_by": "123"}, "seen_by must be a list of strings, not '123'"),
        ({"seen_by": [5]}, "seen_by must be a list of strings, not [5]"),
        ({"seen_by": None}, "seen_by must be a list of strings, not None"),
        ({"tags": None}, "tags must be an object of strings, not None"),
        ({"tags": []}, "tags must be an object of strings, not []"),
        ({"tags": {"Team": 5}}, "tags must be an object of strings, not {'Team': 5}"),
        ({"accelerator": "H100"}, "accelerator must be an object or null, not 'H100'"),
        ({"accelerator": {"name": "H100", "count": 8}}, "accelerator.manufacturer is missing"),
        (
            {"accelerator": {"name": "H100", "manufacturer": "NVIDIA", "count": "8"}},
            "accelerator.count must be a number or null, not '8'",
        ),
        (
            {"consumers": [{"account_id": 5}]},
            "consumers.account_id must be a string, not 5",
        ),
        ({"consumers": "me"}, "consumers must be a list of objects or null, not 'me'"),
        (
            {"commitment": {"commitment_end_date": "soon"}},
            "commitment.commitment_end_date must be an RFC 3339 time or null, not 'soon'",
        ),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_field(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        decode(encode(an_odcr()) | change)


def test_a_type_that_was_right_in_one_order_of_keys_is_not_in_another() -> None:
    valid = encode(an_odcr())
    decode(valid)

    with pytest.raises(ValueError, match="total_capacity must be"):
        decode(dict(reversed(list((valid | {"total_capacity": "8"}).items()))))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "type must be"),
        ({"type": "odcr"}, "reservation_id is missing"),
        ({"type": "capacity-block"}, "capacity_block_id is missing"),
        ([], "a reservation must be an object"),
        ("odcr", "a reservation must be an object"),
    ],
)
def test_what_has_no_identity_is_refused(data: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode(data)
