"""The hourly collection: schedule, fan_out, the queue of units, collect."""

import json
from collections.abc import Sequence

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledgments import acknowledge_wildcard
from infra.context import Context
from infra.ec2_model import (
    OPERATIONS,
    ORGANIZATIONS_ACTIONS,
    OTHER_OPERATIONS,
    STRANDED_ACTIONS,
)
from infra.functions import (
    INVENTORY_MEGABYTES,
    SCHEDULED_TIME,
    SCHEDULER_RETRIES,
    Deployment,
    PythonFunction,
    allow,
    keep_failed_starts,
    scheduler_role,
)
from infra.past import BESIDE, REGIONS, USAGE, objects, reads
from infra.queues import consume, dead_letter_queue, deliver, work_queue
from infra.rechecks import Checks
from infra.storage import Storage
from lambdas.settings import CollectSettings, FanOutSettings

FAN_OUT_TIMEOUT_SECONDS = 180
"""Enough for 500 pages of 20 accounts, the maximum of an organization (AWS Organizations User
Guide, quotas), and for accounts that respond slowly."""

FAN_OUT_MEGABYTES = 1769
"""One processor: the messages of a run's units are created and signed one by one, and the units
wait for them. The cost is about the same as with a seventh of the memory."""

COLLECT_TIMEOUT_SECONDS = 120
VISIBILITY_SECONDS = 6 * COLLECT_TIMEOUT_SECONDS
MAX_RECEIVES = 5
"""AWS recommends a visibility timeout of six times the function's, in which Lambda repeats
throttled invocations, and five receives (Lambda Developer Guide, "Using Lambda with Amazon SQS").
Throttled invocations use them up after an hour or more, when the next run is due; throttled calls
of EC2 and STS use up none (truffle/core/throttling.py)."""

FAN_OUT_TABLE_ACTIONS = ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem")
COLLECT_TABLE_ACTIONS = (*FAN_OUT_TABLE_ACTIONS, "DeleteItem")
"""A transaction needs the permissions of its parts."""

_READ = (REGIONS, BESIDE, USAGE)
"""The objects written after a run are built from those of the last one, and the report has earlier
usage."""

_ONLY_LISTS = "List actions of Organizations are read-only, without resource-level permissions."
_ONLY_READS = "Describe actions of EC2 are read-only, without resource-level permissions."
_TRIGGER_MAX_AGE_SECONDS = 30 * 60


class Collection(Construct):
    """The collection: the schedule of runs, the queue of units, and the dead letters.

    Attributes:
        units: the queue with one message per unit.
        unit_dead_letters: units that failed at every attempt.
        trigger_dead_letters: starts of a run that EventBridge or Lambda gave up on.
        fan_out: opens a run.
        checks: one-time schedules with which collect has a unit listed again.
        collect: lists a unit.
        schedule: the schedule of runs.
    """

    def __init__(
        self, scope: Construct, construct_id: str, deployment: Deployment, storage: Storage
    ) -> None:
        super().__init__(scope, construct_id)
        self.unit_dead_letters = dead_letter_queue(self, "UnitDeadLetters")
        self.units = work_queue(
            self,
            "Units",
            visibility_seconds=VISIBILITY_SECONDS,
            max_receives=MAX_RECEIVES,
            dead_letters=self.unit_dead_letters,
        )
        self.trigger_dead_letters = dead_letter_queue(self, "TriggerDeadLetters")
        self.checks = Checks(self, "Checks", self.units)
        self.collect = _collect(self, deployment, storage)
        self.fan_out = _fan_out(self, deployment, storage)
        self.schedule = _schedule(self, deployment.context)


def _fan_out(scope: Collection, deployment: Deployment, storage: Storage) -> PythonFunction:
    context = deployment.context
    fan_out = PythonFunction(
        scope,
        "FanOut",
        deployment,
        name="fan_out",
        description="Starts a run: finds the regions and sends one message per unit to the queue.",
        environment=FanOutSettings(
            table=storage.table.table_name,
            bucket=storage.bucket.bucket_name,
            queue_url=scope.units.queue_url,
            account_id=Aws.ACCOUNT_ID,
            regions=",".join(context.regions),
            collector=scope.collect.function.function_name,
            organization_role_arn=context.organization_role_arn or "",
            external_id=context.external_id,
            schedule_minutes=str(context.schedule_minutes),
        ).to_env(),
        statements=[
            allow("ec2", ["DescribeRegions"], "*"),
            allow("dynamodb", FAN_OUT_TABLE_ACTIONS, storage.table.table_arn),
            _send_to(scope.units, scope.trigger_dead_letters),
            *_discover(context),
            *_ask_for_regions(scope, context),
        ],
        timeout_seconds=FAN_OUT_TIMEOUT_SECONDS,
        memory_megabytes=FAN_OUT_MEGABYTES,
    )
    acknowledge_wildcard(fan_out, "*", _ONLY_READS)
    if context.is_organization:
        acknowledge_wildcard(fan_out, "*", _ONLY_LISTS)
    keep_failed_starts(
        fan_out, scope.trigger_dead_letters, max_age_seconds=_TRIGGER_MAX_AGE_SECONDS
    )
    return fan_out


def _collect_settings(scope: Collection, context: Context, storage: Storage) -> CollectSettings:
    return CollectSettings(
        table=storage.table.table_name,
        bucket=storage.bucket.bucket_name,
        queue_url=scope.units.queue_url,
        account_id=Aws.ACCOUNT_ID,
        role_name=context.role_name,
        max_receives=str(MAX_RECEIVES),
        event_retention_days=str(context.event_retention_days),
        schedule_minutes=str(context.schedule_minutes),
        checks_group=scope.checks.group,
        checks_queue_arn=scope.units.queue_arn,
        checks_role_arn=scope.checks.role.role_arn,
        expected_denied=",".join(context.expected_denied),
        external_id=context.external_id,
        stack=context.stack_name,
        capacity_metrics="on" if context.capacity_metrics else "",
        stranded="on" if context.stranded else "",
    )


def _collect(scope: Collection, deployment: Deployment, storage: Storage) -> PythonFunction:
    context, written = deployment.context, ("snapshots", "latest", "runs")
    collect = PythonFunction(
        scope,
        "Collect",
        deployment,
        name="collect",
        description="Lists a unit's reservations and stores what changed, with its events.",
        environment=_collect_settings(scope, context, storage).to_env(),
        statements=[
            allow("ec2", [*OPERATIONS, *(STRANDED_ACTIONS if context.stranded else ())], "*"),
            *(allow(service, names, "*") for service, names in OTHER_OPERATIONS.items()),
            allow("dynamodb", COLLECT_TABLE_ACTIONS, storage.table.table_arn),
            allow("s3", ["PutObject"], *objects(storage, written)),
            *reads(storage, *_READ),
            consume(scope.units),
            _send_to(scope.units),
            *scope.checks.rights(),
            *_assume_roles(context),
        ],
        timeout_seconds=COLLECT_TIMEOUT_SECONDS,
        memory_megabytes=INVENTORY_MEGABYTES,
    )
    _acknowledge(collect, storage, written)
    acknowledge_wildcard(
        collect,
        f"arn:<AWS::Partition>:iam::*:role/{context.role_name}",
        "A condition bounds the accounts; each account decides which principals its role trusts.",
    )
    scope.checks.acknowledge(collect)
    deliver(scope.units, collect, at_a_time=context.collect_concurrency)
    return collect


def _schedule_role(scope: Collection) -> iam.Role:
    """The role that starts fan_out, and queues failed starts."""
    return scheduler_role(
        scope,
        "ScheduleRole",
        allow("lambda", ["InvokeFunction"], scope.fan_out.function.function_arn),
        _send_to(scope.trigger_dead_letters),
    )


def _schedule(scope: Collection, context: Context) -> scheduler.CfnSchedule:
    schedule = scheduler.CfnSchedule
    target = schedule.TargetProperty(
        arn=scope.fan_out.function.function_arn,
        role_arn=_schedule_role(scope).role_arn,
        input=json.dumps({"scheduled_at": SCHEDULED_TIME}),
        retry_policy=schedule.RetryPolicyProperty(
            maximum_retry_attempts=SCHEDULER_RETRIES,
            maximum_event_age_in_seconds=_TRIGGER_MAX_AGE_SECONDS,
        ),
        dead_letter_config=schedule.DeadLetterConfigProperty(
            arn=scope.trigger_dead_letters.queue_arn
        ),
    )
    return schedule(
        scope,
        "Schedule",
        description="Starts a run of truffle.",
        schedule_expression=context.schedule.expression,
        schedule_expression_timezone=context.schedule_time_zone,
        flexible_time_window=schedule.FlexibleTimeWindowProperty(mode="OFF"),
        target=target,
    )


def _send_to(*queues: sqs.Queue) -> iam.PolicyStatement:
    return allow("sqs", ["SendMessage"], *(queue.queue_arn for queue in queues))


def _assume_roles(context: Context) -> list[iam.PolicyStatement]:
    """Allow assuming only the reader role, and only in the organization or the configured accounts;
    without any, no statement.

    A condition restricts the accounts: their ARNs would fill the policy four times as fast as ids,
    and an organization needs neither (IAM User Guide, "AWS global condition context keys").
    """
    roles = allow("sts", ["AssumeRole"], f"arn:{Aws.PARTITION}:iam::*:role/{context.role_name}")
    if context.is_organization:
        roles.add_condition("StringEquals", {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"})
        return [roles]
    if not context.listed_accounts:
        return []
    roles.add_condition("StringEquals", {"aws:ResourceAccount": list(context.listed_accounts)})
    return [roles]


def _discover(context: Context) -> list[iam.PolicyStatement]:
    """Allow Organizations' List actions, which do not support resources. If another account's role
    is assumed, that role has these permissions."""
    if not context.is_organization:
        return []
    if context.organization_role_arn is not None:
        return [allow("sts", ["AssumeRole"], context.organization_role_arn)]
    return [allow("organizations", ORGANIZATIONS_ACTIONS, "*")]


def _ask_for_regions(scope: Collection, context: Context) -> list[iam.PolicyStatement]:
    """Allow requests through collect, whose role is the only one that the other accounts trust."""
    if not (context.is_organization or context.listed_accounts):
        return []
    return [allow("lambda", ["InvokeFunction"], scope.collect.function.function_arn)]


def _acknowledge(function: PythonFunction, storage: Storage, prefixes: Sequence[str]) -> None:
    acknowledge_wildcard(function, "*", _ONLY_READS)
    for prefix in dict.fromkeys((*prefixes, *_READ)):
        acknowledge_wildcard(
            function,
            f"<{storage.bucket_logical_id}.Arn>/{prefix}/*",
            f"Object names below {prefix}/ are derived from the time and the scope.",
        )
