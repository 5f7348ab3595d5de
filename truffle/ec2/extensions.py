"""Extensions of capacity blocks: those for sale, and those purchased.

The budget of DescribeCapacityBlockExtensionOfferings is as small as that of offerings: 10 calls at
once and then 0.15 per second, for each account and region (EC2 API Reference, throttling). So
requests are for single blocks, and end with the first offer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from truffle.core.extensions import Extension
from truffle.ec2.errors import FAILURES, error_code
from truffle.ec2.listing import ListingEC2
from truffle.ec2.mapping import Raw

OPERATION = "DescribeCapacityBlockExtensionHistory"

SHORTEST_HOURS = 24
"""Blocks are extended by whole days (EC2 User Guide, capacity-blocks-extend)."""


@dataclass(frozen=True, slots=True)
class ExtensionCheck:
    """Whether an extension is available; None with EC2's error code if unknown."""

    on_offer: bool | None
    error: str | None = None


def ask_for_extension(client: ListingEC2, reservation_id: str) -> ExtensionCheck:
    """Ask whether EC2 sells another day of a block; catches the errors of EC2 and botocore."""
    try:
        pages = client.get_paginator("describe_capacity_block_extension_offerings").paginate(
            CapacityReservationId=reservation_id,
            CapacityBlockExtensionDurationHours=SHORTEST_HOURS,
        )
        offered = any(page.get("CapacityBlockExtensionOfferings") for page in pages)
    except FAILURES as error:
        return ExtensionCheck(None, error_code(error))
    return ExtensionCheck(offered)


def list_extensions(client: ListingEC2) -> Iterator[Extension]:
    """The purchased extensions of a scope in any status (EC2 API,
    DescribeCapacityBlockExtensionHistory). Raises what botocore does, and KeyError or TypeError for
    a response that is not EC2's."""
    pages = client.get_paginator("describe_capacity_block_extension_history").paginate()
    for page in pages:
        yield from map(to_extension, page.get("CapacityBlockExtensions") or ())


def to_extension(raw: Raw) -> Extension:
    """Map one extension. Raises KeyError if its reservation, times or status are missing."""
    return Extension(
        reservation_id=raw["CapacityReservationId"],
        start_date=raw["CapacityBlockExtensionStartDate"],
        end_date=raw["CapacityBlockExtensionEndDate"],
        status=raw["CapacityBlockExtensionStatus"],
        instances=raw.get("InstanceCount"),
        fee=raw.get("UpfrontFee"),
        currency=raw.get("CurrencyCode"),
    )
