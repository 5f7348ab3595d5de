"""``aws ec2 run-instances`` (EC2 User Guide, capacity-blocks-launch)."""

from __future__ import annotations

from truffle.core.model import Reservation, is_block
from truffle.render.use.target import instances, placement, platform, says, zone


def run_instances(row: Reservation) -> str:
    """A block needs the market type ``capacity-block`` besides the target."""
    placed = ",".join(f"{name}={value}" for name, value in placement(row).items())
    options = [
        "aws ec2 run-instances",
        f"--region {row.region}",
        f"--instance-type {row.instance_type}",
        f"--count {instances(row)}",
        *(["--instance-market-options MarketType=capacity-block"] if is_block(row) else []),
        "--capacity-reservation-specification "
        f"'CapacityReservationTarget={{CapacityReservationId={row.reservation_id}}}'",
        *([f"--placement '{placed}'"] if placed else []),
        '--image-id "$AMI_ID"',
        '--subnet-id "$SUBNET_ID"',
    ]
    return "\n".join(
        [
            f"# {says(row)}",
            f"# AMI_ID: an image for {platform(row)}; SUBNET_ID: a subnet in {zone(row)}",
            " \\\n  ".join(options),
        ]
    )
