"""How near instances are: the network nodes that all their reservations have in common."""

from __future__ import annotations

import pytest

from tests.builders import NOON
from truffle.core.topology import Placement, common_nodes, from_json, proximity


def a_placement(*nodes: str, account: str = "123456789012", region: str = "us-east-2") -> Placement:
    return Placement(
        reservation_id="cr-a", region=region, account_id=account, network_nodes=nodes or None
    )


ONE, TWIN, COUSIN, STRANGER = (
    a_placement("nn-1", "nn-2", "nn-3"),
    a_placement("nn-1", "nn-2", "nn-3"),
    a_placement("nn-1", "nn-4", "nn-5"),
    a_placement("nn-9", "nn-8", "nn-7"),
)


@pytest.mark.parametrize(
    ("placements", "expected"),
    [
        ([ONE], ("nn-1", "nn-2", "nn-3")),
        ([ONE, TWIN], ("nn-1", "nn-2", "nn-3")),
        ([ONE, COUSIN], ("nn-1",)),
        ([ONE, STRANGER], ()),
        ([ONE, a_placement()], None),
        ([ONE, a_placement("nn-1", account="210987654321")], None),
        ([ONE, a_placement("nn-1", region="us-east-1")], None),
        ([], None),
    ],
    ids=["one", "twins", "cousins", "strangers", "unknown", "accounts", "regions", "none"],
)
def test_common_nodes(placements: list[Placement], expected: tuple[str, ...] | None) -> None:
    assert common_nodes(placements) == expected


@pytest.mark.parametrize(
    ("placements", "says"),
    [
        ([ONE], "all instances are below network node nn-3 (layer 3 of 3, the lowest known)"),
        ([ONE, COUSIN], "all instances are below network node nn-1 (layer 1 of 3)"),
        (
            [ONE, STRANGER],
            "no network node in common: the instances are in different parts of the network",
        ),
        ([a_placement()], None),
    ],
)
def test_proximity_in_a_sentence(placements: list[Placement], says: str | None) -> None:
    assert proximity(placements) == says


def test_a_placement_is_read_as_it_was_written() -> None:
    placement = Placement(
        reservation_id="cr-a",
        region="us-east-2",
        instance_type="p5.48xlarge",
        state="active",
        account_id="123456789012",
        capacity_block_id="cb-1",
    )
    for each in (
        placement,
        ONE,
        Placement(reservation_id="cr-b", region="us-east-1", observed_at=NOON),
    ):
        assert from_json({**each.to_json(), "colour": "red"}) == each
