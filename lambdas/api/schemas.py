"""JSON Schemas of the API's responses, for its OpenAPI document."""

from __future__ import annotations

from enum import StrEnum

from truffle.alerts.explanation import DeliveryStatus
from truffle.alerts.routing import RoutingOutcome
from truffle.alerts.settings import DestinationKind
from truffle.core.codec import Json
from truffle.core.events import EventType, Severity
from truffle.core.kinds.registry import CLASSES
from truffle.core.market.answers import Outcome as Answered
from truffle.core.schema import schema_of
from truffle.core.status import NAMED_FAILURES, State

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


def one_of(values: tuple[str, ...]) -> Json:
    return {"type": "string", "enum": list(values)}


def array(items: Json) -> Json:
    return {"type": "array", "items": items}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


_ANY_KIND = [ref(cls.__name__) for cls in CLASSES.values()]


def list_of(name: str, **more: Json) -> Json:
    return _object(
        items=array(ref(name)),
        next_token=_TEXT_OR_NULL,
        count=_COUNT,
        **more,
        collection=ref("Collection"),
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
        idle_usd_per_hour=_NUMBER_OR_NULL,
        unpriced_instances=_COUNT,
    )


def schemas() -> Json:
    totals = {"type": "object", "additionalProperties": ref("Totals")}
    groups = ("by_type", "by_region", "by_instance_type", "by_state")
    return {
        **{cls.__name__: schema_of(cls) for cls in CLASSES.values()},
        "Reservation": {"oneOf": _ANY_KIND},
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
            failed_scopes={**array(ref("FailedScope")), "maxItems": NAMED_FAILURES},
            failed=ref("Counted"),
            closed=ref("Counted"),
        ),
        "Counted": _object(total=_COUNT, by_code=_counts()),
        "ReservationList": list_of("Reservation", warnings=array(_TEXT)),
        "ReservationWithEvents": {
            "allOf": [
                {"anyOf": _ANY_KIND},
                _object(
                    vanished_at=_TIME_OR_NULL,
                    events=array(ref("Event")),
                    events_left_out=_COUNT,
                    collection=ref("Collection"),
                ),
            ]
        },
        "Totals": _totals(),
        "Summary": _object(
            total=ref("Totals"),
            **dict.fromkeys(groups, totals),
            duration_hours=_object(shortest=_NUMBER_OR_NULL, longest=_NUMBER_OR_NULL),
            warnings=array(_TEXT),
            collection=ref("Collection"),
        ),
        "Event": _event(),
        "EventList": list_of("Event"),
        "Scope": _scope(),
        "Run": _run(),
        "Status": _object(
            scopes=array(ref("Scope")),
            next_token=_TEXT_OR_NULL,
            count=_COUNT,
            totals=_object(
                scopes=_COUNT,
                by_state=_object(**dict.fromkeys(State, _COUNT)),
                by_error=_counts(),
                observed_at=_TIME_OR_NULL,
                newest=_TIME_OR_NULL,
            ),
            regions=array(_TEXT),
            runs=array(ref("Run")),
            discovery={"anyOf": [ref("Discovery"), {"type": "null"}]},
            watches=array(ref("WatchPace")),
            collection=ref("Collection"),
        ),
        "WatchPace": _watch_pace(),
        "Discovery": _object(
            complete={"type": "boolean"},
            error={"anyOf": [_object(code=_TEXT, message=_TEXT), {"type": "null"}]},
            observed_at=_TIME_OR_NULL,
        ),
        "Problem": _problem_schema(),
        "Decision": _object(
            destination=_TEXT,
            kind=_enumerated(DestinationKind),
            outcome=_enumerated(RoutingOutcome),
            routes=array(_TEXT),
            why=_TEXT,
            delivery={"anyOf": [ref("Delivery"), {"type": "null"}]},
        ),
        "Delivery": _object(
            status=_enumerated(DeliveryStatus),
            at=_TIME,
            attempts={"type": ["integer", "null"]},
            detail=_TEXT_OR_NULL,
            retry_at=_TIME_OR_NULL,
        ),
        "Explanation": _object(event=ref("Event"), decisions=array(ref("Decision"))),
        "Republication": _republication(),
        "Trial": _object(
            route=_TEXT,
            event=ref("Event"),
            sent=array(
                _object(destination=_TEXT, kind=_enumerated(DestinationKind), error=_TEXT_OR_NULL)
            ),
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


def _problem_schema() -> Json:
    problem = _object(type=_TEXT, title=_TEXT, status={"type": "integer"}, detail=_TEXT)
    of_400 = {"parameter": _TEXT, "value": _TEXT, "allowed": _TEXT}
    of_404 = {"collection": ref("Collection")}
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
        reservation={"anyOf": [*_ANY_KIND, {"type": "null"}]},
        run_id=_TEXT_OR_NULL,
        events_of_listing={"type": ["integer", "null"], "minimum": 1},
        watch=_TEXT_OR_NULL,
        offering={"type": ["object", "null"]},
    )


def _watch_pace() -> Json:
    count_or_null: Json = {"type": ["integer", "null"], "minimum": 0}
    region = _object(
        region=_TEXT,
        outcome={"anyOf": [_enumerated(Answered), {"type": "null"}]},
        code=_TEXT_OR_NULL,
        message=_TEXT_OR_NULL,
        asked_at=_TIME_OR_NULL,
        answered_at=_TIME_OR_NULL,
        due_at=_TIME_OR_NULL,
        offerings=count_or_null,
        within_limit=count_or_null,
    )
    return _object(
        name=_TEXT,
        instance_type=_TEXT,
        count=_COUNT,
        duration_hours=_COUNT,
        start_after=_TIME_OR_NULL,
        end_by=_TIME_OR_NULL,
        max_accelerator_hour_price=_NUMBER_OR_NULL,
        every_seconds=_COUNT,
        really_every_seconds=_COUNT,
        is_over={"type": "boolean"},
        regions=array(region),
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
        next_step=_TEXT_OR_NULL,
        failing_since=_TIME_OR_NULL,
        reservations=_COUNT,
        run_id=_TEXT_OR_NULL,
        unanswered=array(_TEXT),
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
        closed=_COUNT,
        pending_regions=array(_TEXT),
    )
