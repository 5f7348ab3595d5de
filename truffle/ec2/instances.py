"""DescribeInstances: running instances of some types outside of reservations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from truffle.core.stranded import OnDemandInstance
from truffle.ec2.listing import ListingEC2
from truffle.ec2.mapping import Raw

PAGE_SIZE = 1000
"""The maximum page size (EC2 API Reference, DescribeInstances, MaxResults)."""

FILTER_VALUES = 199
"""Types in one call: a request accepts 200 values of filters, and one is the state."""


class OverBudget(Exception):
    """More calls were needed than allowed, so the list is incomplete."""


def list_on_demand(
    client: ListingEC2, instance_types: Sequence[str], spend: Callable[[], bool]
) -> Iterator[OnDemandInstance]:
    """The On-Demand instances of these types outside of reservations, page by page.

    ``spend`` is called before each call and returns whether it is allowed. Spot Instances and those
    of capacity blocks have an InstanceLifecycle (EC2 API Reference, Instance). Raises OverBudget,
    and what botocore does.
    """
    for first in range(0, len(instance_types), FILTER_VALUES):
        requested = list(instance_types[first : first + FILTER_VALUES])
        pages = iter(
            client.get_paginator("describe_instances").paginate(
                Filters=[
                    {"Name": "instance-type", "Values": requested},
                    {"Name": "instance-state-name", "Values": ["running"]},
                ],
                PaginationConfig={"PageSize": PAGE_SIZE},
            )
        )
        while True:
            if not spend():
                raise OverBudget(
                    "There are more pages of instances than the allowed number of calls."
                )
            page = next(pages, None)
            if page is None:
                break
            for group in page.get("Reservations") or ():
                for raw in group.get("Instances") or ():
                    if not raw.get("InstanceLifecycle") and not raw.get("CapacityReservationId"):
                        yield to_instance(raw)


def to_instance(raw: Raw) -> OnDemandInstance:
    """Map one instance. Raises KeyError if it has no id or no type."""
    placement = raw.get("Placement") or {}
    chosen = raw.get("CapacityReservationSpecification") or {}
    target = chosen.get("CapacityReservationTarget") or {}
    return OnDemandInstance(
        instance_id=raw["InstanceId"],
        instance_type=raw["InstanceType"],
        availability_zone=placement.get("AvailabilityZone"),
        platform=raw.get("PlatformDetails"),
        tenancy=placement.get("Tenancy"),
        preference=chosen.get("CapacityReservationPreference"),
        target=target.get("CapacityReservationId")
        or target.get("CapacityReservationResourceGroupArn"),
    )
