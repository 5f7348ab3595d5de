"""One row per reservation, although several scopes may list it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from truffle.core.model import Reservation


def merge(reservations: Iterable[Reservation]) -> list[Reservation]:
    """One row per reservation, seen by all the accounts that list it.

    The row is the owner's where the owner is collected, else that of the first account by number.
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
        # Either side of a request sees it, and only one may have answered.
        seen = [row.billing_request for row in rows if row.billing_request is not None]
        best = best.with_billing_request(seen[0]) if seen else best
    return replace(
        best, seen_by=tuple(sorted({account for row in rows for account in row.seen_by}))
    )
