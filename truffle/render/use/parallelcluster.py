"""AWS ParallelCluster 3 (its guide: launch-instances-capacity-blocks, launch-instances-odcr-v3)."""

from __future__ import annotations

from truffle.core.model import Reservation, is_block
from truffle.render.use.target import (
    LINUX,
    WINDOWS,
    instances,
    label,
    placement_group,
    platform,
    says,
    zone,
)


def queue(row: Reservation) -> str:
    """A queue on the reservation. All nodes of a block are static: MinCount equals MaxCount."""
    if platform(row).startswith(WINDOWS):
        return (
            f"# {says(row)}\n# ParallelCluster has no nodes for {platform(row)}: none would match."
        )
    most = (row.size or 1) if is_block(row) else instances(row)
    group = placement_group(row)
    network = [
        "      Networking:",
        f"        SubnetIds: [subnet-in-{zone(row)}]  # one subnet, in {zone(row)}",
        *(
            ["        PlacementGroup:", "          Enabled: true", f"          Name: {group}"]
            if group
            else []
        ),
    ]
    return "\n".join(
        [
            f"# {says(row)}",
            *([] if platform(row) == LINUX else [f"# Image.Os has to be of {platform(row)}."]),
            "Scheduling:",
            "  Scheduler: slurm",
            "  SlurmQueues:",
            f"    - Name: {label(row)[:25]}",
            f"      CapacityType: {'CAPACITY_BLOCK' if is_block(row) else 'ONDEMAND'}",
            *network,
            "      ComputeResources:",
            f"        - Name: {label(row)[:25]}",
            f"          InstanceType: {row.instance_type}",
            f"          MinCount: {most if is_block(row) else 0}",
            f"          MaxCount: {most}",
            "          CapacityReservationTarget:",
            f"            CapacityReservationId: {row.reservation_id}",
        ]
    )
