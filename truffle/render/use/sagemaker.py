"""SageMaker AI (its API: CreateTrainingPlan, TrainingPlanArn, MlReservationArn)."""

from __future__ import annotations

from math import ceil

from truffle.core.model import Reservation
from truffle.core.quoting import aws_cli
from truffle.core.quoting.shell import comment_word
from truffle.core.times import format_time
from truffle.render.use.target import COUNT_WORDS, described, instances, label

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
"""The types of training plans (botocore, SageMaker, ReservedCapacityInstanceType)."""


def training_plan(row: Reservation) -> str:
    """A training job on a plan; for an EC2 reservation, how to get the same capacity in
    SageMaker."""
    if row.kind.service == "SageMaker":
        return _training_job(row)
    lines = [
        f"# {described(row)}",
        "# SageMaker AI cannot be pointed at an EC2 reservation: no parameter of its API takes a",
        f"# cr-… id. Use {comment_word(row.reservation_id)} with EC2, EKS, ParallelCluster or PCS.",
    ]
    if row.instance_type not in PLAN_TYPES:
        return "\n".join(
            [
                *lines,
                f"# Training plans are not available for {comment_word(row.instance_type)} either.",
            ]
        )
    hours = row.duration_hours
    unknown = [
        *([] if row.size else [f"# {COUNT_WORDS}"]),
        *([] if hours else ["# HOURS: the duration in hours; the reservation has no fixed length"]),
    ]
    return "\n".join(
        [
            *lines,
            "# SageMaker reserves capacity with training plans; search for one of this size:",
            *unknown,
            " \\\n  ".join(_search(row, hours)),
            "# Use its ARN as ResourceConfig.TrainingPlanArn of a training job, TrainingPlanArn of",
            "# a HyperPod instance group, or CapacityReservationConfig.MlReservationArn of an",
            "# endpoint's production variant.",
        ]
    )


def _training_job(row: Reservation) -> str:
    """The command; CreateTrainingJob waits for a scheduled plan (SageMaker AI Developer Guide,
    training-plan-utilization-for-training-jobs)."""
    resources = {
        "InstanceType": row.instance_type,
        "InstanceCount": str(instances(row) or "COUNT"),
        "VolumeSizeInGB": "GIGABYTES",
        "TrainingPlanArn": row.arn,
    }
    options = [
        "aws sagemaker create-training-job",
        aws_cli.option("region", row.region),
        '--training-job-name "$JOB_NAME"',
        '--role-arn "$ROLE_ARN"',
        '--algorithm-specification "TrainingImage=$IMAGE_URI,TrainingInputMode=File"',
        '--output-data-config "S3OutputPath=$OUTPUT_S3_URI"',
        f"--resource-config {aws_cli.structure(resources)}",
        '--stopping-condition "MaxRuntimeInSeconds=$SECONDS_AT_MOST"',
    ]
    return "\n".join(
        [
            f"# {described(row)}",
            "# GIGABYTES: of storage for each instance.",
            "# Checkpoint: SageMaker starts to terminate instances 30 minutes before the end.",
            *([] if instances(row) else [f"# {COUNT_WORDS}"]),
            " \\\n  ".join(options),
        ]
    )


def hyperpod(row: Reservation) -> str:
    """An instance group of a HyperPod cluster on a training plan (SageMaker API Reference,
    ClusterInstanceGroupSpecification)."""
    group = {
        "InstanceGroupName": label(row),
        "InstanceType": row.instance_type,
        "InstanceCount": instances(row) or "COUNT",
        "LifeCycleConfig": {"SourceS3Uri": "S3_URI", "OnCreate": "on_create.sh"},
        "ExecutionRole": "ROLE_ARN",
        "TrainingPlanArn": row.arn,
    }
    options = [
        "aws sagemaker update-cluster",
        aws_cli.option("region", row.region),
        '--cluster-name "$CLUSTER"',
        f"--instance-groups {aws_cli.json_value([group])}",
    ]
    return "\n".join(
        [
            f"# {described(row)}",
            "# The request must also name the other instance groups of the cluster.",
            *([] if instances(row) else [f"# {COUNT_WORDS}"]),
            " \\\n  ".join(options),
        ]
    )


def _search(row: Reservation, hours: float | None) -> list[str]:
    options = [
        "aws sagemaker search-training-plan-offerings",
        aws_cli.option("region", row.region),
        aws_cli.option("instance-type", f"ml.{row.instance_type}"),
        f"--instance-count {row.size}" if row.size else '--instance-count "$COUNT"',
        "--target-resources training-job",
        f"--duration-hours {ceil(hours / 24) * 24}" if hours else '--duration-hours "$HOURS"',
    ]
    if row.kind.is_prepaid and row.start_date is not None and row.state == "scheduled":
        options.append(f"--start-time-after {format_time(row.start_date)}")
    return options
