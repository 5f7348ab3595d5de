"""Methods of the client that need a deployed stack: events, history, usage and alerts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from truffle.client.connection import Connection
from truffle.core.model import TYPES, ReservationType

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Unpack

    from truffle.client.bill import BillExport
    from truffle.core.codec import Json
    from truffle.core.events import Event
    from truffle.core.pricing import PriceBook
    from truffle.query import Filters, Several
    from truffle.sources.history import History
    from truffle.sources.stranded import StrandedSpend
    from truffle.sources.usage import Usage


class StackClient(Connection):
    """Reads what a stack has recorded, and tests its alerts."""

    def events(
        self,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        types: Several | None = None,
        severities: Several | None = None,
        reservation_id: str | None = None,
        limit: int | None = None,
        accounts: Several | None = None,
    ) -> list[Event]:
        """List events, the newest first; of the last 7 days if ``since`` is None."""
        from truffle.arguments import event_limit, event_query
        from truffle.core.events import from_message
        from truffle.sources.events import list_events

        limit = None if limit is None else event_limit(limit)
        query = event_query(since, until, types, severities, reservation_id, accounts)
        api = self.api()
        found = list_events(api, query, limit)
        with api.understood():
            return [from_message(item) for item in found.items]

    def history(self, reservation_id: str, *, as_of: datetime | str | None = None) -> History:
        """Return one reservation with its events, even if it is gone, now or at a past time.

        Raises TruffleNotFoundError."""
        from truffle.arguments import as_of_query
        from truffle.sources.history import to_history

        api = self.api()
        answer = api.get(f"/reservations/{reservation_id}", "events", as_of_query(as_of))
        with api.understood():
            return to_history(answer)

    def usage(
        self,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        interval: str = "day",
        by: Several = "type",
        *,
        instance_types: Several | None = None,
        regions: Several | None = None,
        reservation_type: str | Iterable[str] = TYPES,
        bill: BillExport | str | None = None,
        **filters: Unpack[Filters],
    ) -> Usage:
        """Total reserved, used and idle hours, and their cost, by interval and group.

        The default period is the last 7 whole days in UTC. ``interval`` is ``hour``, ``day``,
        ``week``, ``month`` or ``total``; ``by`` one or several of ``reservation``, ``account``,
        ``owner``, ``region``, ``instance_type``, ``accelerator``, ``type`` and ``tag:KEY``. A cost
        is None if no price is known. ``bill`` is a CUR 2.0 export, by the name of its table for
        Athena, or a ``truffle.BillExport``: rows by reservation then have ``billed_cost``. Needs a
        deployed stack.
        """
        from truffle.arguments import usage_query
        from truffle.client.bill import checked
        from truffle.query import list_query
        from truffle.sources.usage import read_usage

        export = checked(bill, by, interval)
        filters.setdefault("active_only", False)
        query = list_query(
            reservation_type=reservation_type,
            instance_types=instance_types,
            regions=regions,
            **filters,
        )
        api = self.api()
        usage = read_usage(api, usage_query(query, since, until, interval, by))
        return export.beside(usage, api.session, self.timeout) if export else usage

    def prices(self) -> PriceBook:
        """The prices of a deployed stack: the alerts file's own, AWS's price list, fees."""
        from truffle.core.pricing_json import from_json

        api = self.api()
        answer = api.get("/prices", "price_list")
        with api.understood():
            return from_json(answer)

    def stranded(
        self,
        instance_types: Several | None = None,
        regions: Several | None = None,
        accounts: Several | None = None,
    ) -> StrandedSpend:
        """Instances that run On-Demand beside idle reserved capacity, why, and what to change.

        Needs a deployed stack with the setting ``stranded``; raises TruffleNotFoundError without.
        """
        from truffle.core.queries import to_values
        from truffle.query import list_query
        from truffle.sources.stranded import read_stranded

        query = list_query(
            reservation_type=list(ReservationType),
            instance_types=instance_types,
            regions=regions,
            accounts=accounts,
            active_only=False,
        )
        return read_stranded(self.api(), list(to_values(query.filter, only="")))

    def status(self, accounts: Several | None = None) -> Json:
        """Return every scope, or those of some accounts, their totals and the last runs, as ``GET
        /status`` does."""
        from truffle.arguments import account_query
        from truffle.sources.status import read_status

        return read_status(self.api(), account_query(accounts))

    def explain(self, event_id: str, *, since: datetime | str | None = None) -> Json:
        """Which destinations get an event, why, and its delivery, as from ``GET /alerts/explain``.

        ``event_id`` may be the beginning of an id; ``since`` is how far back to search for the
        event, by default 31 days. Raises TruffleNotFoundError for an unknown event, ApiError if
        several ids have this prefix.
        """
        from truffle.arguments import explain_query

        return self.api().get("/alerts/explain", "decisions", explain_query(event_id, since))

    def test_route(self, route: str) -> Json:
        """Send a sample to each destination of a route, as ``POST /alerts/test`` does; an unknown
        route raises an ApiError that lists the routes."""
        from truffle.arguments import check_route

        check_route(route)
        return self.api().post("/alerts/test", "sent", [("route", route)])

    def republish(self, since: datetime | str, until: datetime | str | None = None) -> Json:
        """Publish the events of a period that could not be published, with ``POST
        /alerts/republish`` until none are left. Return how many were ``published`` now, how many
        were ``already_published``, how many ``failed`` and why (``error``). If every attempt fails,
        it ends early: ``next`` has the parameters to continue with."""
        from truffle.arguments import republish_query

        counts = dict.fromkeys(("published", "already_published", "failed"), 0)
        query, error = republish_query(since, until), None
        while True:
            answer = self.api().post("/alerts/republish", "published", query)
            with self.api().understood():
                counts = {name: count + answer[name] for name, count in counts.items()}
                error = error or answer["error"]
                if not answer["next"] or (answer["error"] and not answer["published"]):
                    return {**answer, **counts, "error": error}
                query = list(answer["next"].items())
