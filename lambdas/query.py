"""``query``: answer the API's routes from the inventory in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.api import answers, feeds, responses
from lambdas.api.answers import Context
from lambdas.api.feeds import Chosen
from lambdas.api.openapi import document
from lambdas.api.responses import (
    fitting_json,
    is_too_large,
    json_response,
    page_of,
    problem,
    too_large,
)
from lambdas.api.samples import send_sample
from lambdas.observability import logger
from lambdas.overview import recent_events
from lambdas.republishing import ask_publisher
from truffle.alerts.explanation import explain_delivered
from truffle.alerts.sample import sample_event
from truffle.alerts.settings import Route
from truffle.core import parameters
from truffle.core.candidates import TrainingRequest
from truffle.core.codec import Json
from truffle.core.events import from_message, to_message
from truffle.core.filters import Filter
from truffle.core.model import ReservationType
from truffle.core.order import Order
from truffle.core.parameters import RESERVATION_ID, BadParameter, Parameter, parse
from truffle.core.queries import parse_filter, parse_list, to_filter, to_page, unknown_words
from truffle.core.status import judge

app = APIGatewayHttpResolver()

DEFAULT_EVENTS = timedelta(days=7)
RUNS_SHOWN = 10
AMBIGUOUS_SHOWN = 5
UNTIL_LATER = timedelta(seconds=1)


def _context() -> Context:
    parts, now = wiring.query(), wiring.now()
    view = parts.inventory.view()
    judged = [judge(status, now, parts.allowed_age, parts.expected) for status in view.statuses]
    scopes = sorted(judged, key=lambda each: each.scope)
    return Context(parts.names.of(view), now, scopes, parts.names.labels, parts.names.directory)


def _of_ids(chosen: Filter) -> Filter:
    """The filter with ids in the place of accounts' names. Raises BadParameter."""
    return replace(chosen, accounts=wiring.query().names.ids(chosen.accounts))


def _given() -> dict[str, list[str]]:
    """The query as it came: the event's own parsed form joins repeated parameters with commas."""
    return parse_qs(app.current_event.raw_event.get("rawQueryString", ""), keep_blank_values=True)


def _question(given: Mapping[str, list[str]]) -> str:
    return answers.question_of(app.current_event.path, given)


@app.exception_handler(BadParameter)  # type: ignore[untyped-decorator]
def bad_parameter(error: BadParameter) -> Response[str]:
    return responses.bad_parameter(error)


@app.not_found
def no_route(error: NotFoundError) -> Response[str]:
    allowed = _methods_of(app.current_event.path)
    if not allowed:
        return problem(404, "No such route", f"The routes are {', '.join(document()['paths'])}.")
    listed = ", ".join(allowed)
    response = problem(405, "Method not allowed", f"The method must be {' or '.join(allowed)}.")
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
    chosen = _of_ids(parsed.filter)
    if only is not None:
        chosen = replace(chosen, types=frozenset({only}))
    context, question = _context(), _question(given)
    return page_of(
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
    return _list(parameters.list_of(ReservationType.ODCR), ReservationType.ODCR)


@app.get("/capacity-blocks")
def capacity_blocks() -> Response[str]:
    return _list(
        parameters.list_of(ReservationType.CAPACITY_BLOCKS), ReservationType.CAPACITY_BLOCKS
    )


@app.get("/reservations/<reservation_id>")
def reservation(reservation_id: str) -> Response[str]:
    parse(_given(), ())
    context = _context()
    row = context.view.by_id.get(reservation_id)
    known = context.view.encoded(row) if row else _gone(reservation_id)
    if known is None:
        detail = f"No scope lists or has listed {reservation_id[: responses.LONGEST_VALUE_SHOWN]}."
        return problem(404, "No such reservation", detail, collection=context.collection)
    messages = wiring.query().events.of_reservation(reservation_id)
    return fitting_json(
        lambda shown: answers.reservation(context, known, messages, shown), len(messages), least=0
    )


def _gone(reservation_id: str) -> Json | None:
    """What is known of a reservation that no list has any more; nothing where it can be none: an
    id of more than 1,024 bytes is no key that DynamoDB takes."""
    if not re.fullmatch(RESERVATION_ID, reservation_id):
        return None
    scopes = wiring.query().scopes
    return scopes.uncovered(reservation_id) or scopes.gone(reservation_id)


@app.get("/summary")
def summary() -> Response[str]:
    given = _given()
    warnings = list(unknown_words(parse(given, parameters.FILTERS)))
    return json_response(answers.summary(_context(), _of_ids(parse_filter(given)), warnings))


@app.get("/events")
def events() -> Response[str]:
    given = _given()
    values = parse(given, parameters.EVENTS)
    found = answers.matching_events(wiring.query().events.between(*_period(values)), values)
    context, question = _context(), _question(given)
    return page_of(lambda page: answers.events(context, found, page, question), to_page(values))


def _period(values: Mapping[str, list[Any]]) -> tuple[datetime, datetime]:
    """Since when and until when events are asked for. Events that are older than the table keeps
    them are in no day that would be worth a read."""
    latest = wiring.now() + UNTIL_LATER
    earliest = latest - timedelta(days=int(wiring.query().settings.event_retention_days) + 1)
    until = max(earliest, min(latest, values.get("until", [latest])[0]))
    since = values.get("since", [until - DEFAULT_EVENTS])[0]
    return max(earliest, since), until


@app.get("/status")
def status() -> Response[str]:
    given = _given()
    values = parse(given, parameters.STATUS)
    accounts = wiring.query().names.ids(values.get("account", ()))
    values = {**values, "account": sorted(accounts)} if accounts else values
    runs = wiring.query().runs.latest(RUNS_SHOWN)
    context, question = _context(), _question(given)
    return page_of(
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
    return fitting_json(
        lambda shown: answers.validation(context, request, shown), len(context.view.rows), least=0
    )


@app.get("/alerts/explain")
def explain_alert() -> Response[str]:
    values = parse(_given(), parameters.EXPLAIN)
    event_id = values["event_id"][0]
    since, until = _period({"since": [wiring.now() - parameters.EXPLAINED], **values})
    found = wiring.query().events.find(event_id, since, until)
    if not found:
        detail = f"No event since {since:%Y-%m-%d} has the id {event_id}; since looks further back."
        return problem(404, "No such event", detail)
    if len(found) > 1:
        raise BadParameter("event_id", event_id, _ambiguous(found))
    event = from_message(found[0])
    known = wiring.query().deliveries.of_event(event.event_id)
    decisions = explain_delivered(event, wiring.query().alert_settings, known)
    return json_response({"event": found[0], "decisions": decisions})


def _ambiguous(found: list[Json]) -> str:
    names = ", ".join(sorted(message["event_id"] for message in found)[:AMBIGUOUS_SHOWN])
    return f"The ids of {len(found)} events begin so: give more of it. Some are {names}."


@app.post("/alerts/test")
def try_route() -> Response[str]:
    route = _route(parse(_given(), parameters.TEST)["route"][0])
    message = to_message(sample_event(route, wiring.now()))
    queues = json.loads(wiring.query().settings.queues)
    sent = [
        send_sample(
            wiring.service("sqs"),
            queues[name],
            wiring.query().alert_settings.destination(name),
            message,
        )
        for name in route.to
    ]
    return json_response({"route": route.name, "event": message, "sent": sent})


@app.post("/alerts/republish")
def publish_again() -> Response[str]:
    given = _given()
    values = parse(given, parameters.REPUBLISH)
    since, until = values["since"][0], values.get("until", [wiring.now()])[0]
    if wiring.now() - since > parameters.REPUBLISHED:
        allowed = f"It must be at most {parameters.REPUBLISHED.days} days ago."
        raise BadParameter("since", given["since"][0], allowed)
    after = values.get("after", [None])[0]
    return json_response(
        ask_publisher(
            wiring.service("lambda"), wiring.query().settings.publisher, since, until, after
        )
    )


def _route(name: str) -> Route:
    """Raises BadParameter for a route that there is not."""
    routes = {route.name: route for route in wiring.query().alert_settings.routes}
    if name not in routes:
        known = f"The routes are {', '.join(routes)}." if routes else "This stack has no routes."
        raise BadParameter("route", name, f"There is no such route. {known}")
    return routes[name]


def _chosen() -> tuple[Context, Chosen]:
    """What the filters of a report or a calendar keep."""
    chosen = _of_ids(parse_filter(_given()))
    recent = recent_events(wiring.query().events, wiring.now())
    context = _context()
    return context, feeds.choose(context, chosen, recent)


@app.get("/report")
def report() -> Response[str]:
    context, chosen = _chosen()
    prices = wiring.query().alert_settings.thresholds.prices
    return feeds.report(context, chosen, wiring.query().settings.stack, prices)


@app.get("/calendar.ics")
def calendar() -> Response[str]:
    return feeds.calendar(*_chosen(), wiring.query().reports)


@app.get("/metrics")
def metrics() -> Response[str]:
    values = parse(_given(), parameters.METRICS)
    chosen = _of_ids(to_filter(values))
    context = _context()
    matches = context.view.sorted(Order()).matches(chosen)
    prices = wiring.query().alert_settings.thresholds.prices
    rows = matches.first(len(matches))
    return feeds.metrics(context, feeds.Measured(rows, chosen, "by" in values), prices)


@app.get("/openapi.json")
def openapi() -> Response[str]:
    parse(_given(), ())
    return json_response(
        document(tuple(route.name for route in wiring.query().alert_settings.routes))
    )


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
    if is_too_large(answer["body"]):
        refusal = too_large()
        headers = {**answer["headers"], "Content-Type": refusal.content_type}
        answer |= {"statusCode": refusal.status_code, "headers": headers, "body": refusal.body}
    return answer | {"body": ""} if method == "HEAD" else answer
