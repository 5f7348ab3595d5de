"""The report, the calendar and the metrics.

They are rarely used; their modules are imported with their first request.
"""

from __future__ import annotations

from datetime import timedelta
from hmac import compare_digest
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler import Response

from lambdas import wiring
from lambdas.api.responses import problem
from lambdas.observability import logger
from lambdas.routes.request import app, context_of, of_ids, raw_query
from truffle.core import parameters
from truffle.core.order import Order
from truffle.core.parameters import parse
from truffle.core.queries import to_filter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from lambdas.api.answers import Context
    from lambdas.api.feeds import Chosen


def _chosen(values: Mapping[str, list[Any]]) -> tuple[Context, Chosen]:
    """The matches of the filters of a report or a calendar."""
    from lambdas.api.feeds import choose
    from lambdas.overview import recent_events

    chosen = of_ids(to_filter(values))
    parts = wiring.query()
    kept = timedelta(days=int(parts.settings.event_retention_days))
    recent = recent_events(parts.events, wiring.now(), kept)
    context = context_of()
    return context, choose(context, chosen, recent)


@app.get("/report")
def report() -> Response[str]:
    from lambdas.api import feeds
    from lambdas.overview import past_use
    from truffle.core.market.finds import MarketFilter

    values = parse(raw_query(), parameters.FILTERS)
    context, chosen = _chosen(values)
    prices = wiring.query().prices()
    past = past_use(wiring.query().usage(), wiring.now())
    query = to_filter(values)
    part = MarketFilter(instance_types=query.instance_types, regions=query.regions)
    market = part.apply(wiring.query().market())
    return feeds.report(context, chosen, wiring.query().settings.stack, prices, past, market)


@app.get("/calendar.ics")
def calendar() -> Response[str]:
    return _calendar(parse(raw_query(), parameters.FILTERS))


def _calendar(values: Mapping[str, list[Any]]) -> Response[str]:
    from lambdas.api.feeds import calendar as answer

    return answer(*_chosen(values), wiring.query().reports)


@app.get("/calendar-feed.ics")
def calendar_feed() -> Response[str]:
    """The calendar for programs that cannot sign requests; the only route without a signature."""
    from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

    values = parse(raw_query(), parameters.CALENDAR_FEED)
    try:
        secret = wiring.query().feed_secret
    except GetParameterError:
        logger.exception("feed secret not read")
        return problem(
            503, "Not available", "The secret of the calendar feed cannot be read at present."
        )
    if secret is None:
        return problem(404, "No calendar feed", "The setting calendar_feed of the stack is off.")
    if not compare_digest(values["token"][0].encode(), secret.encode()):
        return problem(403, "Forbidden", "The token of the calendar feed is invalid.")
    return _calendar(values)


@app.get("/metrics")
def metrics() -> Response[str]:
    from lambdas.api import feeds

    values = parse(raw_query(), parameters.METRICS)
    chosen = of_ids(to_filter(values))
    context = context_of()
    matches = context.view.sorted(Order()).matches(chosen)
    prices = wiring.query().prices()
    rows = matches.first(len(matches))
    return feeds.metrics(context, feeds.Measured(rows, chosen, "by" in values), prices)
