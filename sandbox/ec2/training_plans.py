"""Training plans of SageMaker in a fleet: their file form, and what time does to them.

``TrainingPlans`` of a region are as ``aws sagemaker describe-training-plan`` prints them. What is
written holds until time changes it: a plan that is scheduled becomes active at its start, and
expires at its end (SageMaker AI Developer Guide, training-plan-details-using-api-cli-sdk).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import botocore.session

from sandbox.ec2.filters import Fields
from sandbox.ec2.shapes import FleetError, from_json, list_of, to_json
from sandbox.ec2.wire import Shape

KEY = "TrainingPlans"
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as it was written at ``since``."""

    fields: Fields
    since: datetime

    @property
    def arn(self) -> str:
        return str(self.fields["TrainingPlanArn"])

    @property
    def name(self) -> str:
        return str(self.fields["TrainingPlanName"])

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    def at(self, now: datetime) -> Fields:
        """The plan as SageMaker shows it at a moment."""
        status, start, end = (self.fields.get(it) for it in ("Status", "StartTime", "EndTime"))
        if status == "Scheduled" and start is not None and self.since < start <= now:
            status = "Active"
        if status == "Active" and end is not None and self.since < end <= now:
            status = "Expired"
        if status == self.fields["Status"]:
            return self.fields
        return {**self.fields, "Status": status}

    def with_fields(self, fields: Fields, now: datetime) -> Plan:
        """The plan with fields set, None to take one away, as of now."""
        changed = {**self.at(now), **fields}
        return Plan({name: it for name, it in changed.items() if it is not None}, now)


@cache
def sagemaker_model() -> Any:
    return botocore.session.get_session().get_service_model("sagemaker")


def plan_shape() -> Shape:
    shape: Shape = sagemaker_model().operation_model("DescribeTrainingPlan").output_shape
    return shape


def plans_from_json(
    raw: Mapping[str, Any], region: str, account: str, now: datetime, where: str
) -> Iterable[tuple[str, Plan]]:
    """The plans of a region by their ARNs. Raises FleetError."""
    for index, item in enumerate(list_of(raw, KEY, where)):
        here = f"{where}.{KEY}[{index}]"
        fields = from_json(plan_shape(), item, now, here)
        if "TrainingPlanName" not in fields:
            raise FleetError(f"{here} lacks TrainingPlanName")
        plan = Plan(_completed(fields, region, account, now), now)
        yield plan.arn, plan


def _completed(fields: Fields, region: str, account: str, now: datetime) -> Fields:
    """A plan with what SageMaker would say of it where the file says nothing."""
    name = fields["TrainingPlanName"]
    start, end = fields.get("StartTime"), fields.get("EndTime")
    derived: dict[str, Any] = {
        "TrainingPlanArn": f"arn:aws:sagemaker:{region}:{account}:training-plan/{name}",
        "Status": "Active" if start is not None and start <= now else "Scheduled",
        "CurrencyCode": "USD",
        "TargetResources": ["training-job"],
    }
    if start is not None and end is not None:
        derived["DurationHours"] = (end - start) // _HOUR
        derived["DurationMinutes"] = (end - start) % _HOUR // timedelta(minutes=1)
    return {**derived, **fields}


def plans_to_json(plans: Iterable[Plan], now: datetime) -> list[Any]:
    return [to_json(plan.at(now)) for plan in plans]


def patched(plans: Mapping[str, Plan], name: str, raw: Any, now: datetime) -> dict[str, Plan]:
    """The plans with fields of one set; null takes a field away. Raises KeyError and FleetError."""
    plan = _named(plans, name)
    fields = from_json(plan_shape(), raw, now, name)
    gone = {key: None for key, value in raw.items() if value is None}
    return {**plans, plan.arn: plan.with_fields({**fields, **gone}, now)}


def without(plans: Mapping[str, Plan], name: str) -> dict[str, Plan]:
    """Raises KeyError."""
    gone = _named(plans, name)
    return {arn: plan for arn, plan in plans.items() if arn != gone.arn}


def _named(plans: Mapping[str, Plan], name: str) -> Plan:
    for plan in plans.values():
        if name in (plan.name, plan.arn):
            return plan
    raise KeyError(name)
