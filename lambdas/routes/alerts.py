"""Routes of alerts: explain, test, republish.

They are rarely used; their modules are imported with their first request.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler import Response

from lambdas import wiring
from lambdas.api.responses import (
    json_response,
    problem,
)
from lambdas.routes.request import app, period, raw_query
from truffle.core import parameters
from truffle.core.codec import Json
from truffle.core.events import from_message, to_message
from truffle.core.parameters import BadParameter, parse

if TYPE_CHECKING:
    from truffle.alerts.settings import Route

AMBIGUOUS_SHOWN = 5


@app.get("/alerts/explain")
def explain_alert() -> Response[str]:
    values = parse(raw_query(), parameters.EXPLAIN)
    event_id = values["event_id"][0]
    since, until = period({"since": [wiring.now() - parameters.EXPLAINED], **values})
    found = wiring.query().events.find(event_id, since, until)
    if not found:
        detail = (
            f"No event since {since:%Y-%m-%d} has the id {event_id}; an earlier since searches "
            "further back."
        )
        return problem(404, "Unknown event", detail)
    if len(found) > 1:
        raise BadParameter("event_id", event_id, _ambiguous(found))
    event = from_message(found[0])
    known = wiring.query().deliveries.of_event(event.event_id)
    from truffle.alerts.explanation import explain_delivered

    decisions = explain_delivered(event, wiring.query().alert_settings, known)
    return json_response({"event": found[0], "decisions": decisions})


def _ambiguous(found: list[Json]) -> str:
    names = ", ".join(sorted(message["event_id"] for message in found)[:AMBIGUOUS_SHOWN])
    return (
        f"The ids of {len(found)} events begin with this: give more digits. Some of them: {names}."
    )


@app.post("/alerts/test")
def try_route() -> Response[str]:
    from lambdas.api.samples import send_sample
    from truffle.alerts.sample import sample_event

    route = _route(parse(raw_query(), parameters.TEST)["route"][0])
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
    from lambdas.republishing import ask_publisher

    given = raw_query()
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
    """Raises BadParameter for an unknown route."""
    routes = {route.name: route for route in wiring.query().alert_settings.routes}
    if name not in routes:
        known = f"The routes are {', '.join(routes)}." if routes else "The stack has no routes."
        raise BadParameter("route", name, f"The route is unknown. {known}")
    return routes[name]
