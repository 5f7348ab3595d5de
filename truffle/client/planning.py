"""Methods of the client: capacity for a planned workload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truffle.client.capacity import CapacityClient
from truffle.client.market import MarketClient
from truffle.client.placement import PlacementClient
from truffle.completeness import incomplete, unanswered, unknown_regions

if TYPE_CHECKING:
    from datetime import date, datetime

    from truffle.core.recommendation import Recommendation
    from truffle.core.validation import Validation
    from truffle.query import Several


class PlanningClient(CapacityClient, MarketClient, PlacementClient):
    """Compares a planned workload with held capacity and offerings."""

    def validate(
        self,
        instance_type: str,
        count: int,
        days: float,
        start_by: datetime | str | None = None,
        regions: Several | None = None,
    ) -> Validation:
        """Check whether a training run has capacity, in which reservation, on what network, or why
        not.

        Raises TruffleError if nothing fits and some scope did not respond, because the result is
        then unknown. A region that is denied or not enabled counts as known.
        """
        from truffle import clock
        from truffle.arguments import training_request
        from truffle.core.validation import validate
        from truffle.query import run_query

        request = training_request(instance_type, count, days, start_by)
        inventory = self.inventory(run_query(request.instance_type, regions))
        rows, unknown = inventory.reservations, unknown_regions(inventory)
        validation = validate(rows, request, clock.now(), unknown)
        if not validation.ok and (silent := unanswered(inventory)):
            raise incomplete(silent)
        return self.placed(validation)[0]

    def recommend(
        self,
        purpose: str,
        days: float | None = None,
        start: date | str | None = None,
        instance_type: str | None = None,
        count: int | None = None,
        source: str | None = None,
    ) -> Recommendation:
        """Recommend a type of capacity for a workload, with the facts; makes no request.

        ``source="api"`` adds what the watches of a deployed stack know about blocks for sale.
        """
        from truffle import clock
        from truffle.arguments import workload
        from truffle.core.recommendation import recommend, with_market

        work = workload(purpose, days, start, instance_type, count)
        answer = recommend(work, clock.now().date())
        if source != "api":
            return answer
        return with_market(answer, self.offerings(source="api").market, clock.now())
