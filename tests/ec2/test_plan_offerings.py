"""Training plans for sale, as SageMaker's search returns them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.builders import NOON
from truffle.core.model import FailureKind
from truffle.core.offerings import Wanted
from truffle.ec2.offerings import RegionOfferings, RegionOutcome
from truffle.ec2.plan_offerings import search_plans

WEEK = 168
WANTED = Wanted(instance_type="p5.48xlarge", count=4, duration_hours=WEEK)


def a_part(**facts: Any) -> dict[str, Any]:
    return {
        "InstanceType": "ml.p5.48xlarge",
        "InstanceCount": 4,
        "AvailabilityZone": "us-east-1a",
        "DurationHours": WEEK,
        "DurationMinutes": 0,
        "StartTime": NOON,
        "EndTime": NOON + timedelta(hours=WEEK),
        **facts,
    }


def an_offering(*parts: dict[str, Any], fee: str = "21000.00") -> dict[str, Any]:
    return {
        "TrainingPlanOfferingId": "tpo-1",
        "UpfrontFee": fee,
        "CurrencyCode": "USD",
        "ReservedCapacityOfferings": list(parts or (a_part(),)),
    }


class SageMaker:
    """Returns or raises the same for every search."""

    def __init__(self, *offerings: dict[str, Any], error: Exception | None = None) -> None:
        self.offerings = offerings
        self.error = error
        self.asked: list[dict[str, Any]] = []

    def search_training_plan_offerings(self, **parameters: Any) -> dict[str, Any]:
        self.asked.append(parameters)
        if self.error:
            raise self.error
        return {"TrainingPlanOfferings": list(self.offerings)}


def refusal(code: str, message: str = "No.") -> ClientError:
    content: Any = {"Error": {"Code": code, "Message": message}}
    return ClientError(content, "SearchTrainingPlanOfferings")


def found(client: SageMaker, wanted: Wanted = WANTED) -> RegionOfferings:
    return search_plans(client, "us-east-1", wanted, lambda: NOON)


def test_the_search_names_sagemakers_type_size_length_and_dates() -> None:
    sagemaker, end = SageMaker(), NOON + timedelta(days=9)
    found(
        sagemaker,
        Wanted(
            instance_type="p5.48xlarge", count=4, duration_hours=WEEK, start_after=NOON, end_by=end
        ),
    )
    assert sagemaker.asked == [
        {
            "InstanceType": "ml.p5.48xlarge",
            "InstanceCount": 4,
            "DurationHours": WEEK,
            "StartTimeAfter": NOON,
            "EndTimeBefore": end,
        }
    ]


def test_several_types_are_searched_one_after_the_other() -> None:
    sagemaker = SageMaker(an_offering())
    answer = found(
        sagemaker,
        Wanted(
            instance_type="p5.48xlarge",
            count=4,
            duration_hours=WEEK,
            other_types=("p5en.48xlarge",),
        ),
    )
    assert [it["InstanceType"] for it in sagemaker.asked] == ["ml.p5.48xlarge", "ml.p5en.48xlarge"]
    assert len(answer.offerings) == 2


def test_a_plan_has_the_prices_of_a_block() -> None:
    (plan,) = found(SageMaker(an_offering())).offerings
    assert (plan.offering_id, plan.instance_type, plan.instance_count) == (
        "tpo-1",
        "ml.p5.48xlarge",
        4,
    )
    assert plan.price_per_instance_hour == 31.25
    assert plan.accelerator is not None
    assert plan.accelerator.total_count == 32


def test_a_plan_of_several_parts_is_no_single_zone() -> None:
    other = a_part(AvailabilityZone="us-east-1b", StartTime=NOON + timedelta(days=8))
    (plan,) = found(SageMaker(an_offering(a_part(), other))).offerings
    assert plan.availability_zone is None
    assert [part.availability_zone for part in plan.segments] == ["us-east-1a", "us-east-1b"]


def test_a_start_that_is_too_late_is_left_out() -> None:
    wanted = Wanted(
        instance_type="p5.48xlarge",
        count=4,
        duration_hours=WEEK,
        start_by=NOON - timedelta(hours=1),
    )
    assert found(SageMaker(an_offering()), wanted).offerings == ()


@pytest.mark.parametrize(
    ("error", "outcome", "kind"),
    [
        (
            refusal("ValidationException", "Value at 'instanceType' must be one of …"),
            RegionOutcome.NOT_SOLD,
            FailureKind.ERROR,
        ),
        (refusal("AccessDeniedException"), RegionOutcome.FAILED, FailureKind.DENIED),
        (refusal("ThrottlingException"), RegionOutcome.FAILED, FailureKind.THROTTLED),
    ],
)
def test_a_search_that_fails_is_not_an_empty_market(
    error: Exception, outcome: RegionOutcome, kind: FailureKind
) -> None:
    answer = found(SageMaker(error=error))
    assert (answer.outcome, answer.kind, answer.offerings) == (outcome, kind, ())


def test_a_response_without_the_list_is_a_failure() -> None:
    class Unreadable(SageMaker):
        def search_training_plan_offerings(self, **parameters: Any) -> dict[str, Any]:
            return {"message": "<html>"}

    assert found(Unreadable()).outcome is RegionOutcome.FAILED
