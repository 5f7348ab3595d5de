"""AWS's price list: On-Demand prices per instance and hour from its products.

An instance type has many products (operating system, tenancy, capacity status, prepaid software). A
reservation is billed as On-Demand whether used or not (EC2 User Guide,
capacity-reservations-pricing-billing), so the products of running instances (capacity status
``Used``) have its price.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from truffle.core.pricing import PriceSource, Product, Rate

if TYPE_CHECKING:
    from types_boto3_pricing.type_defs import FilterTypeDef

SERVICE = "AmazonEC2"

PLATFORMS: Mapping[str, str] = {
    "RunInstances": "Linux/UNIX",
    "RunInstances:0002": "Windows",
    "RunInstances:0004": "Linux with SQL Server Standard",
    "RunInstances:0006": "Windows with SQL Server Standard",
    "RunInstances:0010": "Red Hat Enterprise Linux",
    "RunInstances:0014": "RHEL with SQL Server Standard",
    "RunInstances:000g": "SUSE Linux",
    "RunInstances:0100": "Linux with SQL Server Enterprise",
    "RunInstances:0102": "Windows with SQL Server Enterprise",
    "RunInstances:0110": "RHEL with SQL Server Enterprise",
    "RunInstances:0200": "Linux with SQL Server Web",
    "RunInstances:0202": "Windows with SQL Server Web",
    "RunInstances:0210": "RHEL with SQL Server Web",
    "RunInstances:0g00": "Ubuntu Pro",
    "RunInstances:1010": "RHEL with HA",
    "RunInstances:1014": "RHEL with HA and SQL Server Standard",
    "RunInstances:1110": "RHEL with HA and SQL Server Enterprise",
}
"""A reservation's platform (EC2 API, CapacityReservationInstancePlatform) by usage operation (EC2
User Guide, billing-info-fields)."""

TENANCIES: Mapping[str, str] = {"Shared": "default", "Dedicated": "dedicated"}
"""A reservation's tenancy by the price list's."""


def filters(instance_type: str, region: str) -> list[FilterTypeDef]:
    """The filters of GetProducts for one instance type in one region."""
    wanted = {"instanceType": instance_type, "regionCode": region, "capacitystatus": "Used"}
    return [
        {"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()
    ]


def rates(price_list: Iterable[str]) -> dict[Product, Rate]:
    """The prices of ``PriceList`` entries (JSON texts).

    A product for which two entries have different prices has none, since it is unknown which is
    billed.
    """
    found: dict[Product, Rate] = {}
    disputed: set[Product] = set()
    for text in price_list:
        entry = json.loads(text)
        product = _product(entry.get("product", {}).get("attributes", {}))
        if product is None:
            continue
        for rate in _on_demand(entry):
            if product in found and found[product].amount != rate.amount:
                disputed.add(product)
            found.setdefault(product, rate)
    return {product: rate for product, rate in found.items() if product not in disputed}


def _product(attributes: Mapping[str, str]) -> Product | None:
    """The product of a running instance; None for any other product."""
    platform = PLATFORMS.get(attributes.get("operation", ""))
    tenancy = TENANCIES.get(attributes.get("tenancy", ""))
    is_running = attributes.get("capacitystatus") == "Used"
    is_running &= attributes.get("marketoption", "OnDemand") == "OnDemand"
    name, region = attributes.get("instanceType"), attributes.get("regionCode")
    if not (platform and tenancy and is_running and name and region):
        return None
    return Product(name, region, platform, tenancy)


def _on_demand(entry: Mapping[str, Any]) -> Iterator[Rate]:
    """The hourly prices among an entry's On-Demand terms; a price of 0 is ignored."""
    for term in entry.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term.get("priceDimensions", {}).values():
            if dimension.get("unit") != "Hrs":
                continue
            for currency, text in dimension.get("pricePerUnit", {}).items():
                amount = _amount(text)
                if amount:
                    day = _day(term.get("effectiveDate"))
                    yield Rate(amount, currency, PriceSource.PRICE_LIST, day)


def _amount(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount > 0 else None


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else datetime.fromisoformat(text).date()
    except ValueError:
        return None


def endpoint_region(region: str) -> str | None:
    """The price list's endpoint region for a caller in a region; None if its partition has none.

    The endpoints of botocore 1.44: us-east-1, eu-central-1 and ap-south-1 for the commercial
    partition, cn-northwest-1, eusc-de-east-1. GovCloud and the isolated partitions have none.
    """
    match region.split("-")[:2]:
        case ["cn", _]:
            return "cn-northwest-1"
        case ["eusc", _]:
            return "eusc-de-east-1"
        case ["us", "gov" | "iso" | "isob" | "isof"] | ["eu", "isoe"]:
            return None
        case ["eu" | "me" | "il" | "af", _]:
            return "eu-central-1"
        case ["ap", _]:
            return "ap-south-1"
    return "us-east-1"
