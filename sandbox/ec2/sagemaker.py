"""SageMaker for the sandbox: training plans over its own protocol, JSON 1.1 with X-Amz-Target.

Sources: botocore's service model of SageMaker; SageMaker API Reference, Common Error Types.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from botocore.exceptions import ParamValidationError
from botocore.validate import ParamValidator

from sandbox.ec2.errors import EC2Error
from sandbox.ec2.filters import Fields
from sandbox.ec2.fleet import Offer
from sandbox.ec2.protocol import Request, Service, ServiceCall
from sandbox.ec2.training_plans import TRAINING_PLANS, sagemaker_model

TARGET = "SageMaker."
CONTENT_TYPE = "application/x-amz-json-1.1"

PAGE = 100
"""The largest page of ListTrainingPlans, and the one without MaxResults."""

LONGEST_HOURS = 182 * 24
NOTICE = timedelta(minutes=30)

CODES: Mapping[str, tuple[str, int]] = {
    "AuthFailure": ("UnrecognizedClientException", 400),
    "UnauthorizedOperation": ("AccessDeniedException", 400),
    "RequestLimitExceeded": ("ThrottlingException", 400),
    "InternalError": ("InternalFailure", 500),
    "Unavailable": ("ServiceUnavailable", 503),
    "UnsupportedOperation": ("UnknownOperationException", 400),
}
"""EC2's codes of a fault, and SageMaker's codes for them."""

_NOT_LISTED = ("UnhealthyInstanceCount", "AvailableSpareInstanceCount")
"""The fields that only DescribeTrainingPlan returns."""

Json = dict[str, Any]


def _error(error: EC2Error, request_id: str) -> tuple[int, bytes]:
    code, status = CODES.get(error.code, (error.code, error.status))
    return status, json.dumps({"__type": code, "message": error.message}).encode()


def _operation(request: Request) -> str:
    return request.target.removeprefix(TARGET)


def _read(request: Request) -> tuple[Json, int]:
    operation = _operation(request)
    if operation not in _ANSWERS:
        raise EC2Error("UnknownOperationException", f"No operation {operation}.")
    try:
        parameters = json.loads(request.body or b"{}")
        shape = sagemaker_model().operation_model(operation).input_shape
        report = ParamValidator().validate(parameters, shape)
    except (ValueError, ParamValidationError) as error:
        raise EC2Error("ValidationException", str(error)) from None
    if report.has_errors():
        raise EC2Error("ValidationException", report.generate_report())
    return parameters, 1 + bool(parameters.get("NextToken"))


def _answer(operation: str, call: ServiceCall) -> bytes:
    return json.dumps(_ANSWERS[operation](call), default=_moment).encode()


def _moment(value: Any) -> float:
    assert isinstance(value, datetime)
    return value.timestamp()


def _list(call: ServiceCall) -> Json:
    wanted = {it["Value"] for it in call.parameters.get("Filters", ()) if it["Name"] == "Status"}
    plans = [it for it in call.held(TRAINING_PLANS) if not wanted or it["Status"] in wanted]
    start, size = (
        _start(call.parameters.get("NextToken")),
        call.parameters.get("MaxResults", PAGE),
    )
    shown = [_without(it, _NOT_LISTED) for it in plans[start : start + size]]
    end = start + size
    token = base64.b64encode(f"plans-{end}".encode()).decode()
    return {"TrainingPlanSummaries": shown, **({"NextToken": token} if end < len(plans) else {})}


def _describe(call: ServiceCall) -> Json:
    name = call.parameters["TrainingPlanName"]
    for plan in call.held(TRAINING_PLANS):
        if name in (plan["TrainingPlanName"], plan["TrainingPlanArn"]):
            return dict(plan)
    raise EC2Error("ResourceNotFound", f"Training plan {name} not found.")


def _start(token: str | None) -> int:
    """The start of a page."""
    try:
        return int(base64.b64decode(token).decode().removeprefix("plans-")) if token else 0
    except ValueError:
        raise EC2Error("ValidationException", "The NextToken is not valid.") from None


def _without(fields: Fields, names: tuple[str, ...]) -> Fields:
    return {name: value for name, value in fields.items() if name not in names}


def _search(call: ServiceCall) -> Json:
    request = call.parameters
    hours, count = request.get("DurationHours"), request.get("InstanceCount", 1)
    if hours is None or not 1 <= hours <= LONGEST_HOURS:
        raise EC2Error("ValidationException", f"DurationHours must be 1 to {LONGEST_HOURS}.")
    found = [
        _offering(offer, call, hours, count)
        for offer in call.region.plan_market
        if offer.kind in (request.get("InstanceType"), request.get("UltraServerType"))
        and count <= offer.count
    ]
    latest = request.get("EndTimeBefore")
    return {
        "TrainingPlanOfferings": [
            it
            for it in found
            if latest is None or it["ReservedCapacityOfferings"][0]["EndTime"].timestamp() <= latest
        ]
    }


def _offering(offer: Offer, call: ServiceCall, hours: int, count: int) -> Json:
    request = call.parameters
    earliest = max(request.get("StartTimeAfter", 0), (call.now + NOTICE).timestamp())
    start = max(offer.first_start, datetime.fromtimestamp(earliest, call.now.tzinfo))
    start = start.replace(microsecond=0)
    fee = offer.hourly_price * count * Decimal(hours)
    text = f"{offer.kind} {offer.zone} {count} {hours} {start.isoformat()}"
    part = {
        "ReservedCapacityType": "Instance",
        "InstanceType": offer.instance_type,
        "InstanceCount": count,
        "AvailabilityZone": offer.zone,
        "DurationHours": hours,
        "DurationMinutes": 0,
        "StartTime": start,
        "EndTime": start + timedelta(hours=hours),
    }
    return {
        "TrainingPlanOfferingId": f"tpo-{sha256(text.encode()).hexdigest()[:17]}",
        "TargetResources": request.get("TargetResources", ["training-job"]),
        "RequestedStartTimeAfter": request.get("StartTimeAfter"),
        "DurationHours": hours,
        "DurationMinutes": 0,
        "UpfrontFee": f"{fee:.2f}",
        "CurrencyCode": "USD",
        "ReservedCapacityOfferings": [part],
    }


_ANSWERS: Mapping[str, Callable[[ServiceCall], Json]] = {
    "ListTrainingPlans": _list,
    "DescribeTrainingPlan": _describe,
    "SearchTrainingPlanOfferings": _search,
}

SAGEMAKER = Service("sagemaker", CONTENT_TYPE, _operation, _read, _answer, _error)
