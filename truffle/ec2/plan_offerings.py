"""SearchTrainingPlanOfferings: training plans for sale, as offerings.

SageMaker API Reference, SearchTrainingPlanOfferings; it has no pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from botocore.parsers import ResponseParserError

from truffle.core.accelerators import accelerator_of
from truffle.core.kinds.parts import Raw
from truffle.core.model import TrainingPlan
from truffle.core.offerings import Offering, Wanted
from truffle.ec2.errors import FAILURES, error_code, error_message, failure_kind
from truffle.ec2.offering_mapping import to_offering
from truffle.ec2.offerings import RegionOfferings, RegionOutcome

_MEMBER = "TrainingPlanOfferings"
_UNKNOWN_TYPE = re.compile(r"instanceType|InstanceType|ultraServerType|UltraServerType")


class SageMaker(Protocol):
    """The part of a boto3 SageMaker client that this uses."""

    def search_training_plan_offerings(self, **parameters: Any) -> Raw: ...


def search_plans(
    client: SageMaker, region: str, wanted: Wanted, clock: Callable[[], datetime]
) -> RegionOfferings:
    """The plans of one region for a wanted block, for each of its types and lengths. A type that
    plans do not offer is not sold; any other error of SageMaker is a failure."""
    observed_at, found, unknown = clock(), list[Offering](), dict[str, Exception]()
    for name in map(plan_type, wanted.types):
        try:
            for hours in wanted.lengths:
                response = client.search_training_plan_offerings(**_request(wanted, name, hours))
                if _MEMBER not in response:
                    raise ResponseParserError(f"{TrainingPlan.kind.search} returned no {_MEMBER}")
                found += [to_plan(item, region, observed_at) for item in response[_MEMBER]]
        except FAILURES as error:
            if not _is_unknown_type(error):
                return _refused(error, region, RegionOutcome.FAILED)
            unknown[name] = error
    if len(unknown) == len(wanted.types):
        return _refused(unknown[plan_type(wanted.instance_type)], region, RegionOutcome.NOT_SOLD)
    latest = wanted.start_by
    in_time = [it for it in found if latest is None or (it.start_date and it.start_date <= latest)]
    return RegionOfferings(
        region=region,
        outcome=RegionOutcome.ANSWERED,
        offerings=tuple(in_time),
        unknown_types=tuple(unknown),
    )


def plan_type(instance_type: str) -> str:
    """SageMaker's name of an instance type."""
    return f"ml.{instance_type.removeprefix('ml.')}"


def _is_unknown_type(error: Exception) -> bool:
    is_invalid = error_code(error) == "ValidationException"
    return is_invalid and _UNKNOWN_TYPE.search(error_message(error)) is not None


def _refused(error: Exception, region: str, outcome: RegionOutcome) -> RegionOfferings:
    message = f"{TrainingPlan.kind.search}: {error_message(error)}"
    return RegionOfferings(
        region=region,
        outcome=outcome,
        offerings=(),
        code=error_code(error),
        message=message,
        kind=failure_kind(error),
    )


def _request(wanted: Wanted, instance_type: str, hours: int) -> dict[str, Any]:
    prefix = "UltraServer" if wanted.is_ultraserver else "Instance"
    request: dict[str, Any] = {f"{prefix}Type": instance_type, f"{prefix}Count": wanted.count}
    request["DurationHours"] = hours
    if wanted.start_after is not None:
        request["StartTimeAfter"] = wanted.start_after
    if wanted.end_by is not None:
        request["EndTimeBefore"] = wanted.end_by
    return request


def to_plan(raw: Raw, region: str, observed_at: datetime) -> Offering:
    """Map one plan for sale; each of several reserved capacities is a segment. Raises ValueError
    for a fee that is not a number."""
    parts = [_as_block(part) for part in raw.get("ReservedCapacityOfferings") or ()]
    whole = {
        "CapacityBlockOfferingId": raw.get("TrainingPlanOfferingId", ""),
        "CapacityBlockOfferingSegments": parts,
        "UpfrontFee": raw.get("UpfrontFee"),
        "CurrencyCode": raw.get("CurrencyCode"),
    }
    types = {str(part["InstanceType"]) for part in parts}
    known = {name: accelerator_of(name.removeprefix("ml."), {}) for name in types}
    return to_offering(whole, region, observed_at, known)


def _as_block(raw: Raw) -> dict[str, Any]:
    return {
        "InstanceType": raw.get("InstanceType", ""),
        "InstanceCount": raw.get("InstanceCount"),
        "AvailabilityZone": raw.get("AvailabilityZone"),
        "StartDate": raw.get("StartTime"),
        "EndDate": raw.get("EndTime"),
        "CapacityBlockDurationHours": raw.get("DurationHours"),
        "CapacityBlockDurationMinutes": raw.get("DurationMinutes"),
    }
