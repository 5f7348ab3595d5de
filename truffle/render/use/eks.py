"""A managed node group of EKS (EKS User Guide: ml-node-groups; EKS API, CreateNodegroup)."""

from __future__ import annotations

import re
from typing import Any

from truffle.core.model import MarketType, Reservation
from truffle.core.quoting import aws_cli
from truffle.render.use.target import (
    COUNT_WORDS,
    LINUX,
    WINDOWS,
    described,
    instances,
    label,
    name_of,
    placement,
    platform,
    platform_words,
    zone_words,
)


def node_group(row: Reservation) -> str:
    """A launch template that targets the reservation, and the node group that uses it."""
    name = f"{label(row)}-{name_of(row.reservation_id)}"[:63]
    kind = "CAPACITY_BLOCK" if row.market is MarketType.CAPACITY_BLOCK else "ON_DEMAND"
    image, region = _image(row), aws_cli.option("region", row.region)
    return "\n".join(
        [
            f"# {described(row)}",
            f"# CLUSTER, NODE_ROLE_ARN; SUBNET_ID: a subnet in {zone_words(row)}"
            " and in no other zone",
            *_notes(row, image),
            f"aws ec2 create-launch-template {region} \\",
            f"  --launch-template-name {name} \\",
            f"  --launch-template-data {aws_cli.json_value(_template(row))}",
            "",
            f"aws eks create-nodegroup {region} \\",
            '  --cluster-name "$CLUSTER" \\',
            f"  --nodegroup-name {name} \\",
            f"  --capacity-type {kind} \\",
            *([f"  --ami-type {image} \\"] if image else []),
            f"  --launch-template name={name} \\",
            f"  --scaling-config {_scaling(row)} \\",
            '  --subnets "$SUBNET_ID" \\',
            '  --node-role "$NODE_ROLE_ARN"',
        ]
    )


def _notes(row: Reservation, image: str | None) -> list[str]:
    notes = []
    if image is None:
        notes.append(f"AMI_ID: an image for {platform_words(row)} whose nodes join CLUSTER")
    if instances(row) is None:
        notes.append(COUNT_WORDS)
    if row.state != "active":
        notes.append("desiredSize is 0 until the reservation is active")
    if row.market is MarketType.INTERRUPTIBLE:
        notes.append("EKS documents no capacity type for interruptible reservations")
    return [f"# {note}" for note in notes]


def _scaling(row: Reservation) -> str:
    """``minSize=0,maxSize=16,desiredSize=16``; the desired size is 0 before the start."""
    count = instances(row)
    most = '"$COUNT"' if count is None else str(count)
    return f"minSize=0,maxSize={most},desiredSize={most if row.state == 'active' else 0}"


def _image(row: Reservation) -> str | None:
    """The type of EKS's image with the accelerator's drivers; None if EKS has none."""
    if platform(row) == WINDOWS:
        return "WINDOWS_CORE_2022_x86_64"
    if platform(row) != LINUX:
        return None
    is_arm = re.match(r"[a-z]+[0-9]+g|[a-z0-9]+-gb|a1\.", row.instance_type) is not None
    machine = "ARM_64" if is_arm else "x86_64"
    maker = row.accelerator.manufacturer if row.accelerator else None
    kinds = {None: "STANDARD", "NVIDIA": "NVIDIA", "AWS": "NEURON"}
    return f"AL2023_{machine}_{kinds[maker]}" if maker in kinds else None


def _template(row: Reservation) -> dict[str, Any]:
    placed, market = placement(row), row.market
    return {
        "InstanceType": row.instance_type,
        **({} if _image(row) else {"ImageId": "AMI_ID"}),
        **({"InstanceMarketOptions": {"MarketType": market.value}} if market else {}),
        "CapacityReservationSpecification": {
            "CapacityReservationTarget": {"CapacityReservationId": row.reservation_id}
        },
        **({"Placement": placed} if placed else {}),
    }
