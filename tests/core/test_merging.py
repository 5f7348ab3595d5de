"""One row per reservation, although several scopes may list it."""

from dataclasses import replace
from typing import Any

from hypothesis import given

from tests.builders import NOON, a_block, an_odcr
from tests.strategies import inventories, randoms
from truffle.core.merging import merge
from truffle.core.model import Odcr, Reservation

FIRST, SECOND, THIRD = "111111111111", "222222222222", "333333333333"


def seen_from(account: str, owner: str = THIRD, **facts: Any) -> Odcr:
    """The shared reservation as one account's listing has it."""
    return an_odcr("cr-shared", account_id=account, owner_id=owner, **facts)


def test_a_reservation_that_several_accounts_list_is_the_owners_row() -> None:
    rows = [
        seen_from(FIRST, tags={}),
        seen_from(THIRD, tags={"Team": "research"}),
        seen_from(SECOND, tags={}),
    ]

    (row,) = merge(rows)

    assert row == replace(rows[1], seen_by=(FIRST, SECOND, THIRD))


def test_without_the_owner_it_is_the_first_accounts_row_by_number() -> None:
    rows = [seen_from(SECOND, observed_at=NOON), seen_from(FIRST)]

    (row,) = merge(rows)

    assert (row.account_id, row.observed_at) == (FIRST, None)
    assert row.seen_by == (FIRST, SECOND)


def test_rows_of_different_reservations_stay_as_they_are() -> None:
    rows: list[Reservation] = [an_odcr("cr-2"), a_block("cr-1")]

    assert merge(rows) == rows


@given(inventories, inventories, randoms)
def test_which_scope_answered_first_decides_nothing(
    some: list[Reservation], others: list[Reservation], random: Any
) -> None:
    # Given two accounts' listings, in any order
    rows = [replace(row, account_id=FIRST, seen_by=(FIRST,)) for row in some]
    rows += [replace(row, account_id=SECOND, seen_by=(SECOND,)) for row in others]
    shuffled = random.sample(rows, len(rows))

    # Then each reservation is there once, and always the same
    merged = {row.reservation_id: row for row in merge(rows)}
    assert {row.reservation_id: row for row in merge(shuffled)} == merged
    assert len(merge(shuffled)) == len(merged) == len({row.reservation_id for row in rows})


@given(inventories)
def test_merging_again_changes_nothing(rows: list[Reservation]) -> None:
    assert merge(merge(rows)) == merge(rows)
