"""AWS's price list: selecting among many products of one type."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import botocore.session
import pytest

from truffle.core.pricing import Product
from truffle.ec2.price_list import PLATFORMS, endpoint_region, filters, rates

LINUX = Product("p5.48xlarge", "us-east-2", "Linux/UNIX", "default")


def an_entry(price: str = "55.0400000000", unit: str = "Hrs", **attributes: str) -> str:
    """An entry of GetProducts, as the Price List API documents it."""
    entry: dict[str, Any] = {
        "product": {
            "productFamily": "Compute Instance",
            "attributes": {
                "instanceType": "p5.48xlarge",
                "regionCode": "us-east-2",
                "operation": "RunInstances",
                "operatingSystem": "Linux",
                "tenancy": "Shared",
                "capacitystatus": "Used",
                **attributes,
            },
            "sku": "ABC",
        },
        "terms": {
            "OnDemand": {
                "ABC.JRTCKXETXF": {
                    "effectiveDate": "2026-11-01T00:00:00Z",
                    "priceDimensions": {
                        "ABC.JRTCKXETXF.6YS6EN2CT7": {"unit": unit, "pricePerUnit": {"USD": price}}
                    },
                }
            },
            "Reserved": {"ABC.X": {"priceDimensions": {"Y": {"unit": "Hrs", "pricePerUnit": {}}}}},
        },
    }
    return json.dumps(entry)


def test_a_product_has_its_hourly_price_and_the_day_of_it() -> None:
    rate = rates([an_entry()])[LINUX]
    assert (rate.amount, rate.currency, rate.as_of) == (
        Decimal("55.04"),
        "USD",
        date(2026, 11, 1),
    )


@pytest.mark.parametrize(
    "attributes",
    [
        {"capacitystatus": "UnusedCapacityReservation"},
        {"capacitystatus": "AllocatedCapacityReservation"},
        {"tenancy": "Host"},
        {"marketoption": "CapacityBlock"},
        {"operation": "RunInstances:SV001"},
        {"operation": "RunInstances:FFP-0010"},
    ],
    ids=str,
)
def test_products_of_something_else_have_no_price(attributes: dict[str, str]) -> None:
    assert rates([an_entry(**attributes)]) == {}


def test_operating_systems_and_tenancies_are_distinguished() -> None:
    found = rates(
        [
            an_entry("1"),
            an_entry("2", operation="RunInstances:0002"),
            an_entry("3", tenancy="Dedicated"),
        ]
    )
    assert {(it.platform, it.tenancy): rate.amount for it, rate in found.items()} == {
        ("Linux/UNIX", "default"): 1,
        ("Windows", "default"): 2,
        ("Linux/UNIX", "dedicated"): 3,
    }


@pytest.mark.parametrize("price", ["0.0000000000", "", "NaN", "-1"])
def test_a_price_of_nothing_is_unknown(price: str) -> None:
    assert rates([an_entry(price)]) == {}


def test_a_unit_that_is_not_an_hour_is_not_a_price() -> None:
    assert rates([an_entry(unit="Quantity")]) == {}


def test_two_prices_of_one_product_are_unknown() -> None:
    assert rates([an_entry("1"), an_entry("2")]) == {}
    assert rates([an_entry("1"), an_entry("1")])[LINUX].amount == 1


def test_an_entry_without_terms_has_no_price() -> None:
    assert rates([json.dumps({"product": {"attributes": {}}})]) == {}


def test_the_filters_name_the_type_and_the_region() -> None:
    fields = {it["Field"]: it["Value"] for it in filters("p5.48xlarge", "us-east-2")}
    assert fields["instanceType"] == "p5.48xlarge"
    assert fields["regionCode"] == "us-east-2"


def test_platforms_are_those_that_ec2_knows() -> None:
    model = botocore.session.get_session().get_service_model("ec2")
    known = model.shape_for("CapacityReservationInstancePlatform").enum
    assert set(PLATFORMS.values()) <= set(known)


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [
        ("us-west-2", "us-east-1"),
        ("ca-central-1", "us-east-1"),
        ("eu-west-3", "eu-central-1"),
        ("ap-northeast-1", "ap-south-1"),
        ("cn-north-1", "cn-northwest-1"),
        ("eusc-de-east-1", "eusc-de-east-1"),
        ("us-gov-west-1", None),
    ],
)
def test_the_price_list_answers_in_few_regions(region: str, endpoint: str | None) -> None:
    assert endpoint_region(region) == endpoint
