"""JSON Schemas of fleets and network nodes, for the API's OpenAPI document."""

from __future__ import annotations

from typing import Any

from lambdas.api.schemas import array, list_of
from truffle.core.fleets import CapacityFleet
from truffle.core.schema import schema_of
from truffle.core.status import NAMED_FAILURES
from truffle.core.topology import Placement

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_TEXT_OR_NULL: Json = {"type": ["string", "null"]}
_COUNT: Json = {"type": "integer", "minimum": 0}
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
    }


def _unanswered() -> Json:
    """Scopes that could not be asked; the longest unanswered are named."""
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


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}
