"""A managed node group of EKS (EKS User Guide: ml-node-groups; EKS API, CreateNodegroup)."""

from __future__ import annotations

import json
import re

from truffle.core.model import Reservation, is_block
from truffle.render.use.target import (
    LINUX,
    WINDOWS,
    instances,
    label,
    placement,
    platform,
    says,
    zone,
)


def node_group(row: Reservation) -> str:
    """A launch template that targets the reservation, and the node group that uses it."""
    name = f"{label(row)}-{row.reservation_id}"
    kind = "CAPACITY_BLOCK" if is_block(row) else "ON_DEMAND"
    most = instances(row)
    wanted = most if row.state == "active" else 0
    later = [] if wanted else ["# desiredSize is 0 until the reservation is active"]
    image = _image(row)
    return "\n".join(
        [
            f"# {says(row)}",
            f"# CLUSTER, NODE_ROLE_ARN; SUBNET_ID: a subnet in {zone(row)} and in no other zone",
            *(
                []
                if image
                else [f"# AMI_ID: an image for {platform(row)} whose nodes join CLUSTER"]
            ),
            *later,
            f"aws ec2 create-launch-template --region {row.region} \\",
            f"  --launch-template-name {name} \\",
            f"  --launch-template-data '{json.dumps(_template(row))}'",
            "",
            f"aws eks create-nodegroup --region {row.region} \\",
            '  --cluster-name "$CLUSTER" \\',
            f"  --nodegroup-name {name} \\",
            f"  --capacity-type {kind} \\",
            *([f"  --ami-type {image} \\"] if image else []),
            f"  --launch-template name={name} \\",
            f"  --scaling-config minSize=0,maxSize={most},desiredSize={wanted} \\",
            '  --subnets "$SUBNET_ID" \\',
            '  --node-role "$NODE_ROLE_ARN"',
        ]
    )


def _image(row: Reservation) -> str | None:
    """The type of EKS's image with the accelerator's drivers; None where EKS has none."""
    if platform(row) == WINDOWS:
        return "WINDOWS_CORE_2022_x86_64"
    if platform(row) != LINUX:
        return None
    is_arm = re.match(r"[a-z]+[0-9]+g|[a-z0-9]+-gb|a1\.", row.instance_type) is not None
    machine = "ARM_64" if is_arm else "x86_64"
    maker = row.accelerator.manufacturer if row.accelerator else None
    kinds = {None: "STANDARD", "NVIDIA": "NVIDIA", "AWS": "NEURON"}
    return f"AL2023_{machine}_{kinds[maker]}" if maker in kinds else None


def _template(row: Reservation) -> dict[str, object]:
    placed = placement(row)
    return {
        "InstanceType": row.instance_type,
        **({} if _image(row) else {"ImageId": "AMI_ID"}),
        **({"InstanceMarketOptions": {"MarketType": "capacity-block"}} if is_block(row) else {}),
        "CapacityReservationSpecification": {
            "CapacityReservationTarget": {"CapacityReservationId": row.reservation_id}
        },
        **({"Placement": placed} if placed else {}),
    }
