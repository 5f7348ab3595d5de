"""AWS's price list for the sandbox: GetProducts over its own protocol (JSON 1.1), with few types.

Entries have the form of the AWS Price List API Reference (GetProducts) and of the offer file (AWS
Billing User Guide, "Reading the service price list file"). A running instance has a product for
each operating system and tenancy, besides those of used and unused reservations.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

TARGET = "AWSPriceListService."
CONTENT_TYPE = "application/x-amz-json-1.1"

HOURLY = {
    "g6.xlarge": 0.8048,
    "g6.12xlarge": 4.6016,
    "g5.12xlarge": 5.672,
    "inf2.xlarge": 0.7582,
    "inf2.48xlarge": 12.9813,
    "p4d.24xlarge": 32.7726,
    "p4de.24xlarge": 40.9657,
    "p5.48xlarge": 98.32,
    "trn1.32xlarge": 21.5,
}
"""US dollars of a Linux instance on shared hardware in us-east-1; other types have no price."""

OTHER_REGIONS_FACTOR = 1.1
"""The price factor of the other regions."""

WINDOWS, DEDICATED = 1.2, 1.1
PAGE = 2
"""Entries per page; low, so that there are several pages."""

Json = dict[str, Any]


def answer(target: str, body: bytes) -> tuple[int, Json]:
    """Status and body of a request."""
    if target != f"{TARGET}GetProducts":
        return 400, {"__type": "InvalidParameterException", "Message": f"No operation {target}."}
    requested = json.loads(body or b"{}")
    wanted = {it["Field"]: it["Value"] for it in requested.get("Filters", ())}
    entries = [json.dumps(entry) for entry in _entries() if _matches(entry, wanted)]
    start = int(requested.get("NextToken") or 0)
    end = start + min(PAGE, requested.get("MaxResults", PAGE))
    rest = {"NextToken": str(end)} if end < len(entries) else {}
    return 200, {"FormatVersion": "aws_v1", "PriceList": entries[start:end], **rest}


def _matches(entry: Json, wanted: Mapping[str, str]) -> bool:
    attributes = entry["product"]["attributes"]
    return all(attributes.get(name) == value for name, value in wanted.items())


def _entries() -> Iterator[Json]:
    for region, factor in (("us-east-1", 1.0), ("us-east-2", 1.0), ("us-west-2", 1.0)):
        yield from _of_region(region, factor)
    for region in ("eu-west-1", "eu-central-1", "ap-northeast-1", "ap-south-1"):
        yield from _of_region(region, OTHER_REGIONS_FACTOR)


def _of_region(region: str, factor: float) -> Iterator[Json]:
    for name, linux in HOURLY.items():
        for operation, dearer in (("RunInstances", 1.0), ("RunInstances:0002", WINDOWS)):
            for tenancy, more in (("Shared", 1.0), ("Dedicated", DEDICATED)):
                for status in ("Used", "AllocatedCapacityReservation", "UnusedCapacityReservation"):
                    # Reserved capacity is billed as unused, or as the instance in it.
                    free = status == "AllocatedCapacityReservation"
                    amount = 0.0 if free else linux * factor * dearer * more
                    yield _entry(name, region, operation, tenancy, status, amount)


def _entry(
    name: str, region: str, operation: str, tenancy: str, status: str, amount: float
) -> Json:
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": f"{amount:.10f}"}}
    return {
        "product": {
            "productFamily": "Compute Instance",
            "attributes": {
                "servicecode": "AmazonEC2",
                "instanceType": name,
                "regionCode": region,
                "operation": operation,
                "tenancy": tenancy,
                "capacitystatus": status,
                "marketoption": "OnDemand",
            },
        },
        "serviceCode": "AmazonEC2",
        "terms": {
            "OnDemand": {
                "A.JRTCKXETXF": {
                    "effectiveDate": "2026-11-01T00:00:00Z",
                    "priceDimensions": {"A.JRTCKXETXF.6YS6EN2CT7": dimension},
                }
            }
        },
    }
