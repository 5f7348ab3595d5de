"""``aws ec2 run-instances`` (EC2 User Guide, capacity-blocks-launch)."""

from __future__ import annotations

from truffle.core.model import Reservation
from truffle.core.quoting import aws_cli
from truffle.render.use.target import (
    COUNT_WORDS,
    described,
    instances,
    placement,
    platform_words,
    zone_words,
)


def run_instances(row: Reservation) -> str:
    """The command; blocks and interruptible ODCRs also need their market type."""
    placed, market, count = placement(row), row.market, instances(row)
    target = {"CapacityReservationTarget": {"CapacityReservationId": row.reservation_id}}
    options = [
        "aws ec2 run-instances",
        aws_cli.option("region", row.region),
        aws_cli.option("instance-type", row.instance_type),
        '--count "$COUNT"' if count is None else f"--count {count}",
        *([f"--instance-market-options MarketType={market}"] if market else []),
        f"--capacity-reservation-specification {aws_cli.structure(target)}",
        *([f"--placement {aws_cli.structure(placed)}"] if placed else []),
        '--image-id "$AMI_ID"',
        '--subnet-id "$SUBNET_ID"',
    ]
    return "\n".join(
        [
            f"# {described(row)}",
            f"# AMI_ID: an image for {platform_words(row)};"
            f" SUBNET_ID: a subnet in {zone_words(row)}",
            *([f"# {COUNT_WORDS}"] if count is None else []),
            " \\\n  ".join(options),
        ]
    )
