"""JSON Schemas of the market's responses, for the API's OpenAPI document."""

from __future__ import annotations

from typing import Any

from lambdas.api.schemas import array, ref
from truffle.core.codec import Json
from truffle.core.market.answers import Outcome
from truffle.core.model import Accelerator
from truffle.core.schema import schema_of

_TIME: Json = {"type": "string", "format": "date-time"}
_KNOWN_TYPES: Json = {
    name: {"type": [name, "null"]} for name in ("string", "number", "integer", "boolean")
}
_TIME_OR_NULL: Json = {"anyOf": [_TIME, {"type": "null"}]}
_OUTCOME: Json = {"type": "string", "enum": [each.value for each in Outcome]}


def _object(**properties: Any) -> Json:
    """An object whose keys are all required; a text names a plain type, ``?`` after it one that may
    be null."""
    described = {
        name: _KNOWN_TYPES[kind[:-1]]
        if isinstance(kind, str) and kind.endswith("?")
        else {"type": kind}
        if isinstance(kind, str)
        else kind
        for name, kind in properties.items()
    }
    return {"type": "object", "properties": described, "required": list(properties)}


def _offering() -> Json:
    """The fields that offerings and their segments have in common."""
    return {
        "instance_type": "string?",
        "instance_count": "integer?",
        "availability_zone": "string?",
        "start_date": _TIME_OR_NULL,
        "end_date": _TIME_OR_NULL,
        "duration_hours": "number?",
        "accelerator": {"anyOf": [schema_of(Accelerator), {"type": "null"}]},
    }


_DAY = _object(day={"type": "string", "format": "date"}, price="string?", lead_hours="number?")


def market_schemas() -> Json:
    page = {"next_token": "string?", "count": "integer"}
    watched = {
        "watch": "string",
        "account_id": "string",
        "region": "string",
        "requested": ref("OfferingRequest"),
        "observed_at": _TIME,
    }
    prices = {"price_per_gpu_hour": "number?", "upfront_fee": "string?", "currency_code": "string?"}
    return {
        "OfferingRequest": _object(
            instance_type="string",
            count="integer",
            duration_hours="integer",
            start_after=_TIME_OR_NULL,
            end_by=_TIME_OR_NULL,
            max_accelerator_hour_price="number?",
        ),
        "Offering": _object(
            **_offering(),
            **watched,
            **prices,
            offering_id="string",
            price_per_instance_hour="number?",
            tenancy="string?",
            ultraserver_type="string?",
            ultraserver_count="integer?",
            zone_type="string?",
            segments=array(_object(**_offering())),
            identity="string",
            lead_hours="number?",
            is_within_limit="boolean",
        ),
        "OfferingAnswer": _object(
            **watched,
            outcome=_OUTCOME,
            code="string?",
            message="string?",
            known_outcome={"anyOf": [_OUTCOME, {"type": "null"}]},
            known_at=_TIME_OR_NULL,
            days={"anyOf": [array(_DAY), {"type": "null"}]},
        ),
        "OfferingPoint": _object(
            **watched,
            **prices,
            outcome=_OUTCOME,
            code="string?",
            offerings="integer",
            soonest_start=_TIME_OR_NULL,
            lead_hours="number?",
        ),
        "OfferingList": _object(
            items=array(ref("Offering")), **page, answers=array(ref("OfferingAnswer"))
        ),
        "OfferingHistory": _object(items=array(ref("OfferingPoint")), **page),
    }
