"""Groups of accounts: a unit is one region of one group, which bounds its size.

The group of an account is the same in every region and every run for as long as the account is
collected, because the state of a unit's scopes is stored together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count

MOST_ACCOUNTS = 50
"""The maximum number of accounts in a group. A collector with 1 GB lists this many scopes within
seconds, and one write of the table holds their state."""

Groups = Mapping[str, int]
"""The group of each account."""


def assign_groups(
    accounts: Iterable[str], previous: Groups, most: int = MOST_ACCOUNTS
) -> dict[str, int]:
    """Assign a group to each account: its previous one, else the first with room."""
    present = sorted(set(accounts))
    groups = {account: previous[account] for account in present if account in previous}
    sizes: dict[int, int] = {}
    for group in groups.values():
        sizes[group] = sizes.get(group, 0) + 1
    for account in present:
        if account not in groups:
            group = next(number for number in count() if sizes.get(number, 0) < most)
            groups[account] = group
            sizes[group] = sizes.get(group, 0) + 1
    return groups
