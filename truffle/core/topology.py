"""Where reservations lie in AWS's network: a tree of nodes, the lowest nearest to the instances.

Two reservations that share a lower node are nearer to each other. Ids of nodes are hashed for each
account and can be compared within one account only (EC2 User Guide, instance topology).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from truffle.core.times import format_time


@dataclass(frozen=True, slots=True)
class Placement:
    """The network nodes of one reservation, the highest first.

    ``network_nodes`` is None unless the reservation is active or pending. ``capacity_block_id`` is
    known for UltraServer blocks only (EC2 API, CapacityReservationTopology).
    """

    reservation_id: str
    region: str
    instance_type: str | None = None
    state: str | None = None
    account_id: str | None = None
    capacity_block_id: str | None = None
    group_name: str | None = None
    availability_zone: str | None = None
    availability_zone_id: str | None = None
    network_nodes: tuple[str, ...] | None = None
    observed_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "reservation_id": self.reservation_id,
            "capacity_block_id": self.capacity_block_id,
            "account_id": self.account_id,
            "region": self.region,
            "availability_zone": self.availability_zone,
            "availability_zone_id": self.availability_zone_id,
            "instance_type": self.instance_type,
            "state": self.state,
            "group_name": self.group_name,
            "network_nodes": None if self.network_nodes is None else list(self.network_nodes),
            "observed_at": self.observed_at and format_time(self.observed_at),
        }


@dataclass(slots=True)
class Node:
    """A network node with the nodes below it and the reservations that end at it."""

    name: str
    nodes: dict[str, Node] = field(default_factory=dict)
    placements: list[Placement] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Reservations at and below the node."""
        return len(self.placements) + sum(node.size for node in self.nodes.values())


def trees(placements: Iterable[Placement]) -> Mapping[tuple[str | None, str], Node]:
    """One tree for each account and region, of the placements with known nodes, in order."""
    found: dict[tuple[str | None, str], Node] = {}
    for placement in sorted(placements, key=_order):
        if placement.network_nodes is None:
            continue
        root = found.setdefault((placement.account_id, placement.region), Node(placement.region))
        for name in placement.network_nodes:
            root = root.nodes.setdefault(name, Node(name))
        root.placements.append(placement)
    return found


def shared_nodes(one: Placement, other: Placement) -> int | None:
    """How many nodes two placements have in common, from the top; None where it is not known."""
    is_one_account = one.account_id == other.account_id and one.region == other.region
    if one.network_nodes is None or other.network_nodes is None or not is_one_account:
        return None
    common = 0
    for left, right in zip(one.network_nodes, other.network_nodes, strict=False):
        if left != right:
            break
        common += 1
    return common


def _order(placement: Placement) -> tuple[Any, ...]:
    nodes = placement.network_nodes or ()
    return placement.account_id or "", placement.region, nodes, placement.reservation_id
