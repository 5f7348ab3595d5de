"""EC2's market in tests: what each region sells, its request bucket, its faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.builders import DAY
from tests.lambdas.fakes import Clock, client_error

Raw = dict[str, Any]
OPERATION = "DescribeCapacityBlockOfferings"

TOKENS, PER_SECOND = 10, 0.15
"""EC2 API Reference, "Request throttling"."""


def a_raw_offering(price: float = 40, days: int = 2, **facts: Any) -> Raw:
    """A p5.48xlarge for a day, that many days after the 24th; ``price`` by accelerator-hour."""
    start = datetime(2026, 11, 24, 11, 30, tzinfo=UTC) + timedelta(days=days)
    return {
        "CapacityBlockOfferingId": f"cb-{price}",
        "InstanceType": "p5.48xlarge",
        "InstanceCount": 1,
        "AvailabilityZone": "us-east-2a",
        "StartDate": start,
        "EndDate": start + DAY,
        "CapacityBlockDurationHours": 24,
        "CapacityBlockDurationMinutes": 0,
        "UpfrontFee": f"{price * 8 * 24:.2f}",
        "CurrencyCode": "USD",
        **facts,
    }


@dataclass
class Exchange:
    """The regions of EC2, each a client of its own."""

    clock: Clock
    regions: dict[str, Place] = field(default_factory=dict)

    def of(self, region: str) -> Place:
        return self.regions.setdefault(region, Place(self.clock))


@dataclass
class Place:
    """A region, with that many offerings on ``a_page``: ``asked`` are the requests that came,
    ``refused`` those beyond its bucket."""

    clock: Clock
    sold: list[Raw] = field(default_factory=list)
    fault: BaseException | None = None
    a_page: int = 1000
    asked: list[Raw] = field(default_factory=list)
    refused: int = 0
    tokens: float = TOKENS
    filled_at: datetime | None = None

    def describe_capacity_block_offerings(self, **request: Any) -> Raw:
        self.asked.append(request)
        if not self.take():
            self.refused += 1
            raise client_error("CapacityBlockDescribeLimitExceeded", OPERATION)
        if self.fault is not None:
            raise self.fault
        start = int(request.get("NextToken", "0"))
        end = start + self.a_page
        further = {"NextToken": str(end)} if end < len(self.sold) else {}
        return {"CapacityBlockOfferings": self.sold[start:end], **further}

    def take(self, calls: int = 1) -> bool:
        """Take that many calls from the bucket, if it has them."""
        now = self.clock()
        passed = (now - (self.filled_at or now)).total_seconds()
        self.tokens = min(TOKENS, self.tokens + passed * PER_SECOND)
        self.filled_at = now
        if self.tokens < calls:
            return False
        self.tokens -= calls
        return True

    def get_paginator(self, operation_name: str) -> Any:
        raise AssertionError(f"{operation_name} is not needed for known types")
