"""SearchTrainingPlanOfferings: training plans for sale, in the form of blocks for sale.

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
from truffle.ec2.offerings import RegionOfferings, RegionOutcome, to_offering

_MEMBER = "TrainingPlanOfferings"
_UNKNOWN_TYPE = re.compile(r"instanceType|InstanceType|ultraServerType|UltraServerType")


class SageMaker(Protocol):
    """The part of a boto3 SageMaker client that this uses."""

    def search_training_plan_offerings(self, **parameters: Any) -> Raw: ...


def search_plans(
    client: SageMaker, region: str, wanted: Wanted, clock: Callable[[], datetime]
) -> RegionOfferings:
    """The plans of one region for a wanted block, of each of its lengths. A type that plans do not
    come in is not sold; whatever else SageMaker refuses has failed."""
    observed_at, found = clock(), list[Offering]()
    try:
        for hours in wanted.lengths:
            response = client.search_training_plan_offerings(**_request(wanted, hours))
            if _MEMBER not in response:
                raise ResponseParserError(f"{TrainingPlan.kind.search} returned no {_MEMBER}")
            found += [to_plan(item, region, observed_at) for item in response[_MEMBER]]
    except FAILURES as error:
        code, message = error_code(error), error_message(error)
        is_type = code == "ValidationException" and _UNKNOWN_TYPE.search(message)
        outcome = RegionOutcome.NOT_SOLD if is_type else RegionOutcome.FAILED
        message = f"{TrainingPlan.kind.search}: {message}"
        return RegionOfferings(region, outcome, (), code, message, failure_kind(error))
    latest = wanted.start_by
    in_time = [it for it in found if latest is None or (it.start_date and it.start_date <= latest)]
    return RegionOfferings(region, RegionOutcome.ANSWERED, tuple(in_time))


def _request(wanted: Wanted, hours: int) -> dict[str, Any]:
    name = f"ml.{wanted.instance_type.removeprefix('ml.')}"
    prefix = "UltraServer" if wanted.is_ultraserver else "Instance"
    request: dict[str, Any] = {f"{prefix}Type": name, f"{prefix}Count": wanted.count}
    request["DurationHours"] = hours
    if wanted.start_after is not None:
        request["StartTimeAfter"] = wanted.start_after
    if wanted.end_by is not None:
        request["EndTimeBefore"] = wanted.end_by
    return request


def to_plan(raw: Raw, region: str, observed_at: datetime) -> Offering:
    """One plan for sale; of several reserved capacities, each is a segment. Raises ValueError for a
    fee that is not a number."""
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
