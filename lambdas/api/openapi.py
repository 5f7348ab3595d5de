"""The description of the API (OpenAPI 3.1), made from the parameters and the model themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from functools import cache
from typing import Any

from truffle.alerts.explanation import DeliveryStatus
from truffle.alerts.routing import Outcome
from truffle.alerts.settings import Kind
from truffle.core import parameters
from truffle.core.codec import FIELD_NAMES
from truffle.core.events import EventType, Severity
from truffle.core.model import CAPACITY_BLOCK, ODCR, CapacityBlock, Odcr
from truffle.core.parameters import RESERVATION_ID, Parameter
from truffle.core.schema import schema_of
from truffle.core.status import NAMED_FAILURES, State
from truffle.version import VERSION

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_TEXT_OR_NULL: Json = {"type": ["string", "null"]}
_LABELS: Json = {"account_name": _TEXT_OR_NULL, "organizational_unit": _TEXT_OR_NULL}
_TIME: Json = {"type": "string", "format": "date-time"}
_TIME_OR_NULL: Json = {"anyOf": [_TIME, {"type": "null"}]}
_COUNT: Json = {"type": "integer", "minimum": 0}
_NUMBER_OR_NULL: Json = {"type": ["number", "null"]}


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _enumerated(values: type[StrEnum]) -> Json:
    return {"type": "string", "enum": [value.value for value in values]}


def _one_of(values: tuple[str, ...]) -> Json:
    return {"type": "string", "enum": list(values)}


def _array(items: Json) -> Json:
    return {"type": "array", "items": items}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _list_of(name: str, **more: Json) -> Json:
    return _object(
        items=_array(_ref(name)),
        next_token=_TEXT_OR_NULL,
        count=_COUNT,
        **more,
        collection=_ref("Collection"),
    )


def _counts() -> Json:
    return {"type": "object", "additionalProperties": _COUNT}


def _totals() -> Json:
    names = ("reservations", "total_capacity", "available_capacity", "used_capacity")
    return _object(
        **dict.fromkeys(names, _COUNT),
        instances=_NUMBER_OR_NULL,
        utilization=_NUMBER_OR_NULL,
        accelerators=_NUMBER_OR_NULL,
        idle_accelerators={"type": "number"},
        unknown_sizes=_COUNT,
        unknown_accelerators=_COUNT,
    )


def _schemas() -> Json:
    totals = {"type": "object", "additionalProperties": _ref("Totals")}
    groups = ("by_type", "by_region", "by_instance_type", "by_state")
    return {
        "Odcr": schema_of(Odcr),
        "CapacityBlock": schema_of(CapacityBlock),
        "Reservation": {"oneOf": [_ref("Odcr"), _ref("CapacityBlock")]},
        "FailedScope": _object(
            account_id=_TEXT,
            **_LABELS,
            region=_TEXT,
            error=_TEXT,
            message=_TEXT,
            last_success=_TIME_OR_NULL,
        ),
        "Collection": _object(
            complete={"type": "boolean"},
            observed_at=_TIME_OR_NULL,
            newest=_TIME_OR_NULL,
            failed_scopes={**_array(_ref("FailedScope")), "maxItems": NAMED_FAILURES},
            failed=_ref("Counted"),
            closed=_ref("Counted"),
        ),
        "Counted": _object(total=_COUNT, by_code=_counts()),
        "ReservationList": _list_of("Reservation", warnings=_array(_TEXT)),
        "ReservationWithEvents": {
            "allOf": [
                {"anyOf": [_ref("Odcr"), _ref("CapacityBlock")]},
                _object(
                    vanished_at=_TIME_OR_NULL,
                    events=_array(_ref("Event")),
                    events_left_out=_COUNT,
                    collection=_ref("Collection"),
                ),
            ]
        },
        "Totals": _totals(),
        "Summary": _object(
            total=_ref("Totals"),
            **dict.fromkeys(groups, totals),
            duration_hours=_object(shortest=_NUMBER_OR_NULL, longest=_NUMBER_OR_NULL),
            warnings=_array(_TEXT),
            collection=_ref("Collection"),
        ),
        "Event": _event(),
        "EventList": _list_of("Event"),
        "Scope": _scope(),
        "Run": _run(),
        "Status": _object(
            scopes=_array(_ref("Scope")),
            next_token=_TEXT_OR_NULL,
            count=_COUNT,
            totals=_object(
                scopes=_COUNT,
                by_state=_object(**dict.fromkeys(State, _COUNT)),
                by_error=_counts(),
                observed_at=_TIME_OR_NULL,
                newest=_TIME_OR_NULL,
            ),
            regions=_array(_TEXT),
            runs=_array(_ref("Run")),
            discovery={"anyOf": [_ref("Discovery"), {"type": "null"}]},
            collection=_ref("Collection"),
        ),
        "Discovery": _object(
            complete={"type": "boolean"},
            error={"anyOf": [_object(code=_TEXT, message=_TEXT), {"type": "null"}]},
            observed_at=_TIME_OR_NULL,
        ),
        "Validation": _validation(),
        "Candidate": _candidate(),
        "Problem": _problem_schema(),
        "Decision": _object(
            destination=_TEXT,
            kind=_enumerated(Kind),
            outcome=_enumerated(Outcome),
            routes=_array(_TEXT),
            why=_TEXT,
            delivery={"anyOf": [_ref("Delivery"), {"type": "null"}]},
        ),
        "Delivery": _object(
            status=_enumerated(DeliveryStatus),
            at=_TIME,
            attempts={"type": ["integer", "null"]},
            detail=_TEXT_OR_NULL,
            retry_at=_TIME_OR_NULL,
        ),
        "Explanation": _object(event=_ref("Event"), decisions=_array(_ref("Decision"))),
        "Republication": _republication(),
        "Trial": _object(
            route=_TEXT,
            event=_ref("Event"),
            sent=_array(_object(destination=_TEXT, kind=_enumerated(Kind), error=_TEXT_OR_NULL)),
        ),
    }


def _republication() -> Json:
    place = _object(since=_TIME, until=_TIME)
    place["properties"]["after"] = _TEXT
    return _object(
        **dict.fromkeys(("published", "already_published", "failed"), _COUNT),
        error=_TEXT_OR_NULL,
        next={"anyOf": [place, {"type": "null"}]},
    )


def _validation() -> Json:
    found = {"allOf": [_ref("Candidate"), _object(reservation=_ref("Reservation"))]}
    together = _object(
        type=_TEXT,
        availability_zone=_TEXT,
        reservation_ids=_array(_TEXT),
        instances=_COUNT,
        why_not=_TEXT,
    )
    return _object(
        ok={"type": "boolean"},
        instance_type=_TEXT,
        count=_COUNT,
        hours={"type": "number"},
        start_by=_TIME_OR_NULL,
        found={"anyOf": [found, {"type": "null"}]},
        network=_TEXT_OR_NULL,
        reason=_TEXT,
        unknown_regions=_array(_TEXT),
        unknown_reservations=_array(_TEXT),
        together=_array(together),
        candidates=_array(_ref("Candidate")),
        candidates_left_out=_COUNT,
        collection=_ref("Collection"),
    )


def _candidate() -> Json:
    return _object(
        reservation_id=_TEXT,
        reservation_ids=_array(_TEXT),
        capacity_block_id=_TEXT_OR_NULL,
        type=_TEXT,
        region=_TEXT,
        availability_zone=_TEXT_OR_NULL,
        state=_TEXT,
        fits={"type": "boolean"},
        why=_array(_TEXT),
        notes=_array(_TEXT),
        instances={"type": ["integer", "null"], "minimum": 0},
        start=_TIME_OR_NULL,
        usable_until=_TIME_OR_NULL,
        usable_hours=_NUMBER_OR_NULL,
        network=_TEXT,
    )


def _problem_schema() -> Json:
    problem = _object(type=_TEXT, title=_TEXT, status={"type": "integer"}, detail=_TEXT)
    of_400 = {"parameter": _TEXT, "value": _TEXT, "allowed": _TEXT}
    of_404 = {"collection": _ref("Collection")}
    return {**problem, "properties": {**problem["properties"], **of_400, **of_404}}


def _event() -> Json:
    facts = {"type": ["object", "null"]}
    return _object(
        version={"type": "integer"},
        event_id=_TEXT,
        type=_enumerated(EventType),
        severity=_enumerated(Severity),
        summary=_TEXT,
        reason=_TEXT,
        observed_at=_TIME,
        previous_observed_at=_TIME_OR_NULL,
        account_id=_TEXT,
        **_LABELS,
        region=_TEXT,
        reservation_id=_TEXT_OR_NULL,
        capacity_block_id=_TEXT_OR_NULL,
        reservation_type=_TEXT_OR_NULL,
        instance_type=_TEXT_OR_NULL,
        instance_count={"type": ["integer", "null"]},
        before=facts,
        after=facts,
        reservation={"anyOf": [_ref("Odcr"), _ref("CapacityBlock"), {"type": "null"}]},
        run_id=_TEXT_OR_NULL,
        events_of_listing={"type": ["integer", "null"], "minimum": 1},
    )


def _scope() -> Json:
    return _object(
        account_id=_TEXT,
        **_LABELS,
        region=_TEXT,
        state=_enumerated(State),
        last_success=_TIME_OR_NULL,
        age_seconds={"type": ["integer", "null"]},
        last_attempt=_TIME_OR_NULL,
        error=_TEXT_OR_NULL,
        error_message=_TEXT_OR_NULL,
        failing_since=_TIME_OR_NULL,
        reservations=_COUNT,
        run_id=_TEXT_OR_NULL,
        unanswered=_array(_TEXT),
    )


def _run() -> Json:
    return _object(
        run_id=_TEXT,
        started_at=_TIME,
        finished_at=_TIME_OR_NULL,
        seconds=_NUMBER_OR_NULL,
        scopes=_COUNT,
        succeeded=_COUNT,
        failed=_COUNT,
        pending_regions=_array(_TEXT),
    )


def _parameter(parameter: Parameter) -> Json:
    schema: Json = dict(parameter.schema)
    described: Json = {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": f"{parameter.description} {parameter.allowed}",
        "schema": {**_array(schema), "minItems": 1} if parameter.many else schema,
    }
    if parameter.many:
        described |= {"style": "form", "explode": False}
    return described


def _answer(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problem(description: str) -> Json:
    content = {"application/problem+json": {"schema": _ref("Problem")}}
    return {"description": description, "content": content}


def _refusals() -> Json:
    return {
        "400": _problem(
            "A parameter is unknown or has a value that is not allowed, or the answer is too large."
        ),
        "403": {"description": "The request is not signed, or its caller may not call this API."},
    }


def _get(summary: str, schema: str, takes: Iterable[Parameter] = ()) -> Json:
    return {"get": _operation(summary, schema, map(_parameter, takes))}


def _get_one(summary: str, schema: str, *takes: Json) -> Json:
    """One thing by its id, which may be unknown."""
    operation = _operation(summary, schema, takes)
    operation["responses"]["404"] = _problem("There is none with this id.")
    return {"get": operation}


def _post(summary: str, schema: str, takes: Iterable[Parameter]) -> Json:
    return {"post": _operation(summary, schema, map(_parameter, takes))}


def _operation(summary: str, schema: str, takes: Iterable[Json]) -> Json:
    answers = {"200": _answer("The answer.", _ref(schema)), **_refusals()}
    return {"summary": summary, "parameters": list(takes), "responses": answers}


@cache
def document(alert_routes: tuple[str, ...] = ()) -> Json:
    """The whole description, for a stack with these routes of alerts; a test compares its paths
    with the function's routes."""
    reservation_id = {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The reservation. What is no id of any is unknown, and answered with 404.",
        "schema": {"type": "string", "pattern": f"^{RESERVATION_ID}$"},
    }
    tested = [replace(each, schema=_one_of(alert_routes)) for each in parameters.TEST]
    openapi = {"description": "This document.", "content": {"application/json": {"schema": {}}}}
    paths = {
        "/reservations": _get("Reservations of both types.", "ReservationList", parameters.LIST),
        "/odcrs": _get(
            "On-Demand Capacity Reservations.", "ReservationList", parameters.list_of(ODCR)
        ),
        "/capacity-blocks": _get(
            "Capacity Blocks for ML.", "ReservationList", parameters.list_of(CAPACITY_BLOCK)
        ),
        "/reservations/{id}": _get_one(
            "One reservation, with its events.", "ReservationWithEvents", reservation_id
        ),
        "/summary": _get("Totals of reservations.", "Summary", parameters.FILTERS),
        "/events": _get("What happened, the newest first.", "EventList", parameters.EVENTS),
        "/status": _get("The scopes, their totals, the last runs.", "Status", parameters.STATUS),
        "/validate": _get("May a training run start?", "Validation", parameters.VALIDATE),
        "/alerts/explain": _get_one(
            "Who gets an event, why, and what became of it.",
            "Explanation",
            *map(_parameter, parameters.EXPLAIN),
        ),
        "/alerts/test": _post("Sends a sample to each destination of a route.", "Trial", tested),
        "/alerts/republish": _post(
            "Publishes events that could not be published.", "Republication", parameters.REPUBLISH
        ),
        "/openapi.json": {
            "get": {
                "summary": "This description.",
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
            f"Times are UTC. An ODCR has {len(FIELD_NAMES['Odcr'])} fields, a capacity block "
            f"{len(FIELD_NAMES['CapacityBlock'])}; absent values are null.",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(),
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
    words = path.replace(".json", "").replace("{id}", "by id").replace("-", " ").replace("/", " ")
    return method + "".join(word.capitalize() for word in words.split())
