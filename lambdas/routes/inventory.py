"""Routes of reservations, events, scopes and usage."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response

from lambdas import wiring
from lambdas.api import answers, responses
from lambdas.api.responses import (
    fitting_json,
    is_too_large,
    json_response,
    packed,
    page_of,
    problem,
)
from lambdas.history.exceptions import TooLarge
from lambdas.routes.request import (
    app,
    context_of,
    context_of_scopes,
    fingerprint_of,
    of_accounts,
    of_ids,
    period,
    raw_query,
)
from truffle.core import parameters
from truffle.core.kinds.registry import KINDS
from truffle.core.model import Scope
from truffle.core.parameters import RESERVATION_ID, Parameter, parse
from truffle.core.queries import parse_list, to_page
from truffle.core.times import format_time

if TYPE_CHECKING:
    from datetime import datetime

    from lambdas.api.answers import Context
    from truffle.core.codec import Json
    from truffle.core.kinds.kind import Kind
    from truffle.core.validation import Validation

RUNS_SHOWN = 10


def _list(takes: tuple[Parameter, ...], only: str | None = None) -> Response[str]:
    given = raw_query()
    parsed = parse_list(given, takes)
    chosen = of_ids(parsed.filter)
    if only is not None:
        chosen = replace(chosen, types=frozenset({only}))
    context, fingerprint = context_of(parsed.as_of), fingerprint_of(given)
    return page_of(
        lambda page: answers.reservations(
            context, replace(parsed, filter=chosen, page=page), fingerprint
        ),
        parsed.page,
    )


@app.get("/reservations")
def reservations() -> Response[str]:
    return _list(parameters.LIST)


def _add_route_of(name: str, kind: Kind) -> None:
    @app.get(kind.path)
    def reservations_of_kind() -> Response[str]:
        return _list(parameters.list_of(name), name)


for _name, _kind in KINDS.items():
    _add_route_of(_name, _kind)


@app.get("/reservations/<reservation_id>")
def reservation(reservation_id: str) -> Response[str]:
    as_of = parse(raw_query(), parameters.ONE).get("as_of", [None])[0]
    context = context_of(as_of)
    row = context.view.by_id.get(reservation_id)
    known = context.view.encoded(row) if row else _gone(reservation_id, as_of)
    if known is None:
        by = "" if as_of is None else f" by {format_time(as_of)}"
        shown = reservation_id[: responses.LONGEST_VALUE_SHOWN]
        detail = f"No scope lists or has listed {shown}{by}."
        return problem(404, "Unknown reservation", detail, collection=context.collection)
    messages = answers.until(wiring.query().events.of_reservation(reservation_id), as_of)
    return fitting_json(
        lambda shown: answers.reservation(context, known, messages, shown), len(messages), least=0
    )


def _gone(reservation_id: str, as_of: datetime | None = None) -> Json | None:
    """The history of a reservation that is, or was at a moment, no longer listed; empty for an id
    of more than 1,024 bytes, which cannot be a key of DynamoDB."""
    if not re.fullmatch(RESERVATION_ID, reservation_id):
        return None
    scopes = wiring.query().scopes
    known = scopes.uncovered(reservation_id) or scopes.gone(reservation_id)
    return known if known is None or as_of is None else answers.gone_by(known, as_of)


@app.get("/summary")
def summary() -> Response[str]:
    given = raw_query()
    query = parse_list(given, parameters.SUMMARY)
    context, chosen = context_of(query.as_of), of_ids(query.filter)
    return json_response(answers.summary(context, chosen, wiring.query().prices(), query.warnings))


@app.get("/prices")
def prices() -> Response[str]:
    query = parse_list(raw_query(), parameters.PRICES)
    known, chosen = wiring.query().prices(), of_ids(query.filter)
    return json_response(answers.prices(context_of(), chosen, known, query.warnings))


@app.get("/stranded")
def stranded() -> Response[str]:
    from lambdas.api.stranded import answer

    query, parts = parse_list(raw_query(), parameters.STRANDED), wiring.query()
    chosen = of_ids(query.filter)
    if not parts.settings.stranded:
        return problem(404, "Not collected", "The setting stranded of the stack is off.")
    known, prices = parts.stranded.read(), parts.prices()
    return json_response(answer(context_of(), chosen, known, prices, query.warnings))


@app.get("/usage")
def usage() -> Response[str]:
    from lambdas.api.usage import answer, to_usage_query

    values, now = parse(raw_query(), parameters.USAGE), wiring.now()
    query = to_usage_query(values, now)
    query = replace(query, chosen=of_ids(query.chosen))
    period, reader = query.period, wiring.query().usage()
    accepted = app.current_event.headers.get("accept-encoding")
    try:
        spans = reader.between(period.since, period.until, now, query.is_total)
        most = responses.most_usage_rows(accepted)
        context = context_of_scopes()
        found = answer(query, spans, wiring.query().prices(), most, context.labels)
    except TooLarge as error:
        return responses.ask_sql(str(error), query)
    missing = {"missing_days": sorted(reader.missing), "collection": context.collection}
    response = packed(json_response(found.text(**missing)), accepted)
    if is_too_large(response.body):
        return responses.ask_sql(f"{len(found.rows):,} rows", query)
    return response


@app.get("/events")
def events() -> Response[str]:
    given = raw_query()
    values = of_accounts(parse(given, parameters.EVENTS))
    found = answers.matching_events(wiring.query().events.between(*period(values)), values)
    context, fingerprint = context_of(), fingerprint_of(given)
    return page_of(lambda page: answers.events(context, found, page, fingerprint), to_page(values))


@app.get("/status")
def status() -> Response[str]:
    given = raw_query()
    values = of_accounts(parse(given, parameters.STATUS))
    as_of = values.get("as_of", [None])[0]
    runs = wiring.query().runs.latest(RUNS_SHOWN, as_of)
    context = context_of_scopes() if as_of is None else context_of(as_of)
    fingerprint = fingerprint_of(given)
    pace = wiring.query().pace()
    return page_of(
        lambda page: {**answers.status(context, runs, values, page, fingerprint), "watches": pace},
        to_page(values),
    )


@app.get("/fleets")
def fleets() -> Response[str]:
    from lambdas.api.fleets import fleets as answer

    values, context, fingerprint = _scoped(parameters.FLEETS)
    stored = wiring.query().fleets.everything()
    return page_of(lambda page: answer(context, stored, values, page, fingerprint), to_page(values))


@app.get("/topology")
def topology() -> Response[str]:
    from lambdas.api.topology import topology as answer

    values, context, fingerprint = _scoped(parameters.TOPOLOGY)
    stored = wiring.query().topology.everything()
    return page_of(lambda page: answer(context, stored, values, page, fingerprint), to_page(values))


def _scoped(takes: tuple[Parameter, ...]) -> tuple[dict[str, list[Any]], Context, str]:
    """The values of a request with the ids of accounts, the scopes, and the query."""
    given = raw_query()
    return of_accounts(parse(given, takes)), context_of_scopes(), fingerprint_of(given)


@app.get("/validate")
def validate_run() -> Response[str]:
    from truffle.core.candidates import TrainingRequest

    values = parse(raw_query(), parameters.VALIDATE)
    request = TrainingRequest(
        values["instance_type"][0],
        values["count"][0],
        values["days"][0] * 24,
        values.get("start_by", [None])[0],
    )
    context = context_of()
    validation = _placed(answers.validated(context, request))
    return fitting_json(
        lambda shown: answers.validation(context, validation, shown),
        len(context.view.rows),
        least=0,
    )


def _placed(validation: Validation) -> Validation:
    """The validation with the last known network nodes of the reservations found."""
    from lambdas.api.topology import placements_of

    found = validation.found
    row = found.reservation if found is not None else None
    if found is None or row is None or row.account_id is None:
        return validation
    known = wiring.query().placements.of_scope(Scope(row.account_id, row.region))
    return replace(validation, placements=placements_of(found.rows, known))
