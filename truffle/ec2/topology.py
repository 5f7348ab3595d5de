"""DescribeCapacityReservationTopology: the network nodes of a region's reservations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from truffle.core.topology import Placement
from truffle.ec2.mapping import Raw

PAGE_SIZE = 10
"""The maximum page size (botocore, DescribeCapacityReservationTopology, MaxResults)."""


PLACED_STATES = frozenset({"active", "pending"})
"""States in which EC2 returns a reservation's network nodes (botocore, the call's description)."""


class TopologyEC2(Protocol):
    """The part of a boto3 EC2 client that this uses; it has no paginator for the call."""

    def describe_capacity_reservation_topology(self, **parameters: Any) -> Raw: ...


def list_placements(
    client: TopologyEC2,
    region: str,
    account_id: str | None,
    observed_at: datetime,
    instance_types: Sequence[str] = (),
    ids: Sequence[str] = (),
) -> Iterator[Placement]:
    """The placements of one region, page by page. ``instance_types`` may be globs; at most 10
    ``ids``. Raises what botocore does, and KeyError or TypeError for a response that is not
    EC2's."""
    request: dict[str, Any] = {"MaxResults": PAGE_SIZE}
    if ids:
        request = {"CapacityReservationIds": list(ids)}
    if instance_types:
        request["Filters"] = [{"Name": "instance-type", "Values": list(instance_types)}]
    while True:
        page = client.describe_capacity_reservation_topology(**request)
        for raw in page.get("CapacityReservations") or ():
            yield to_placement(raw, region, account_id, observed_at)
        token = page.get("NextToken")
        if not token:
            return
        request["NextToken"] = token


def to_placement(raw: Raw, region: str, account_id: str | None, observed_at: datetime) -> Placement:
    """Map one placement. Raises KeyError if it has no id."""
    nodes = raw.get("NetworkNodes")
    return Placement(
        reservation_id=raw["CapacityReservationId"],
        region=region,
        instance_type=raw.get("InstanceType"),
        state=raw.get("State"),
        account_id=account_id,
        capacity_block_id=raw.get("CapacityBlockId"),
        group_name=raw.get("GroupName"),
        availability_zone=raw.get("AvailabilityZone"),
        availability_zone_id=raw.get("AvailabilityZoneId"),
        network_nodes=tuple(nodes) if nodes else None,
        observed_at=observed_at,
    )
