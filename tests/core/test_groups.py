"""Groups of accounts: bounded, and the same for as long as an account is collected."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from truffle.core.groups import assign_groups

ACCOUNTS = st.sets(st.sampled_from([f"{number:012}" for number in range(40)]))


def test_new_accounts_fill_the_holes_first() -> None:
    before = {"a": 0, "b": 0, "c": 1, "d": 1}

    assert assign_groups(["a", "c", "d", "x", "y"], before, most=2) == {
        "a": 0,
        "c": 1,
        "d": 1,
        "x": 0,
        "y": 2,
    }


@given(st.lists(ACCOUNTS, min_size=1, max_size=8), st.integers(1, 5))
def test_no_group_is_too_large_and_no_account_that_stays_moves(
    history: list[set[str]], most: int
) -> None:
    groups: dict[str, int] = {}
    for accounts in history:
        before, groups = groups, assign_groups(accounts, groups, most)
        assert groups.keys() == accounts
        assert max(Counter(groups.values()).values(), default=0) <= most
        assert all(groups[it] == before[it] for it in accounts & before.keys())
