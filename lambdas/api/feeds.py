"""The responses that are not JSON: the report, the calendar and the metrics.

Their libraries are imported with the first request for them, so other routes do not pay for the
import.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aws_lambda_powertools.event_handler import Response

from lambdas.api.answers import Context
from lambdas.api.responses import fitting
from lambdas.overview import NOTHING_KNOWN, PastUse, Recent, report_inputs, scope_states
from lambdas.store.reports import ReportStore
from truffle.core.filters import Filter, matches_globs
from truffle.core.market.finds import Market
from truffle.core.model import Reservation
from truffle.core.order import Order
from truffle.core.pricing import NO_PRICES, PriceBook
from truffle.report.inputs import NO_MARKET, Inputs

_PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The requested reservations, and their events.

    ``is_everything`` is False if a filter excludes some.
    """

    rows: Sequence[Reservation]
    recent: Recent
    is_everything: bool


def choose(context: Context, chosen: Filter, recent: Recent) -> Chosen:
    """The matches of a filter in the inventory and in the events."""
    view = context.view
    matches = view.sorted(Order()).matches(chosen)
    rows = view.observed(matches.first(len(matches)))
    if chosen == Filter():
        return Chosen(rows, recent, True)
    tests = chosen.predicates()
    events = [
        event
        for event in recent.events
        if event.reservation is not None and all(test.holds(event.reservation) for test in tests)
    ]
    return Chosen(rows, replace(recent, events=events), False)


def _inputs(
    context: Context,
    chosen: Chosen,
    source: str,
    prices: PriceBook,
    past: PastUse = NOTHING_KNOWN,
    market: Market = NO_MARKET,
) -> Inputs:
    part = "The request has a filter, so other reservations and their events are not shown."
    return report_inputs(
        chosen.rows,
        context.judged.scopes,
        chosen.recent,
        context.now,
        source=source,
        prices=prices,
        past=past,
        market=market,
        warnings=() if chosen.is_everything else (part,),
        labels=context.labels,
    )


def report(
    context: Context,
    chosen: Chosen,
    source: str,
    prices: PriceBook,
    past: PastUse,
    market: Market,
) -> Response[str]:
    """The report, with as many reservations as fit into a response."""
    from truffle.report.page import page, policy

    inputs = _inputs(context, chosen, source, prices, past, market)
    headers = {**_PRIVATE, "Content-Security-Policy": policy()}

    def answer(most: int) -> Response[str]:
        html = page(replace(inputs, most_rows=most))
        return Response(200, "text/html; charset=utf-8", html, headers)

    return fitting(answer, len(inputs.rows))


def calendar(context: Context, chosen: Chosen, reports: ReportStore) -> Response[str]:
    """The blocks as a calendar. A reservation's SEQUENCE is the revision of its report.

    Raises what DynamoDB does.
    """
    from truffle.feeds.calendar import CONTENT_TYPE, Memory, has_dates, last_changes
    from truffle.feeds.calendar import calendar as written
    from truffle.report.model import spans_of

    inputs = _inputs(context, chosen, "", NO_PRICES)
    spans = [span for span in spans_of(inputs) if has_dates(span)]
    known = reports.get(span.row.reservation_id for span in spans)
    sequences = {name: report.revision for name, report in known.items()}
    memory = Memory(last_changes(inputs.events), sequences)
    text = written(spans, context.now, memory, _missing(inputs))
    return Response(200, CONTENT_TYPE, text.decode(), _PRIVATE)


def _missing(inputs: Inputs) -> list[str]:
    return sorted({f"{scope.account_id}/{scope.region} ({scope.code})" for scope in inputs.failed})


@dataclass(frozen=True, slots=True)
class Measured:
    """The reservations that match a filter, the filter, and whether each has its own samples."""

    rows: Sequence[Reservation]
    chosen: Filter
    by_reservation: bool


def metrics(context: Context, measured: Measured, prices: PriceBook) -> Response[str]:
    """Held capacity as OpenMetrics text, with the scopes of the requested accounts and regions."""
    from truffle.feeds.inputs import MetricsInput
    from truffle.feeds.metrics import CONTENT_TYPE
    from truffle.feeds.metrics import metrics as written

    regions, accounts = measured.chosen.regions, measured.chosen.accounts
    scopes = [
        each
        for each in context.judged.scopes
        if (not regions or matches_globs(each.scope.region, regions))
        and (not accounts or each.scope.account_id in accounts)
    ]
    held = MetricsInput(
        measured.rows,
        scope_states(scopes, context.labels),
        context.now,
        prices,
        by_reservation=measured.by_reservation,
    )
    return Response(200, CONTENT_TYPE, written(held).decode(), _PRIVATE)
