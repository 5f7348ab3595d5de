"""Listing the instances beside idle capacity, after the listing of a unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from lambdas.observability import logger
from lambdas.store.stranded import StrandedResult, StrandedStore
from truffle.core.model import Scope, Snapshot
from truffle.core.stranded import is_worth_asking, stranded
from truffle.ec2.errors import FAILURES, error_code
from truffle.ec2.instances import OverBudget, list_on_demand
from truffle.ec2.listing import ListingEC2

MOST_CALLS = 20
"""Calls to EC2 for one scope and run: 20,000 running instances of the idle types."""

OVER_BUDGET = "OverBudget"


@dataclass(frozen=True, slots=True)
class StrandedFinder:
    """Finds instances that run On-Demand beside the idle capacity of listings."""

    ec2_of: Callable[[Scope], ListingEC2]
    store: StrandedStore
    clock: Callable[[], datetime]
    most_calls: int = MOST_CALLS

    def find(self, region: str, snapshots: Iterable[Snapshot], deadline: datetime) -> None:
        """List those of each scope of a region with idle capacity, and forget the findings of the
        others.

        Raises what DynamoDB does.
        """
        listed = list(snapshots)
        idle = [it for it in listed if any(map(is_worth_asking, it.reservations))]
        for snapshot in idle:
            self.store.write(self._ask(snapshot, deadline))
        over = {it.scope for it in listed} - {it.scope for it in idle}
        if over:
            known = {it.scope for it in self.store.read(region)}
            self.store.remove(sorted(over & known))

    def _ask(self, snapshot: Snapshot, deadline: datetime) -> StrandedResult:
        scope, at, calls = snapshot.scope, self.clock(), 0
        idle = filter(is_worth_asking, snapshot.reservations)
        types = sorted({row.instance_type for row in idle})

        def spend() -> bool:
            nonlocal calls
            calls += 1
            return calls <= self.most_calls and self.clock() < deadline

        try:
            found = list(list_on_demand(self.ec2_of(scope), types, spend))
        except OverBudget as error:
            return StrandedResult(scope, at, error=OVER_BUDGET, message=str(error))
        except FAILURES as error:
            logger.warning("instances not listed", extra={"scope": str(scope)})
            return StrandedResult(scope, at, error=error_code(error), message=str(error))
        return StrandedResult(scope, at, tuple(stranded(snapshot.reservations, found)))
