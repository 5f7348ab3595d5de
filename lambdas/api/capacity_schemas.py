"""JSON Schemas of fleets, network nodes and validations, for the API's OpenAPI document."""

from __future__ import annotations

from lambdas.api.schemas import array, list_of, ref
from truffle.core.codec import Json
from truffle.core.fleets import CapacityFleet
from truffle.core.schema import schema_of
from truffle.core.status import NAMED_FAILURES
from truffle.core.topology import Placement

_TEXT: Json = {"type": "string"}
_TEXT_OR_NULL: Json = {"type": ["string", "null"]}
_COUNT: Json = {"type": "integer", "minimum": 0}
_NUMBER_OR_NULL: Json = {"type": ["number", "null"]}
_TIME: Json = {"type": "string", "format": "date-time"}
_TIME_OR_NULL: Json = {"anyOf": [_TIME, {"type": "null"}]}


def capacity_schemas() -> Json:
    unanswered = _unanswered()
    return {
        "Fleet": _object(
            **schema_of(CapacityFleet)["properties"], fulfilment={"type": ["number", "null"]}
        ),
        "FleetList": list_of("Fleet", unanswered=unanswered),
        "Placement": schema_of(Placement),
        "PlacementList": list_of("Placement", unanswered=unanswered),
        "Validation": _validation(),
        "Candidate": _candidate(),
    }


def _unanswered() -> Json:
    """Scopes whose request failed; those that have failed the longest are named."""
    scope = _object(
        account_id=_TEXT,
        account_name=_TEXT_OR_NULL,
        organizational_unit=_TEXT_OR_NULL,
        region=_TEXT,
        error=_TEXT,
        since=_TIME,
        last_success=_TIME_OR_NULL,
    )
    named = {**array(scope), "maxItems": NAMED_FAILURES}
    by_code = {"type": "object", "additionalProperties": _COUNT}
    return _object(total=_COUNT, by_code=by_code, scopes=named)


def _validation() -> Json:
    found = {"allOf": [ref("Candidate"), _object(reservation=ref("Reservation"))]}
    together = _object(
        type=_TEXT,
        availability_zone=_TEXT,
        reservation_ids=array(_TEXT),
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
        network_nodes={"anyOf": [array(_TEXT), {"type": "null"}]},
        proximity=_TEXT_OR_NULL,
        reason=_TEXT,
        unknown_regions=array(_TEXT),
        unknown_reservations=array(_TEXT),
        together=array(together),
        candidates=array(ref("Candidate")),
        candidates_left_out=_COUNT,
        collection=ref("Collection"),
    )


def _candidate() -> Json:
    return _object(
        reservation_id=_TEXT,
        reservation_ids=array(_TEXT),
        capacity_block_id=_TEXT_OR_NULL,
        type=_TEXT,
        region=_TEXT,
        availability_zone=_TEXT_OR_NULL,
        state=_TEXT,
        fits={"type": "boolean"},
        why=array(_TEXT),
        notes=array(_TEXT),
        instances={"type": ["integer", "null"], "minimum": 0},
        start=_TIME_OR_NULL,
        usable_until=_TIME_OR_NULL,
        usable_hours=_NUMBER_OR_NULL,
        network=_TEXT,
    )


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}
