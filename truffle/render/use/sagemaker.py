"""SageMaker AI (its API: CreateTrainingPlan, TrainingPlanArn, MlReservationArn)."""

from __future__ import annotations

from math import ceil

from truffle.core.model import CapacityBlock, Reservation
from truffle.core.times import format_time
from truffle.render.use.target import says

PLAN_TYPES = frozenset(
    {
        "p4d.24xlarge",
        "p4de.24xlarge",
        "p5.4xlarge",
        "p5.48xlarge",
        "p5e.48xlarge",
        "p5en.48xlarge",
        "p6-b200.48xlarge",
        "p6-b300.48xlarge",
        "p6e-gb200.36xlarge",
        "trn1.32xlarge",
        "trn2.48xlarge",
    }
)
"""Types that training plans come in (botocore, SageMaker, ReservedCapacityInstanceType)."""


def training_plan(row: Reservation) -> str:
    """SageMaker takes no EC2 reservation by its id: the way to the same capacity there."""
    lines = [
        f"# {says(row)}",
        "# SageMaker AI cannot be pointed at an EC2 reservation: no parameter of its API takes a",
        f"# cr-… id, so that {row.reservation_id} stays with EC2, EKS, ParallelCluster and PCS.",
    ]
    if row.instance_type not in PLAN_TYPES:
        return "\n".join([*lines, f"# Training plans do not come in {row.instance_type} either."])
    return "\n".join(
        [
            *lines,
            "# Its own capacity is the training plan; this searches for the same size and time:",
            " \\\n  ".join(_search(row)),
            "# Use its ARN as ResourceConfig.TrainingPlanArn of a training job, TrainingPlanArn of",
            "# a HyperPod instance group, or CapacityReservationConfig.MlReservationArn of an",
            "# endpoint's production variant.",
        ]
    )


def _search(row: Reservation) -> list[str]:
    hours = row.duration_hours if isinstance(row, CapacityBlock) else None
    options = [
        "aws sagemaker search-training-plan-offerings",
        f"--region {row.region}",
        f"--instance-type ml.{row.instance_type}",
        f"--instance-count {row.size or 1}",
        "--target-resources training-job",
        f"--duration-hours {ceil((hours or 24) / 24) * 24}",
    ]
    if isinstance(row, CapacityBlock) and row.start_date is not None and row.state == "scheduled":
        options.append(f"--start-time-after {format_time(row.start_date)}")
    return options
