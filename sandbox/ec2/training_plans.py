"""Training plans of SageMaker in a fleet, in the form of ``aws sagemaker describe-training-plan``.

A scheduled plan becomes active at its start, and expires at its end (SageMaker AI Developer Guide,
training-plan-details-using-api-cli-sdk).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import botocore.session

from sandbox.ec2.filters import Fields
from sandbox.ec2.others import Form
from sandbox.ec2.wire import Shape

_HOUR = timedelta(hours=1)


@cache
def sagemaker_model() -> Any:
    return botocore.session.get_session().get_service_model("sagemaker")


def _shape() -> Shape:
    return sagemaker_model().operation_model("DescribeTrainingPlan").output_shape


def _completed(fields: Fields, region: str, account: str, now: datetime) -> Fields:
    """A plan with SageMaker's defaults for omitted fields."""
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


TRAINING_PLANS = Form(
    key="TrainingPlans",
    path="training-plans",
    shape=_shape,
    arn="TrainingPlanArn",
    names=("TrainingPlanName",),
    state="Status",
    steps={"Scheduled": ("StartTime", "Active"), "Active": ("EndTime", "Expired")},
    complete=_completed,
)
