"""Offerings that are made of several segments: never shown as one type in one zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.builders import NOON
from truffle.ec2.offering_mapping import to_offering
from truffle.render.offerings import render
from truffle.render.style import Style


def a_segment(**facts: Any) -> dict[str, Any]:
    """4 × p5.48xlarge for a day in us-east-2a, as EC2 writes a segment."""
    return {
        "InstanceType": "p5.48xlarge",
        "InstanceCount": 4,
        "AvailabilityZone": "us-east-2a",
        "StartDate": datetime(2026, 12, 1, 11, 30, tzinfo=UTC),
        "EndDate": datetime(2026, 12, 2, 11, 30, tzinfo=UTC),
        "CapacityBlockDurationHours": 24,
        "CapacityBlockDurationMinutes": 0,
        **facts,
    }


def offering(*segments: dict[str, Any], fee: str | None = "9600.00") -> Any:
    raw: dict[str, Any] = {
        "CapacityBlockOfferingId": "cb-1",
        "CapacityBlockOfferingSegments": list(segments),
    }
    if fee is not None:
        raw |= {"UpfrontFee": fee, "CurrencyCode": "USD"}
    return to_offering(raw, "us-east-2", NOON, {})


def test_segments_of_two_types_have_no_common_type() -> None:
    found = offering(a_segment(), a_segment(InstanceType="p5en.48xlarge", InstanceCount=2))
    assert (found.instance_type, found.instance_count) == (None, 6)
    assert [it.instance_type for it in found.segments] == ["p5.48xlarge", "p5en.48xlarge"]


def test_segments_in_two_zones_have_no_common_zone() -> None:
    found = offering(a_segment(), a_segment(AvailabilityZone="us-east-2b"))
    assert (found.instance_type, found.availability_zone) == ("p5.48xlarge", None)


def test_the_price_of_an_hour_is_over_the_hours_of_all_segments() -> None:
    found = offering(
        a_segment(), a_segment(InstanceCount=1, CapacityBlockDurationHours=48), fee="1440"
    )
    assert found.price_per_instance_hour == 10
    assert found.price_per_gpu_hour == 10 / 8


def test_fees_of_segments_alone_add_up_to_that_of_the_offering() -> None:
    part = a_segment(UpfrontFee="1200.10", CurrencyCode="USD")
    found = offering(part, {**part, "UpfrontFee": "0.20"}, fee=None)
    assert (found.upfront_fee, found.currency_code) == ("1200.30", "USD")


@pytest.mark.parametrize("other", [{"CurrencyCode": "CNY"}, {"UpfrontFee": None}], ids=str)
def test_fees_that_do_not_add_up_are_unknown(other: dict[str, Any]) -> None:
    part = a_segment(UpfrontFee="1200.10", CurrencyCode="USD")
    assert offering(part, {**part, **other}, fee=None).upfront_fee is None


def test_the_price_is_unknown_where_a_segment_has_no_length() -> None:
    found = offering(a_segment(), a_segment(CapacityBlockDurationHours=None))
    assert found.price_per_instance_hour is None


def test_it_lasts_from_the_first_start_to_the_last_end() -> None:
    late = a_segment(
        StartDate=datetime(2026, 12, 3, 11, 30, tzinfo=UTC),
        EndDate=datetime(2026, 12, 5, 11, 30, tzinfo=UTC),
        CapacityBlockDurationHours=48,
    )
    found = offering(a_segment(), late)
    assert found.start_date == datetime(2026, 12, 1, 11, 30, tzinfo=UTC)
    assert found.end_date == datetime(2026, 12, 5, 11, 30, tzinfo=UTC)
    assert found.duration_hours is None


def test_one_segment_is_the_offering_itself() -> None:
    found = offering(a_segment())
    assert (found.instance_type, found.availability_zone, found.segments) == (
        "p5.48xlarge",
        "us-east-2a",
        (),
    )


def test_the_table_names_every_type_and_zone() -> None:
    found = offering(
        a_segment(), a_segment(InstanceType="p5en.48xlarge", AvailabilityZone="us-east-2b")
    )
    text = render([found], Style())
    assert "4 × p5.48xlarge + 4 × p5en.48xlarge" in text
    assert "us-east-2a + us-east-2b" in text
