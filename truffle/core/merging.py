"""Merging the rows of reservations that several scopes list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from truffle.core.model import Reservation


def merge(reservations: Iterable[Reservation]) -> list[Reservation]:
    """Merge to one row per reservation; ``seen_by`` has all accounts that list it.

    The row is the owner's if the owner is collected, else that of the account with the lowest
    number.
    """
    listed = list(reservations)
    if len({row.reservation_id for row in listed}) == len(listed):
        return listed
    by_id: dict[str, list[Reservation]] = {}
    for row in listed:
        by_id.setdefault(row.reservation_id, []).append(row)
    return [rows[0] if len(rows) == 1 else _merged(rows) for rows in by_id.values()]


def _merged(rows: list[Reservation]) -> Reservation:
    best = min(rows, key=lambda row: (row.account_id != row.owner_id, row.account_id or ""))
    if best.billing_request is None:
        # Both sides of a request can list it, but perhaps only one responded.
        seen = [row.billing_request for row in rows if row.billing_request is not None]
        best = best.with_billing_request(seen[0]) if seen else best
    return replace(
        best, seen_by=tuple(sorted({account for row in rows for account in row.seen_by}))
    )
