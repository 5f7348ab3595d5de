"""The description of the API (OpenAPI 3.1), generated from the parameters and the model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from lambdas.api.capacity_schemas import capacity_schemas
from lambdas.api.market_schemas import market_schemas
from lambdas.api.money_schemas import money_schemas
from lambdas.api.schemas import array, one_of, ref, schemas
from truffle.core import parameters
from truffle.core.codec import FIELD_NAMES, Json
from truffle.core.kinds.registry import CLASSES, KINDS
from truffle.core.market.queries import HISTORY, OFFERINGS
from truffle.core.parameters import RESERVATION_ID, Parameter
from truffle.version import VERSION


def _parameter(parameter: Parameter) -> Json:
    schema: Json = dict(parameter.schema)
    described: Json = {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": f"{parameter.description} {parameter.allowed}",
        "schema": {**array(schema), "minItems": 1} if parameter.many else schema,
    }
    if parameter.many:
        described |= {"style": "form", "explode": False}
    return described


def _answer(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problem(description: str) -> Json:
    content = {"application/problem+json": {"schema": ref("Problem")}}
    return {"description": description, "content": content}


def _refusals() -> Json:
    return {
        "400": _problem("A parameter is unknown or invalid, or the response is too large."),
        "403": {"description": "The request is not signed, or its caller may not call this API."},
    }


def _get(summary: str, schema: str, takes: Iterable[Parameter] = ()) -> Json:
    return {"get": _operation(summary, schema, map(_parameter, takes))}


def _get_text(summary: str, content_type: str, takes: Iterable[Parameter] = ()) -> Json:
    """A response that is not JSON."""
    content = {content_type: {"schema": {"type": "string"}}}
    answers = {"200": {"description": "The response.", "content": content}, **_refusals()}
    parameters = list(map(_parameter, takes))
    return {"get": {"summary": summary, "parameters": parameters, "responses": answers}}


def _open_feed() -> Json:
    """The one route without a signature."""
    described = _get_text(
        "The calendar for clients that cannot sign requests; requires the setting calendar_feed.",
        "text/calendar",
        parameters.CALENDAR_FEED,
    )
    operation = described["get"]
    operation["security"] = []
    operation["responses"]["403"] = _problem("The token of the feed is invalid.")
    operation["responses"]["404"] = _problem("The stack has no calendar feed.")
    return described


def _get_one(summary: str, schema: str, *takes: Json) -> Json:
    """One item by its id, which may be unknown."""
    operation = _operation(summary, schema, takes)
    operation["responses"]["404"] = _problem("No reservation has this id, or had it at that time.")
    return {"get": operation}


def _post(summary: str, schema: str, takes: Iterable[Parameter]) -> Json:
    return {"post": _operation(summary, schema, map(_parameter, takes))}


def _operation(summary: str, schema: str, takes: Iterable[Json]) -> Json:
    listed = list(takes)
    answers = {"200": _answer("The response.", ref(schema)), **_refusals()}
    if any(each["name"] == parameters.AS_OF.name for each in listed):
        answers |= _refusals_of_the_past()
    return {"summary": summary, "parameters": listed, "responses": answers}


def _refusals_of_the_past() -> Json:
    return {
        "404": _problem("The time is before the first snapshot, whose time the response gives."),
        "503": _problem("The bucket with the snapshots cannot be read."),
    }


def _field_counts() -> str:
    """``ODCR 34, Capacity block 35``."""
    counts = {cls.kind.noun: len(FIELD_NAMES[cls.__name__]) for cls in CLASSES.values()}
    return ", ".join(f"{noun} {count}" for noun, count in counts.items())


@cache
def document(alert_routes: tuple[str, ...] = ()) -> Json:
    """The whole description, for a stack with these routes of alerts; a test compares its paths
    with the function's routes."""
    reservation_id = {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The id of the reservation; an unknown id returns 404.",
        "schema": {"type": "string", "pattern": f"^{RESERVATION_ID}$"},
    }
    tested = [replace(each, schema=one_of(alert_routes)) for each in parameters.TEST]
    openapi = {"description": "This document.", "content": {"application/json": {"schema": {}}}}
    paths = {
        "/reservations": _get("Reservations of all types.", "ReservationList", parameters.LIST),
        **{
            kind.path: _get(kind.about, "ReservationList", parameters.list_of(name))
            for name, kind in KINDS.items()
        },
        "/reservations/{id}": _get_one(
            "One reservation, with its events.",
            "ReservationWithEvents",
            reservation_id,
            *map(_parameter, parameters.ONE),
        ),
        "/summary": _get("Totals of reservations.", "Summary", parameters.SUMMARY),
        "/prices": _get("Known prices, by source.", "Prices", parameters.PRICES),
        "/stranded": _get(
            "On-Demand instances that run while reserved capacity is idle.",
            "Stranded",
            parameters.STRANDED,
        ),
        "/usage": _get("Reserved, used and idle hours, and their cost.", "Usage", parameters.USAGE),
        "/offerings": _get(
            "Blocks for sale that the watches found, with the answer of each region.",
            "OfferingList",
            OFFERINGS,
        ),
        "/offerings/history": _get(
            "The price and the lead time of each answer to a watch.", "OfferingHistory", HISTORY
        ),
        "/events": _get("Events, the newest first.", "EventList", parameters.EVENTS),
        "/status": _get(
            "Scopes with their totals, and the last runs.", "Status", parameters.STATUS
        ),
        "/fleets": _get(
            "Capacity Reservation Fleets, their targets and members.",
            "FleetList",
            parameters.FLEETS,
        ),
        "/topology": _get(
            "The network nodes of reservations and blocks.", "PlacementList", parameters.TOPOLOGY
        ),
        "/validate": _get(
            "Whether a training run has capacity.", "Validation", parameters.VALIDATE
        ),
        "/report": _get_text("The report, an HTML page.", "text/html", parameters.FILTERS),
        "/calendar.ics": _get_text(
            "The capacity blocks as a calendar (RFC 5545).", "text/calendar", parameters.FILTERS
        ),
        "/calendar-feed.ics": _open_feed(),
        "/metrics": _get_text(
            "Capacity metrics, as OpenMetrics text.",
            "application/openmetrics-text",
            parameters.METRICS,
        ),
        "/alerts/explain": _get_one(
            "Which destinations get an event, why, and how its delivery went.",
            "Explanation",
            *map(_parameter, parameters.EXPLAIN),
        ),
        "/alerts/test": _post("Sends a sample to each destination of a route.", "Trial", tested),
        "/alerts/republish": _post(
            "Publishes events that could not be published earlier.",
            "Republication",
            parameters.REPUBLISH,
        ),
        "/openapi.json": {
            "get": {
                "summary": "This OpenAPI document.",
                "responses": {"200": openapi, **_refusals()},
            }
        },
    }
    for path, item in paths.items():
        for method, operation in item.items():
            operation["operationId"] = _operation_id(method, path)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "truffle",
            "version": VERSION,
            "description": "GPU capacity held on AWS: ODCRs and Capacity Blocks for ML. "
            f"Times are UTC. Fields: {_field_counts()}; absent values are null.",
        },
        "paths": paths,
        "components": {
            "schemas": {
                **schemas(),
                **market_schemas(),
                **capacity_schemas(),
                **money_schemas(),
            },
            "securitySchemes": {
                "sigv4": {
                    "type": "apiKey",
                    "name": "Authorization",
                    "in": "header",
                    "description": "AWS Signature Version 4, service execute-api.",
                }
            },
        },
        "security": [{"sigv4": []}],
    }


def _operation_id(method: str, path: str) -> str:
    words = (
        path.replace(".json", "")
        .replace(".ics", "")
        .replace("{id}", "by id")
        .replace("-", " ")
        .replace("/", " ")
    )
    return method + "".join(word.capitalize() for word in words.split())
