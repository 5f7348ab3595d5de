"""Whether a listing is complete enough for a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truffle.errors import TruffleError, TruffleNotFoundError

if TYPE_CHECKING:
    from truffle.core.model import Reservation
    from truffle.sources.listing import Listing, ScopeFailure


def find(inventory: Listing, reservation_id: str) -> Reservation:
    """Find the reservation with this id, or of the block with this id.

    Raises TruffleNotFoundError, or TruffleError if a failed scope may have it.
    """
    for row in inventory.reservations:
        if reservation_id in (row.reservation_id, getattr(row, "capacity_block_id", None)):
            return row
    from truffle.core.wording import counted

    if inventory.failures:
        raise incomplete(inventory.failures)
    raise TruffleNotFoundError(
        f"Reservation {reservation_id} was not found in {counted(inventory.scopes, 'scope')}: "
        "check the id, the account and the regions."
    )


def unanswered(inventory: Listing) -> list[ScopeFailure]:
    """The scopes whose failure is temporary, and which may hold anything.

    In a scope that is denied or not enabled nothing can run, whatever it holds.
    """
    from truffle.core.model import CLOSED_KINDS

    return [failure for failure in inventory.failures if failure.kind not in CLOSED_KINDS]


def unknown_regions(inventory: Listing) -> list[str]:
    """The regions of scopes without any data, not even earlier data."""
    return [each.region for each in unanswered(inventory) if each.last_success is None]


def nothing_known(failures: list[ScopeFailure]) -> TruffleError:
    reasons = "; ".join(map(str, failures))
    return TruffleError(f"No account or region responded: {reasons}", failures)


def incomplete(failures: list[ScopeFailure]) -> TruffleError:
    named = ", ".join(f"{failure.region} ({failure.code})" for failure in failures)
    return TruffleError(
        f"Nothing was found, but the result is incomplete: {named} did not respond.", failures
    )
