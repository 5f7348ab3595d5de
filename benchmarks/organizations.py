"""Inventories of any size, as fleets and as reservations, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from truffle.core.model import Reservation, Scope
from truffle.ec2.mapping import Enrichment, to_reservations

ACCOUNT = "123456789012"
REGIONS = tuple(
    f"{area}-{side}-{number}"
    for area in ("us", "eu", "ap", "ca", "sa", "me", "af", "il")
    for side in ("east", "west", "south", "north")
    for number in (1, 2)
)
TYPES = ("p5.48xlarge", "p4d.24xlarge", "g6.xlarge", "g6e.12xlarge", "inf2.xlarge", "m7i.8xlarge")
STATES = ("active",) * 8 + ("scheduled", "payment-pending", "expired", "cancelled")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def raw_reservations(region: str, count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Reservations of one region as returned by boto3; about one in five is a capacity block."""
    dice = random.Random(f"{region}-{seed}")
    for number in range(count):
        total = dice.choice((1, 2, 4, 8, 16, 64))
        is_block = dice.random() < 0.2
        start = NOW + timedelta(hours=dice.randint(-1000, 500))
        raw: dict[str, Any] = {
            "CapacityReservationId": f"cr-{dice.getrandbits(24):06x}{number:011x}",
            "OwnerId": ACCOUNT,
            "AvailabilityZone": f"{region}{dice.choice('abc')}",
            "InstanceType": dice.choice(TYPES),
            "InstancePlatform": "Linux/UNIX",
            "Tenancy": "default",
            "State": dice.choice(STATES),
            "TotalInstanceCount": total,
            "AvailableInstanceCount": dice.randint(0, total),
            "EbsOptimized": True,
            "StartDate": start,
            "EndDateType": "limited" if is_block else "unlimited",
            "InstanceMatchCriteria": "targeted" if is_block else "open",
            "CreateDate": start - timedelta(days=3),
            "ReservationType": "capacity-block" if is_block else "default",
            "Tags": [
                {"Key": "Team", "Value": dice.choice(("research", "serving", "platform"))},
                {"Key": "Name", "Value": f"job-{number}"},
            ],
        }
        if is_block:
            raw["EndDate"] = start + timedelta(hours=dice.choice((24, 167.5, 336)))
        yield raw


def rows(region: str, count: int) -> tuple[Reservation, ...]:
    """The same as rows of the model."""
    scope = Scope(ACCOUNT, region)
    return to_reservations(raw_reservations(region, count), scope, NOW, Enrichment())
