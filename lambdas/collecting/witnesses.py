"""Who tells of a reservation that several accounts of a region list: one of them, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from truffle.core.events import Event, EventType
from truffle.core.model import Reservation

Sightings = Mapping[str, frozenset[str]]
"""Accounts by the id of a reservation."""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What the accounts of a region knew before a collection, and what they list in it.

    ``established`` are the accounts that have a baseline to compare with. ``known`` are, by
    reservation, those of them that it is stored for; ``listed`` the accounts that list it now, or
    did when they last could.

    The owner tells what happens to a reservation, if it is established. Of the others, the first
    by number tells of a change, and of a new one if nobody knew it; the last to lose it tells of
    its end. An account that fails meanwhile, or a crash between two accounts, changes nothing of
    that: who has told has also stored, in one transaction.
    """

    established: frozenset[str]
    known: Sightings
    listed: Sightings

    def tells(self, event: Event) -> bool:
        """Whether an event is told by the account that found it."""
        row = event.reservation
        if row is None:
            return True
        if event.type is EventType.VANISHED:
            return self.is_gone(row, event.account_id)
        if row.owner_id in self.established:
            return event.account_id == row.owner_id
        known, listed = self._sightings(row)
        if event.type is EventType.DISCOVERED:
            return not known and event.account_id == min(listed & self.established)
        # Time makes events of new rows, too, which nobody has known.
        tellers = known & listed or listed & self.established
        return event.account_id == min(tellers, default=event.account_id)

    def is_gone(self, row: Reservation, account_id: str) -> bool:
        """Whether a row that left an account left the last that had it; the owner decides alone."""
        if row.owner_id in self.established:
            return account_id == row.owner_id
        known, listed = self._sightings(row)
        return not listed and account_id == max(known, default=account_id)

    def _sightings(self, row: Reservation) -> tuple[frozenset[str], frozenset[str]]:
        nobody: frozenset[str] = frozenset()
        name = row.reservation_id
        return self.known.get(name, nobody), self.listed.get(name, nobody)


def sightings(ids_by_account: Iterable[tuple[str, frozenset[str]]]) -> Sightings:
    """Accounts by reservation, from the reservations of each account."""
    accounts: dict[str, set[str]] = {}
    for account_id, ids in ids_by_account:
        for name in ids:
            accounts.setdefault(name, set()).add(account_id)
    return {name: frozenset(seers) for name, seers in accounts.items()}
