"""``query``: answers the API's routes from the inventory in memory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.alert_settings import load
from lambdas.api import answers
from lambdas.api.answers import Context
from lambdas.api.openapi import document
from lambdas.api.trial import send_sample
from lambdas.clients import now, service
from lambdas.inventory import Inventory
from lambdas.settings import QuerySettings
from lambdas.store.events import EventStore
from lambdas.store.runs import RunStore
from lambdas.store.scopes import ScopeStore
from lambdas.telemetry import logger
from truffle.alerts.explaining import explain
from truffle.alerts.sample import sample_event
from truffle.alerts.settings import AlertSettings, Route
from truffle.core import parameters
from truffle.core.advice import TrainingRequest, parse_start_by, validate
from truffle.core.codec import Json
from truffle.core.events import from_message, to_message
from truffle.core.model import CAPACITY_BLOCK, ODCR
from truffle.core.parameters import (
    BadParameter,
    Page,
    parse,
    parse_filter,
    parse_list,
    to_page,
)
from truffle.core.times import format_time

app = APIGatewayHttpResolver()

DEFAULT_EVENTS = timedelta(days=7)
LONGEST_EVENTS = timedelta(days=400)
"""The most that one answer spans: each day is a read of the table, and a request has 29 s."""
FIRST_EVENTS = datetime(2020, 1, 1, tzinfo=UTC)
"""No event is older: neither is this software."""
RUNS_SHOWN = 10
UNTIL_LATER = timedelta(seconds=1)
LONGEST_ANSWER = 6_000_000
"""Bytes as Lambda counts them: it takes 6 MB of an answer, in which the JSON is one string more."""


@cache
def _settings() -> QuerySettings:
    return QuerySettings.from_env(os.environ)


@cache
def _inventory() -> Inventory:
    return Inventory(ScopeStore(service("dynamodb"), _settings().table))


@cache
def _alert_settings() -> AlertSettings:
    return load()


def _events() -> EventStore:
    return EventStore(service("dynamodb"), _settings().table)


def _context() -> Context:
    """A scope that missed two periods of the schedule has old data."""
    allowed_age = timedelta(minutes=2 * float(_settings().schedule_minutes))
    return Context(_inventory().view(), now(), allowed_age)


def _given() -> dict[str, list[str]]:
    """The query as it came: the event's own parsed form joins repeated parameters with commas."""
    return parse_qs(app.current_event.raw_event.get("rawQueryString", ""), keep_blank_values=True)


def _json(
    body: Json | str, status: int = 200, content_type: str = "application/json"
) -> Response[str]:
    """A response; the body is an object, or the JSON text of one."""
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
    return Response(status, content_type, text)


def _fitting(answer: Callable[[int], Json | str], most: int) -> Response[str]:
    """An answer with so many items, or with fewer where it would be too long."""
    response = _json(answer(most))
    while _is_too_long(response.body or "") and most > 1:
        most //= 2
        response = _json(answer(most))
    return response


def _is_too_long(text: str) -> bool:
    """Characters that need an escape count twice. Counting them is skipped for short texts."""
    length = len(text)
    return 2 * length > LONGEST_ANSWER and (
        length + text.count('"') + text.count("\\") > LONGEST_ANSWER
    )


def _page(answer: Callable[[Page], Json | str], page: Page) -> Response[str]:
    """A part of a list; a shorter one than asked for where the answer would be too long."""
    return _fitting(lambda limit: answer(replace(page, limit=limit)), page.limit)


def _problem(status: int, title: str, detail: str, **more: Any) -> Response[str]:
    """RFC 9457: what is wrong, for programs and people."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return _json(body, status, "application/problem+json")


@app.exception_handler(BadParameter)  # type: ignore[untyped-decorator]
def bad_parameter(error: BadParameter) -> Response[str]:
    more = {"parameter": error.name, "value": error.value, "allowed": error.allowed}
    return _problem(400, "Bad parameter", str(error), **more)


@app.not_found
def no_route(error: NotFoundError) -> Response[str]:
    return _problem(404, "No such route", f"The routes are {', '.join(document()['paths'])}.")


def _list(only: str | None = None) -> Response[str]:
    given = _given()
    if only is not None and given.get("type", [only]) != [only]:
        raise BadParameter("type", ",".join(given["type"]), f"This route answers {only} alone.")
    asked = given if only is None else given | {"type": [only]}
    query = parse_list(asked)
    context, question = _context(), answers.question_of(asked)
    return _page(
        lambda page: answers.reservations(context, replace(query, page=page), question), query.page
    )


@app.get("/reservations")
def reservations() -> Response[str]:
    return _list()


@app.get("/odcrs")
def odcrs() -> Response[str]:
    return _list(ODCR)


@app.get("/capacity-blocks")
def capacity_blocks() -> Response[str]:
    return _list(CAPACITY_BLOCK)


@app.get("/reservations/<reservation_id>")
def reservation(reservation_id: str) -> Response[str]:
    parse(_given(), ())
    context = _context()
    row = context.view.by_id.get(reservation_id)
    known = context.view.encoded(row) if row else _gone(reservation_id)
    if known is None:
        detail = f"No scope lists or has listed {reservation_id}."
        return _problem(404, "No such reservation", detail, collection=context.collection)
    messages = _events().of_reservation(reservation_id)
    return _fitting(
        lambda shown: answers.reservation(context, known, messages, shown), len(messages)
    )


def _gone(reservation_id: str) -> Json | None:
    """What is known of a reservation that no list has any more."""
    scopes = ScopeStore(service("dynamodb"), _settings().table)
    return scopes.uncovered(reservation_id) or scopes.gone(reservation_id)


@app.get("/summary")
def summary() -> Response[str]:
    chosen = parse_filter(_given())
    return _json(answers.summary(_context(), chosen))


@app.get("/events")
def events() -> Response[str]:
    given = _given()
    values = parse(given, parameters.EVENTS)
    found = answers.matching_events(_events().between(*_period(values)), values)
    context, question = _context(), answers.question_of(given)
    return _page(lambda page: answers.events(context, found, page, question), to_page(values))


def _period(values: Mapping[str, list[Any]]) -> tuple[datetime, datetime]:
    """Since when and until when events are asked for. Raises BadParameter."""
    latest = now() + UNTIL_LATER
    until = max(FIRST_EVENTS, min(latest, values.get("until", [latest])[0]))
    asked = values.get("since", [until - DEFAULT_EVENTS])[0]
    since = max(FIRST_EVENTS, asked)
    if until - since > LONGEST_EVENTS:
        allowed = f"It takes a time at most {LONGEST_EVENTS.days} days before until."
        raise BadParameter("since", format_time(asked), allowed)
    return since, until


@app.get("/status")
def status() -> Response[str]:
    parse(_given(), ())
    runs = RunStore(service("dynamodb"), _settings().table).latest(RUNS_SHOWN)
    return _json(answers.status(_context(), runs))


@app.get("/validate")
def validate_run() -> Response[str]:
    given = _given()
    values = parse(given, parameters.VALIDATE)
    context = _context()
    request = TrainingRequest(
        values["instance_type"][0],
        values["count"][0],
        values["days"][0] * 24,
        parse_start_by(given["start_by"][0]) if "start_by" in given else None,
    )
    rows = context.view.of_instance_type(request.instance_type)
    unknown = answers.unknown_regions(context)
    validation = validate(rows, request, context.now, unknown)
    return _json({**validation.to_json(), "collection": context.collection})


@app.get("/alerts/explain")
def explain_alert() -> Response[str]:
    event_id = parse(_given(), parameters.EXPLAIN)["event_id"][0]
    message = _events().find(event_id, now() + UNTIL_LATER, LONGEST_EVENTS.days)
    if message is None:
        detail = f"No event of the last {LONGEST_EVENTS.days} days has the id {event_id}."
        return _problem(404, "No such event", detail)
    event = from_message(message)
    decisions = explain(event, _alert_settings())
    return _json({"event": message, "decisions": decisions})


@app.post("/alerts/test")
def try_route() -> Response[str]:
    route = _route(parse(_given(), parameters.TEST)["route"][0])
    message = to_message(sample_event(route, now()))
    queues = json.loads(_settings().queues)
    sent = [
        send_sample(service("sqs"), queues[name], _alert_settings().destination(name), message)
        for name in route.to
    ]
    return _json({"route": route.name, "event": message, "sent": sent})


def _route(name: str) -> Route:
    """Raises BadParameter for a route that there is not."""
    routes = {route.name: route for route in _alert_settings().routes}
    if name not in routes:
        known = f"The routes are {', '.join(routes)}." if routes else "This stack has no routes."
        raise BadParameter("route", name, f"There is no such route. {known}")
    return routes[name]


@app.get("/openapi.json")
def openapi() -> Response[str]:
    parse(_given(), ())
    return _json(document())


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """An HTTP API event (payload 2.0) to its answer."""
    return app.resolve(event, context)
