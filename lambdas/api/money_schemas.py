"""JSON Schemas of usage and costs, for the API's OpenAPI document."""

from __future__ import annotations

from lambdas.api.schemas import array, one_of, ref
from truffle.core.codec import Json
from truffle.core.stranded import Reason

_TEXT: Json = {"type": "string"}
_TEXT_OR_NULL: Json = {"type": ["string", "null"]}
_LABELS: Json = {"account_name": _TEXT_OR_NULL, "organizational_unit": _TEXT_OR_NULL}
_TIME: Json = {"type": "string", "format": "date-time"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_NUMBER_OR_NULL: Json = {"type": ["number", "null"]}


def money_schemas() -> Json:
    """The schemas by name."""
    return {
        "UsageRow": _usage_row(),
        "Usage": _usage(),
        "Prices": _prices(),
        "Stranded": _stranded(),
    }


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _usage_row() -> Json:
    """Instance-hours; ``unpriced_hours`` and ``unknown_accelerator_hours`` only if there are
    any."""
    number: Json = {"type": "number", "minimum": 0}
    hours = ("reserved_hours", "used_hours", "idle_hours", "unobserved_hours")
    kinds = ("reserved", "used", "idle")
    row = _object(
        start=_TIME,
        end=_TIME,
        group={"type": "object", "additionalProperties": _TEXT_OR_NULL},
        **dict.fromkeys(hours, number),
        utilization=_NUMBER_OR_NULL,
        **{f"{kind}_accelerator_hours": number for kind in kinds},
        reserved_cost=_NUMBER_OR_NULL,
        idle_cost=_NUMBER_OR_NULL,
        currency=_TEXT_OR_NULL,
    )
    row["properties"] |= {"unpriced_hours": number, "unknown_accelerator_hours": number}
    return row


def _usage() -> Json:
    price = _object(
        type=_TEXT,
        instance_type=_TEXT,
        region=_TEXT,
        platform=_TEXT_OR_NULL,
        tenancy=_TEXT_OR_NULL,
        per_instance_hour=_NUMBER_OR_NULL,
        currency=_TEXT_OR_NULL,
        source=_TEXT_OR_NULL,
        as_of={"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
    )
    return _object(
        items=array(ref("UsageRow")),
        count=_COUNT,
        since=_TIME,
        until=_TIME,
        interval=_TEXT,
        by=array(_TEXT),
        prices=array(price),
        missing_days=array({"type": "string", "format": "date"}),
        billed_fees=array(_billed_fee()),
        account_names={"type": "object", "additionalProperties": _TEXT},
        warnings=array(_TEXT),
        collection=ref("Collection"),
    )


def _billed_fee() -> Json:
    """Fees of a day; ``capacity_block_id`` is null if they may be for several blocks."""
    return _object(
        day={"type": "string", "format": "date"},
        account_id=_TEXT,
        region=_TEXT_OR_NULL,
        instance_type=_TEXT,
        amount={"type": "number"},
        currency=_TEXT,
        capacity_block_id=_TEXT_OR_NULL,
    )


def _bill() -> Json:
    moment: Json = {"anyOf": [_TIME, {"type": "null"}]}
    return _object(items=array(_billed_fee()), as_of=moment, tried_at=moment, error=_TEXT_OR_NULL)


def _stranded() -> Json:
    product = dict.fromkeys(("availability_zone", "platform", "tenancy"), _TEXT_OR_NULL)
    finding = _object(
        account_id=_TEXT_OR_NULL,
        **_LABELS,
        region=_TEXT,
        instance_type=_TEXT,
        **product,
        reservation_id=_TEXT,
        reason=one_of(tuple(Reason)),
        why=_TEXT,
        fix=_TEXT,
        instances=_COUNT,
        instance_ids=array(_TEXT),
        idle_instances=_COUNT,
        usd_per_hour=_NUMBER_OR_NULL,
        observed_at=_TIME,
    )
    unanswered = _object(
        account_id=_TEXT, region=_TEXT, error=_TEXT, message=_TEXT_OR_NULL, asked_at=_TIME
    )
    return _object(
        items=array(finding),
        count=_COUNT,
        usd_per_hour=_NUMBER_OR_NULL,
        unpriced_instances=_COUNT,
        unanswered=array(unanswered),
        warnings=array(_TEXT),
        collection=ref("Collection"),
    )


def _prices() -> Json:
    number: Json = {"type": "number", "minimum": 0}
    day: Json = {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}
    dated = {"currency": _TEXT, "as_of": day}
    product = dict.fromkeys(("instance_type", "region", "platform", "tenancy"), _TEXT)
    return _object(
        settings={"type": "object", "additionalProperties": number},
        price_list=array(_object(**product, per_instance_hour=number, **dated)),
        fees=array(
            _object(
                capacity_block_id=_TEXT,
                amount=number,
                instances={"type": ["integer", "null"]},
                hours=_NUMBER_OR_NULL,
                extension_amount=number,
                source=_TEXT,
                **dated,
            )
        ),
        bill=_bill(),
        unanswered=array(
            _object(operation=_TEXT, error=_TEXT, account_id=_TEXT_OR_NULL, region=_TEXT_OR_NULL)
        ),
        warnings=array(_TEXT),
        collection=ref("Collection"),
    )
