"""A managed node group of EKS (EKS User Guide: capacity-blocks-mng; EKS API, CreateNodegroup)."""

from __future__ import annotations

import json

from truffle.core.model import Reservation, is_block
from truffle.render.use.target import instances, label, placement_group, says, zone


def node_group(row: Reservation) -> str:
    """A launch template that targets the reservation, and the node group that uses it."""
    name = f"{label(row)}-{row.reservation_id}"
    kind = "CAPACITY_BLOCK" if is_block(row) else "ON_DEMAND"
    most = instances(row)
    wanted = most if row.state == "active" else 0
    later = [] if wanted else ["# desiredSize is 0 until the reservation is active"]
    return "\n".join(
        [
            f"# {says(row)}",
            f"# CLUSTER, NODE_ROLE_ARN; SUBNET_ID: a subnet in {zone(row)} and in no other zone",
            *later,
            f"aws ec2 create-launch-template --region {row.region} \\",
            f"  --launch-template-name {name} \\",
            f"  --launch-template-data '{json.dumps(_template(row))}'",
            "",
            f"aws eks create-nodegroup --region {row.region} \\",
            '  --cluster-name "$CLUSTER" \\',
            f"  --nodegroup-name {name} \\",
            f"  --capacity-type {kind} \\",
            f"  --launch-template name={name} \\",
            f"  --scaling-config minSize=0,maxSize={most},desiredSize={wanted} \\",
            '  --subnets "$SUBNET_ID" \\',
            '  --node-role "$NODE_ROLE_ARN"',
        ]
    )


def _template(row: Reservation) -> dict[str, object]:
    group = placement_group(row)
    return {
        "InstanceType": row.instance_type,
        **({"InstanceMarketOptions": {"MarketType": "capacity-block"}} if is_block(row) else {}),
        "CapacityReservationSpecification": {
            "CapacityReservationTarget": {"CapacityReservationId": row.reservation_id}
        },
        **({"Placement": {"GroupName": group}} if group else {}),
    }
