"""``query``: answers the API's routes from the inventory in memory."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs, quote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.alert_settings import load
from lambdas.api import answers
from lambdas.api.answers import Context
from lambdas.api.inventory import Inventory
from lambdas.api.openapi import document
from lambdas.api.samples import send_sample
from lambdas.clients import now, service
from lambdas.observability import logger
from lambdas.republishing import ask_publisher
from lambdas.settings import QuerySettings, comma_separated
from lambdas.store.deliveries import DeliveryStore
from lambdas.store.events import EventStore
from lambdas.store.runs import RunStore
from lambdas.store.scopes import ScopeStore
from truffle.alerts.explanation import explain_delivered
from truffle.alerts.sample import sample_event
from truffle.alerts.settings import AlertSettings, Route
from truffle.core import parameters
from truffle.core.codec import Json
from truffle.core.events import from_message, to_message
from truffle.core.expected import ExpectedDenials, expected_denials
from truffle.core.model import CAPACITY_BLOCK, ODCR
from truffle.core.parameters import RESERVATION_ID, BadParameter, Parameter, parse
from truffle.core.queries import Page, parse_filter, parse_list, to_page, unknown_words
from truffle.core.status import judge
from truffle.core.validation import TrainingRequest

app = APIGatewayHttpResolver()

DEFAULT_EVENTS = timedelta(days=7)
RUNS_SHOWN = 10
AMBIGUOUS_SHOWN = 5
UNTIL_LATER = timedelta(seconds=1)
LONGEST_ANSWER = 6_000_000
"""Bytes as Lambda counts them: it takes 6 MB of an answer, in which the JSON is one string more."""
LONGEST_TEXT_SHOWN = 1000
"""Characters of a refused value that the refusal repeats."""


@cache
def _settings() -> QuerySettings:
    return QuerySettings.from_env(os.environ)


@cache
def _inventory() -> Inventory:
    return Inventory(ScopeStore(service("dynamodb"), _settings().table))


@cache
def _alert_settings() -> AlertSettings:
    return load()


@cache
def _expected() -> ExpectedDenials:
    return expected_denials(comma_separated(_settings().expected_denied))


def _events() -> EventStore:
    return EventStore(service("dynamodb"), _settings().table)


def _context() -> Context:
    """A scope that missed two periods of the schedule has old data."""
    allowed_age = timedelta(minutes=2 * float(_settings().schedule_minutes))
    view, moment = _inventory().view(), now()
    judged = [judge(status, moment, allowed_age, _expected()) for status in view.statuses]
    return Context(view, moment, sorted(judged, key=lambda each: each.scope))


def _given() -> dict[str, list[str]]:
    """The query as it came: the event's own parsed form joins repeated parameters with commas."""
    return parse_qs(app.current_event.raw_event.get("rawQueryString", ""), keep_blank_values=True)


def _question(given: Mapping[str, list[str]]) -> str:
    return answers.question_of(app.current_event.path, given)


def _json(
    body: Json | str, status: int = 200, content_type: str = "application/json"
) -> Response[str]:
    """A response; the body is an object, or the JSON text of one."""
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
    return Response(status, content_type, text)


def _size(text: str) -> int:
    """The bytes of a body of ASCII as Lambda counts them."""
    return len(text) + text.count('"') + text.count("\\")


def _is_too_large(text: str | None) -> bool:
    """A character counts at most twice: short texts are not counted."""
    return text is not None and 2 * len(text) > LONGEST_ANSWER and _size(text) > LONGEST_ANSWER


def _fitting(answer: Callable[[int], Json | str], most: int, least: int = 1) -> Response[str]:
    """An answer with so many items, or with fewer where it would be too large."""
    response = _json(answer(most))
    while _is_too_large(response.body) and most > least:
        fitting = most * LONGEST_ANSWER // _size(response.body or "")
        most = max(least, min(most - 1, fitting))
        response = _json(answer(most))
    return response


def _page(answer: Callable[[Page], Json | str], page: Page) -> Response[str]:
    """A part of a list; a shorter one than asked for where the answer would be too large."""
    return _fitting(lambda limit: answer(replace(page, limit=limit)), page.limit)


def _problem(status: int, title: str, detail: str, **more: Any) -> Response[str]:
    """RFC 9457: what is wrong, for programs and people."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return _json(body, status, "application/problem+json")


def _too_large() -> Response[str]:
    detail = (
        f"The answer has more than {LONGEST_ANSWER} bytes, which is more than can be returned. Ask "
        "for less: filter by region, account or instance type, or read the snapshots in the bucket."
    )
    return _problem(400, "Answer too large", detail)


@app.exception_handler(BadParameter)  # type: ignore[untyped-decorator]
def bad_parameter(error: BadParameter) -> Response[str]:
    value = error.value[:LONGEST_TEXT_SHOWN]
    shown = BadParameter(error.name, value, error.allowed, error.nearest)
    more = {"parameter": shown.name, "value": shown.value, "allowed": shown.allowed}
    return _problem(400, "Bad parameter", str(shown), **more)


@app.not_found
def no_route(error: NotFoundError) -> Response[str]:
    allowed = _methods_of(app.current_event.path)
    if not allowed:
        return _problem(404, "No such route", f"The routes are {', '.join(document()['paths'])}.")
    listed = ", ".join(allowed)
    response = _problem(405, "Method not allowed", f"The method must be {' or '.join(allowed)}.")
    response.headers["Allow"] = listed
    return response


def _methods_of(path: str) -> list[str]:
    """The methods that a path takes, none where there is no such route."""
    for template, operations in document()["paths"].items():
        if re.fullmatch(template.replace(".", r"\.").replace("{id}", "[^/]+"), path):
            methods = [method.upper() for method in operations]
            return [*methods, "HEAD"] if "GET" in methods else methods
    return []


def _list(takes: tuple[Parameter, ...], only: str | None = None) -> Response[str]:
    given = _given()
    parsed = parse_list(given, takes)
    chosen = parsed.filter if only is None else replace(parsed.filter, types=frozenset({only}))
    context, question = _context(), _question(given)
    return _page(
        lambda page: answers.reservations(
            context, replace(parsed, filter=chosen, page=page), question
        ),
        parsed.page,
    )


@app.get("/reservations")
def reservations() -> Response[str]:
    return _list(parameters.LIST)


@app.get("/odcrs")
def odcrs() -> Response[str]:
    return _list(parameters.list_of(ODCR), ODCR)


@app.get("/capacity-blocks")
def capacity_blocks() -> Response[str]:
    return _list(parameters.list_of(CAPACITY_BLOCK), CAPACITY_BLOCK)


@app.get("/reservations/<reservation_id>")
def reservation(reservation_id: str) -> Response[str]:
    parse(_given(), ())
    context = _context()
    row = context.view.by_id.get(reservation_id)
    known = context.view.encoded(row) if row else _gone(reservation_id)
    if known is None:
        detail = f"No scope lists or has listed {reservation_id[:LONGEST_TEXT_SHOWN]}."
        return _problem(404, "No such reservation", detail, collection=context.collection)
    messages = _events().of_reservation(reservation_id)
    return _fitting(
        lambda shown: answers.reservation(context, known, messages, shown), len(messages), least=0
    )


def _gone(reservation_id: str) -> Json | None:
    """What is known of a reservation that no list has any more; nothing where it can be none: an
    id of more than 1,024 bytes is no key that DynamoDB takes."""
    if not re.fullmatch(RESERVATION_ID, reservation_id):
        return None
    scopes = ScopeStore(service("dynamodb"), _settings().table)
    return scopes.uncovered(reservation_id) or scopes.gone(reservation_id)


@app.get("/summary")
def summary() -> Response[str]:
    given = _given()
    warnings = list(unknown_words(parse(given, parameters.FILTERS)))
    return _json(answers.summary(_context(), parse_filter(given), warnings))


@app.get("/events")
def events() -> Response[str]:
    given = _given()
    values = parse(given, parameters.EVENTS)
    found = answers.matching_events(_events().between(*_period(values)), values)
    context, question = _context(), _question(given)
    return _page(lambda page: answers.events(context, found, page, question), to_page(values))


def _period(values: Mapping[str, list[Any]]) -> tuple[datetime, datetime]:
    """Since when and until when events are asked for. Events that are older than the table keeps
    them are in no day that would be worth a read."""
    latest = now() + UNTIL_LATER
    earliest = latest - timedelta(days=int(_settings().event_retention_days) + 1)
    until = max(earliest, min(latest, values.get("until", [latest])[0]))
    since = values.get("since", [until - DEFAULT_EVENTS])[0]
    return max(earliest, since), until


@app.get("/status")
def status() -> Response[str]:
    given = _given()
    values = parse(given, parameters.STATUS)
    runs = RunStore(service("dynamodb"), _settings().table).latest(RUNS_SHOWN)
    context, question = _context(), _question(given)
    return _page(
        lambda page: answers.status(context, runs, values, page, question), to_page(values)
    )


@app.get("/validate")
def validate_run() -> Response[str]:
    values = parse(_given(), parameters.VALIDATE)
    request = TrainingRequest(
        values["instance_type"][0],
        values["count"][0],
        values["days"][0] * 24,
        values.get("start_by", [None])[0],
    )
    context = _context()
    return _fitting(
        lambda shown: answers.validation(context, request, shown), len(context.view.rows), least=0
    )


@app.get("/alerts/explain")
def explain_alert() -> Response[str]:
    values = parse(_given(), parameters.EXPLAIN)
    event_id = values["event_id"][0]
    since, until = _period({"since": [now() - parameters.EXPLAINED], **values})
    found = _events().find(event_id, since, until)
    if not found:
        detail = f"No event since {since:%Y-%m-%d} has the id {event_id}; since looks further back."
        return _problem(404, "No such event", detail)
    if len(found) > 1:
        raise BadParameter("event_id", event_id, _ambiguous(found))
    deliveries = DeliveryStore(service("dynamodb"), _settings().table)
    event = from_message(found[0])
    known = deliveries.of_event(event.event_id)
    decisions = explain_delivered(event, _alert_settings(), known)
    return _json({"event": found[0], "decisions": decisions})


def _ambiguous(found: list[Json]) -> str:
    names = ", ".join(sorted(message["event_id"] for message in found)[:AMBIGUOUS_SHOWN])
    return f"The ids of {len(found)} events begin so: give more of it. Some are {names}."


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


@app.post("/alerts/republish")
def publish_again() -> Response[str]:
    given = _given()
    values = parse(given, parameters.REPUBLISH)
    since, until = values["since"][0], values.get("until", [now()])[0]
    if now() - since > parameters.REPUBLISHED:
        allowed = f"It takes a time at most {parameters.REPUBLISHED.days} days ago."
        raise BadParameter("since", given["since"][0], allowed)
    after = values.get("after", [None])[0]
    return _json(ask_publisher(service("lambda"), _settings().publisher, since, until, after))


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
    return _json(document(tuple(route.name for route in _alert_settings().routes)))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """An HTTP API event (payload 2.0) to its answer; HEAD is GET without the body.

    The path is encoded first: Powertools knows no line breaks and few other characters in one.
    """
    request = event["requestContext"]
    method = request["http"]["method"]
    asked = "GET" if method == "HEAD" else method
    answer = app.resolve(
        {
            **event,
            "rawPath": quote(event["rawPath"], safe="/%", errors="replace"),
            "requestContext": {**request, "http": {**request["http"], "method": asked}},
        },
        context,
    )
    if _is_too_large(answer["body"]):
        refusal = _too_large()
        headers = {**answer["headers"], "Content-Type": refusal.content_type}
        answer |= {"statusCode": refusal.status_code, "headers": headers, "body": refusal.body}
    return answer | {"body": ""} if method == "HEAD" else answer
