"""A refused enrichment leaves what was known."""

from __future__ import annotations

from dataclasses import replace

from tests.builders import a_block, a_snapshot
from truffle.core.carry_forward import carry_forward
from truffle.core.diff import compare
from truffle.core.model import Health, Unanswered

REFUSED = (
    Unanswered("DescribeCapacityBlocks", "UnauthorizedOperation"),
    Unanswered("DescribeCapacityBlockStatus", "UnauthorizedOperation"),
)
ILL = a_block(
    state="active",
    capacity_block_id="cb-1",
    reservation_ids=("cr-block", "cr-other"),
    ultraserver_type="u-p6e-gb200x72",
    health=Health("impaired", 1),
)
UNTOLD = replace(
    ILL,
    capacity_block_id="cr-block",
    reservation_ids=("cr-block",),
    ultraserver_type=None,
    health=None,
)


def test_a_refusal_is_not_a_change() -> None:
    before, after = a_snapshot(ILL), a_snapshot(UNTOLD, unanswered=REFUSED)

    carried = carry_forward(after, before.reservations)

    assert carried.reservations == (ILL,)
    assert compare(before, carried) == []


def test_an_answer_counts_although_it_says_nothing() -> None:
    assert carry_forward(a_snapshot(UNTOLD), (ILL,)).reservations == (UNTOLD,)


def test_a_reservation_that_was_not_known_has_nothing_to_carry() -> None:
    after = a_snapshot(UNTOLD, unanswered=REFUSED)
    assert carry_forward(after, ()) == after
