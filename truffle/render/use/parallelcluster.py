"""AWS ParallelCluster 3 (its guide: launch-instances-capacity-blocks, launch-instances-odcr-v3)."""

from __future__ import annotations

from truffle.core.model import MarketType, Reservation
from truffle.core.quoting.yaml_text import scalar
from truffle.render.use.target import (
    COUNT_WORDS,
    LINUX,
    WINDOWS,
    described,
    instances,
    label,
    placement_group,
    platform,
    platform_words,
    zone,
    zone_words,
)

LONGEST_NAME = 25
"""The longest name of a queue or a compute resource (ParallelCluster guide, Scheduling-v3)."""


def queue(row: Reservation) -> str:
    """A queue on the reservation. All nodes of a block are static: MinCount equals MaxCount."""
    if obstacle := _obstacle(row):
        return f"# {described(row)}\n# ParallelCluster {obstacle}: none would match."
    is_block = row.market is MarketType.CAPACITY_BLOCK
    count = row.size if is_block else instances(row)
    name, most = label(row, LONGEST_NAME), "COUNT" if not count else str(count)
    return "\n".join(
        [
            f"# {described(row)}",
            *([] if count else [f"# {COUNT_WORDS}"]),
            *([] if platform(row) == LINUX else [f"# Image.Os must be of {platform_words(row)}."]),
            "Scheduling:",
            "  Scheduler: slurm",
            "  SlurmQueues:",
            f"    - Name: {name}",
            f"      CapacityType: {'CAPACITY_BLOCK' if is_block else 'ONDEMAND'}",
            *_network(row),
            "      ComputeResources:",
            f"        - Name: {name}",
            f"          InstanceType: {scalar(row.instance_type)}",
            f"          MinCount: {most if is_block else 0}",
            f"          MaxCount: {most}",
            "          CapacityReservationTarget:",
            f"            CapacityReservationId: {scalar(row.reservation_id)}",
        ]
    )


def _obstacle(row: Reservation) -> str | None:
    """The reason why nodes of ParallelCluster would not match; None if they would."""
    if platform(row).startswith(WINDOWS):
        return f"has no nodes for {platform_words(row)}"
    if row.market is MarketType.INTERRUPTIBLE:
        return "launches no nodes with the market type of interruptible reservations"
    return None


def _network(row: Reservation) -> list[str]:
    group, subnet = placement_group(row), scalar(f"subnet-in-{zone(row)}")
    placed = ["        PlacementGroup:", "          Enabled: true"]
    return [
        "      Networking:",
        f"        SubnetIds: [{subnet}]  # one subnet, in {zone_words(row)}",
        *([*placed, f"          Name: {scalar(group)}"] if group else []),
    ]
