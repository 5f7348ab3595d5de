"""Routes of the market: the finds of watches, now and over time.

They are rarely used; their modules are imported with their first request.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler import Response

from lambdas import wiring
from lambdas.api.responses import page_of, problem
from lambdas.history.exceptions import TooLarge
from lambdas.routes.request import app, fingerprint_of, raw_query
from truffle.core.parameters import parse

if TYPE_CHECKING:
    from truffle.core.market.finds import Market
    from truffle.core.market.queries import MarketQuery

_SQL = (
    "SELECT requested_instance_type, region, observed_at, outcome, "
    "min(price_per_gpu_hour) AS price "
    "FROM offerings WHERE dt >= '{since:%Y-%m-%d}' GROUP BY 1, 2, 3, 4"
)


@app.get("/offerings")
def offerings() -> Response[str]:
    from lambdas.api.market import offerings as answer
    from truffle.core.market.queries import OFFERINGS, to_query

    given = raw_query()
    query, fingerprint = to_query(parse(given, OFFERINGS), wiring.now()), fingerprint_of(given)
    try:
        found = _market(query)
    except TooLarge as error:
        return _too_large(error, query)
    return page_of(lambda page: answer(found, replace(query, page=page), fingerprint), query.page)


def _market(query: MarketQuery) -> Market:
    """The present state; for a period, all finds in it and its last answers."""
    from truffle.core.market.finds import finds_of, latest, market_of

    parts = wiring.query()
    if query.period is None:
        return parts.market()
    answers = parts.answers.between(*query.period, query.chosen.regions)
    return replace(market_of(latest(answers)), finds=tuple(finds_of(answers)))


@app.get("/offerings/history")
def offerings_history() -> Response[str]:
    from lambdas.api.market import history as answer
    from truffle.core.market.history import points
    from truffle.core.market.queries import HISTORY, to_period, to_query

    given, now = raw_query(), wiring.now()
    values = parse(given, HISTORY)
    query = replace(to_query(values, now), period=to_period(values, now))
    assert query.period is not None
    try:
        answers = wiring.query().answers.between(*query.period, query.chosen.regions)
    except TooLarge as error:
        return _too_large(error, query)
    found = points(filter(query.chosen.covers_question, answers))
    fingerprint = fingerprint_of(given)
    return page_of(lambda page: answer(found, page, fingerprint), query.page)


def _too_large(error: TooLarge, query: MarketQuery) -> Response[str]:
    since = query.period[0] if query.period else wiring.now()
    sql = _SQL.format(since=since)
    detail = (
        f"The response needs {error}. Request a shorter period or fewer regions, or use SQL: {sql}"
    )
    return problem(400, "Request too large", detail, sql=sql)
