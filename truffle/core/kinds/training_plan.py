"""Training plans of SageMaker: capacity for training jobs, HyperPod, endpoints, and Studio.

SageMaker AI Developer Guide, training-plan-details-using-api-cli-sdk (states) and
training-plan-utilization-for-training-jobs (instances are terminated from 30 minutes before the
end); API reference, TrainingPlanSummary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

from truffle.core.accelerators import accelerator_of
from truffle.core.kinds.kind import CapacityRow, Detail, Kind, ListOperation, ReservationType
from truffle.core.kinds.parts import (
    USABLE_STATES,
    Accelerator,
    Health,
    Raw,
    Scope,
    block_hours,
    effective_end,
    seen_by,
    used_of,
    utilization_of,
)
from truffle.core.severity import Severity
from truffle.core.times import whole

KIND = Kind(
    type=ReservationType.TRAINING_PLANS,
    noun="Training plan",
    short="plan",
    plural="training plans",
    one="a training plan",
    title="Training Plan Summary:",
    about="Training plans of SageMaker.",
    option="training-plans",
    path="/training-plans",
    id_prefix="tp-",
    service="SageMaker",
    operations=("ListTrainingPlans", "DescribeTrainingPlan"),
    tools=("sagemaker", "hyperpod"),
    active_states=USABLE_STATES,
    end_field="effective_end",
    is_prepaid=True,
    is_extendable=False,
    at_its_end="when SageMaker terminates its instances",
    vanished=(Severity.CRITICAL, "disappeared before its end: SageMaker no longer lists it."),
    ended_early=Severity.CRITICAL,
    extended=Severity.GOOD,
    size_field="instance_count",
    verdicts={
        "pending": (Severity.WARNING, "is pending: its payment is not complete yet."),
        "scheduled": (Severity.GOOD, "is paid and scheduled."),
        "active": (Severity.GOOD, "is active: its instances can be used."),
        "failed": (Severity.CRITICAL, "failed: its purchase was not completed."),
        "expired": (Severity.INFO, "has ended."),
    },
    next_steps={
        "pending": "No action needed yet: SageMaker collects the payment or fails the plan.",
        "scheduled": "Prepare the jobs or the cluster for its start; jobs wait until then.",
        "active": "Use its instances: the plan is paid whether they run or not.",
        "failed": "Check the payment method in the Billing console and buy another plan: "
        "`truffle offerings --include training-plans` shows what is for sale.",
        "expired": "No action needed: its instances are terminated.",
    },
    note="Times are UTC. SageMaker starts to terminate instances 30 minutes before the end",
    listing=ListOperation("sagemaker", "ListTrainingPlans", "TrainingPlanSummaries", 100),
    search="SearchTrainingPlanOfferings",
    meanings={
        "plan_arn": "The ARN of the training plan.",
        "plan_name": "The name of the training plan.",
        "status_message": "SageMaker's message about the plan's status.",
        "in_use_capacity": "Instances of the plan in use, as SageMaker reports them.",
        "upfront_fee": "What the plan cost, in `currency`.",
        "currency": "Such as `USD`.",
        "target_resources": "What the plan is for, such as `training-job` or `hyperpod-cluster`.",
        "reserved_capacity_arns": "The reserved capacities that the plan is made of.",
        "ultraserver_count": "UltraServers of the plan.",
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan(CapacityRow):
    """One training plan of SageMaker.

    ``reservation_id`` consists of the unique parts of SageMaker's ARN: ``tp-``, the account, the
    region and the plan's name. ``instance_type`` is SageMaker's (``ml.p5.48xlarge``); a plan whose
    reserved capacities differ in type or zone has all types, and no zone. ``state`` is SageMaker's
    status in lower case. ``upfront_fee`` is in ``currency``. ``used_capacity`` and ``utilization``
    (0..1) are None unless the plan is active, ``in_use_capacity`` is SageMaker's own count.
    ``effective_end`` is when SageMaker starts to terminate instances.
    """

    kind: ClassVar[Kind] = KIND

    plan_arn: str
    plan_name: str
    reservation_id: str
    type: ReservationType = field(default=ReservationType.TRAINING_PLANS, init=False)
    account_id: str | None = None
    owner_id: str | None = None
    region: str = ""
    availability_zone: str | None = None
    availability_zone_id: str | None = None
    instance_type: str = ""
    instance_count: int | None = None
    duration_hours: float | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    effective_end: datetime | None = None
    state: str = ""
    status_message: str | None = None
    total_capacity: int | None = None
    available_capacity: int | None = None
    in_use_capacity: int | None = None
    used_capacity: int | None = None
    utilization: float | None = None
    upfront_fee: float | None = None
    currency: str | None = None
    target_resources: tuple[str, ...] = ()
    reserved_capacity_arns: tuple[str, ...] = ()
    ultraserver_type: str | None = None
    ultraserver_count: int | None = None
    health: Health | None = None
    create_date: datetime | None = None
    accelerator: Accelerator | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    observed_at: datetime | None = None
    seen_by: tuple[str, ...] = ()
    account_name: str | None = None
    organizational_unit: str | None = None

    @property
    def arn(self) -> str:
        return self.plan_arn

    @property
    def name(self) -> str:
        return self.plan_name

    @property
    def size(self) -> int | None:
        """Reserved instances."""
        return self.instance_count

    @property
    def fee(self) -> tuple[float, str] | None:
        if self.upfront_fee is None or self.currency is None:
            return None
        return self.upfront_fee, self.currency

    @classmethod
    def from_response(cls, raw: Raw, scope: Scope, observed_at: datetime) -> TrainingPlan:
        """Map a plan of ListTrainingPlans. Raises KeyError if it has no ARN."""
        arn, name = raw["TrainingPlanArn"], raw["TrainingPlanName"]
        account = arn.split(":")[4]
        return cls(
            plan_arn=arn,
            plan_name=name,
            reservation_id=f"{KIND.id_prefix}{account}-{scope.region}-{name}",
            account_id=scope.account_id or None,
            owner_id=account,
            region=scope.region,
            status_message=raw.get("StatusMessage"),
            in_use_capacity=raw.get("InUseInstanceCount"),
            currency=raw.get("CurrencyCode"),
            target_resources=tuple(raw.get("TargetResources") or ()),
            ultraserver_count=raw.get("TotalUltraServerCount"),
            observed_at=observed_at,
            seen_by=seen_by(scope),
            **_capacity(raw),
            **_parts(raw),
        )

    @property
    def detail(self) -> Detail | None:
        """Only an active plan has health."""
        if self.state != "active":
            return None
        return Detail("DescribeTrainingPlan", {"TrainingPlanName": self.plan_arn})

    def with_detail(self, raw: Raw) -> TrainingPlan:
        return replace(self, health=Health(None, raw.get("UnhealthyInstanceCount")))

    def carried(self, before: CapacityRow, refused: AbstractSet[str]) -> TrainingPlan:
        if "DescribeTrainingPlan" not in refused or self.health is not None:
            return self
        return replace(self, health=before.health)

    @classmethod
    def sample_facts(
        cls, reservation_id: str, instances: int, start: datetime, end: datetime
    ) -> dict[str, Any]:
        return {
            "plan_arn": "arn:aws:sagemaker:us-east-1:123456789012:training-plan/truffle-sample",
            "plan_name": "truffle-sample",
            "instance_count": instances,
            "duration_hours": block_hours(start, end),
            "effective_end": effective_end(end, ultraserver=False),
            "target_resources": ("training-job",),
        }


def _capacity(raw: Raw) -> dict[str, Any]:
    """Instances, dates, and cost."""
    state, total = raw.get("Status", "").lower(), raw.get("TotalInstanceCount")
    available, fee = raw.get("AvailableInstanceCount"), raw.get("UpfrontFee")
    start, end = raw.get("StartTime"), raw.get("EndTime")
    used = used_of(state, total, available)
    return {
        "state": state,
        "instance_count": total,
        "total_capacity": total,
        "available_capacity": available,
        "used_capacity": used,
        "utilization": utilization_of(used, total),
        "start_date": start,
        "end_date": end,
        "effective_end": effective_end(end, ultraserver=False),
        "duration_hours": _hours(raw, start, end),
        "upfront_fee": None if fee is None else float(fee),
    }


def _parts(raw: Raw) -> dict[str, Any]:
    """The fields that all reserved capacities of the plan have in common."""
    parts, total = raw.get("ReservedCapacitySummaries") or (), raw.get("TotalInstanceCount")
    types = sorted(_values(parts, "InstanceType"))
    carried = accelerator_of(types[0].removeprefix("ml."), {}) if len(types) == 1 else None
    return {
        "availability_zone": _only(parts, "AvailabilityZone"),
        "availability_zone_id": _only(parts, "AvailabilityZoneId"),
        "instance_type": ", ".join(types),
        "reserved_capacity_arns": tuple(sorted(_values(parts, "ReservedCapacityArn"))),
        "ultraserver_type": _only(parts, "UltraServerType"),
        "accelerator": carried.times(total) if carried else None,
    }


def _values(parts: Iterable[Raw], name: str) -> set[str]:
    return {part[name] for part in parts if part.get(name)}


def _only(parts: Iterable[Raw], name: str) -> str | None:
    """The common value of all parts; None if they differ."""
    values = _values(parts, name)
    return values.pop() if len(values) == 1 else None


def _hours(raw: Raw, start: datetime | None, end: datetime | None) -> float | None:
    """The sum of the reserved capacities' lengths, which may have gaps between them."""
    hours, minutes = raw.get("DurationHours"), raw.get("DurationMinutes")
    if hours is None:
        return block_hours(start, end)
    return whole(hours + (minutes or 0) / 60)
