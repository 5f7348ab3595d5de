"""The network nodes of reservations: a tree, whose lowest nodes are closest to the instances.

Two reservations that share a lower node are closer to each other. Ids of nodes are hashed for each
account and can be compared within one account only (EC2 User Guide, instance topology).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from truffle.core.times import format_time, parse_time


@dataclass(frozen=True, slots=True, kw_only=True)
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
    account_name: str | None = None
    organizational_unit: str | None = None

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
            "account_name": self.account_name,
            "organizational_unit": self.organizational_unit,
        }


_TEXTS = tuple(
    it.name for it in fields(Placement) if it.name not in ("network_nodes", "observed_at")
)


def from_json(data: Mapping[str, Any]) -> Placement:
    """Decode a placement; keys of a newer version are ignored.

    Raises KeyError, TypeError or ValueError for an object that is not a placement.
    """
    nodes, seen = data["network_nodes"], data["observed_at"]
    known: dict[str, Any] = {name: data.get(name) for name in _TEXTS}
    known |= {"reservation_id": data["reservation_id"], "region": data["region"]}
    return Placement(
        **known,
        network_nodes=None if nodes is None else tuple(nodes),
        observed_at=seen and parse_time(seen),
    )


def common_nodes(placements: Sequence[Placement]) -> tuple[str, ...] | None:
    """The common nodes of all placements, the highest first; None if one is unknown, or if they
    belong to several accounts or regions."""
    lists = [it.network_nodes for it in placements]
    is_one_place = len({(it.account_id, it.region) for it in placements}) == 1
    if not is_one_place or any(nodes is None for nodes in lists):
        return None
    shared: list[str] = []
    for nodes in zip(*(nodes or () for nodes in lists), strict=False):
        if len(set(nodes)) > 1:
            break
        shared.append(nodes[0])
    return tuple(shared)


def proximity(placements: Sequence[Placement]) -> str | None:
    """A sentence about the proximity of the instances of these reservations; None if unknown. A
    lower common node means fewer hops (EC2 User Guide, EC2 topology)."""
    nodes = common_nodes(placements)
    if nodes is None:
        return None
    depth = max(len(it.network_nodes or ()) for it in placements)
    if not nodes:
        return "no network node in common: the instances are in different parts of the network"
    layer = f"layer {len(nodes)} of {depth}"
    lowest = ", the lowest known" if len(nodes) == depth else ""
    return f"all instances are below network node {nodes[-1]} ({layer}{lowest})"


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
    """The number of common nodes of two placements, from the top; None if unknown."""
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
