"""The fees of capacity blocks in Cost Explorer, requested by ``prices`` at most once a day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from lambdas.observability import logger
from lambdas.store.prices import PriceList
from truffle.core.bill import HeldBlocks, attributed, billed_fees, with_billed
from truffle.core.billed import Bill
from truffle.core.ledger import DAY
from truffle.core.model import BUDGET_EXCEEDED, Reservation, Scope
from truffle.ec2.cost_explorer import CostExplorer, OverBudget, list_billed_fees
from truffle.ec2.errors import FAILURES, error_code

ASKED_EVERY = timedelta(hours=20)
"""An early daily start still makes the request; a repeated one does not pay again."""

SHORTEST, LONGEST = timedelta(days=30), timedelta(days=365)
"""The shortest and the longest period of a request, which begins at the start of the oldest held
block."""


@dataclass(frozen=True, slots=True)
class Billing:
    """Adds what was billed to the known prices.

    ``gone`` reads the reservations that EC2 no longer lists. ``last_seen`` has the last listings of
    scopes, ``histories`` the scopes with known extensions.
    """

    client: CostExplorer
    gone: Callable[[], Sequence[Reservation]]
    last_seen: Mapping[Scope, datetime]
    histories: frozenset[Scope]

    def updated(self, known: PriceList, rows: Sequence[Reservation], now: datetime) -> PriceList:
        """The prices with the bill of the days before today.

        Makes no request without a block that has started, nor within ``ASKED_EVERY`` of the last
        one. Raises what ``gone`` does.
        """
        starts = [row.start_date for row in rows if row.block_id and row.start_date]
        tried_at = known.bill.tried_at
        is_early = tried_at is not None and now - tried_at < ASKED_EVERY
        if is_early or not any(start.date() < now.date() for start in starts):
            return known
        since = max(min(*starts, now - SHORTEST), now - LONGEST).date()
        try:
            found = list_billed_fees(self.client, since, now.date())
        except OverBudget:
            return _refused(known, BUDGET_EXCEEDED, now)
        except FAILURES as error:
            logger.warning("bill not read", extra={"error": error_code(error)})
            return _refused(known, error_code(error), now)
        listed = {row.reservation_id for row in rows}
        everything = [*rows, *(row for row in self.gone() if row.reservation_id not in listed)]
        held = HeldBlocks(everything, known.extensions, self._is_complete)
        fees = attributed(found, known.bill.fees, held)
        earlier = [it for it in known.bill.fees if it.day < since]
        bill = Bill((*earlier, *fees), now, now)
        billed = billed_fees(bill.fees, everything, known.extensions)
        names = {it.capacity_block_id for it in bill.fees}
        return replace(known, fees=with_billed(known.fees, billed, names), bill=bill)

    def _is_complete(self, scope: Scope, day: date) -> bool:
        """Whether every block of a scope that started on a day was listed."""
        seen = self.last_seen.get(scope)
        over = datetime.combine(day, time(), UTC) + DAY
        return seen is not None and seen >= over and scope in self.histories


def _refused(known: PriceList, code: str, now: datetime) -> PriceList:
    """Keep the last known bill, with the error."""
    return replace(known, bill=replace(known.bill, tried_at=now, error=code))
