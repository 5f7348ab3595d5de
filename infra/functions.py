"""A Lambda function with its own role and log group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Aws, Duration, RemovalPolicy, Size
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.context import Context
from infra.context_values import LOG_RETENTION_DAYS
from truffle.core.wording import counted

RUNTIME = lambda_.Runtime.PYTHON_3_14
"""The newest runtime that CDK and Powertools support."""

IDEMPOTENCY_ACTIONS = ("GetItem", "PutItem", "UpdateItem", "DeleteItem")
"""The actions of Powertools' idempotency on its table."""

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""The placeholder in a schedule's input that EventBridge Scheduler fills in (User Guide, context
attributes)."""

SCHEDULER_RETRIES = 5

_START_RETRIES = 2
"""Lambda's maximum (API reference, PutFunctionEventInvokeConfig)."""

INVENTORY_MEGABYTES = 1769
"""The memory of a function that reads the whole inventory, such as a collector that closes its run;
it provides one processor (AWS Lambda Developer Guide, "Configure Lambda function memory")."""

_RETENTION = dict(zip(LOG_RETENTION_DAYS, logs.RetentionDays, strict=False))
# CDK's members have no numbers in Python; they are in the same order, followed by INFINITE.


@dataclass(frozen=True)
class Deployment:
    """The common parts of a stack's functions: the context and the directory of the code.

    Attributes:
        duckdb: the directory of the layer with DuckDB.
    """

    context: Context
    asset: Path
    duckdb: Path


def allow(service: str, actions: Sequence[str], *resources: str) -> iam.PolicyStatement:
    """A statement that allows `actions` of one service on `resources`."""
    return iam.PolicyStatement(
        actions=[f"{service}:{action}" for action in actions], resources=list(resources)
    )


def scheduler_role(
    scope: Construct, construct_id: str, *statements: iam.PolicyStatement
) -> iam.Role:
    """A role for EventBridge Scheduler with this account's schedules."""
    return iam.Role(
        scope,
        construct_id,
        assumed_by=iam.ServicePrincipal(
            "scheduler.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        ),
        inline_policies={"schedule": iam.PolicyDocument(statements=list(statements))},
    )


def log_group(scope: Construct, construct_id: str, context: Context) -> logs.LogGroup:
    """A log group that is deleted with the stack, with the configured retention."""
    return logs.LogGroup(
        scope,
        construct_id,
        retention=_RETENTION[context.log_retention_days],
        removal_policy=RemovalPolicy.DESTROY,
    )


class PythonFunction(Construct):
    """The function `lambdas.<name>.handler`, its role and its log group.

    The role has only the given statements and the permission to write to the log group: no managed
    policy, and the construct that owns a trigger grants its permissions.

    Attributes:
        function: the Lambda function.
        name: name of the handler's module, e.g. `fan_out`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        deployment: Deployment,
        *,
        name: str,
        description: str,
        environment: Mapping[str, str],
        statements: Sequence[iam.PolicyStatement],
        timeout_seconds: int,
        memory_megabytes: int,
        layers: Sequence[lambda_.ILayerVersion] = (),
        storage_megabytes: int = 512,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        context = deployment.context
        group = log_group(self, "Logs", context)
        write_logs = allow("logs", ["CreateLogStream", "PutLogEvents"], group.log_group_arn)
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"lambdas.{name}.handler",
            code=lambda_.Code.from_asset(str(deployment.asset)),
            role=_role(self, [*statements, write_logs]),
            log_group=group,
            timeout=Duration.seconds(timeout_seconds),
            memory_size=memory_megabytes,
            ephemeral_storage_size=Size.mebibytes(storage_megabytes),
            layers=list(layers) or None,
            environment=_powertools(context) | dict(environment),
        )


def keep_failed_starts(
    function: PythonFunction, dead_letters: sqs.Queue, *, max_age_seconds: int
) -> None:
    """Have Lambda retry an asynchronous start twice, then send it with its error to the queue."""
    config = lambda_.CfnEventInvokeConfig
    config(
        function,
        "OnFailure",
        function_name=function.function.function_name,
        qualifier="$LATEST",
        maximum_retry_attempts=_START_RETRIES,
        maximum_event_age_in_seconds=max_age_seconds,
        destination_config=config.DestinationConfigProperty(
            on_failure=config.OnFailureProperty(destination=dead_letters.queue_arn)
        ),
    )


def _role(scope: Construct, statements: Sequence[iam.PolicyStatement]) -> iam.Role:
    return iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"function": iam.PolicyDocument(statements=list(statements))},
    )


def _powertools(context: Context) -> dict[str, str]:
    """Powertools' variables; metrics have the stack's name, which separates the stacks of an
    account and region."""
    return {
        "POWERTOOLS_SERVICE_NAME": context.stack_name,
        "POWERTOOLS_METRICS_NAMESPACE": context.stack_name,
        "POWERTOOLS_LOG_LEVEL": context.log_level,
    }


def run_every(scope: Construct, function: PythonFunction, minutes: int, description: str) -> None:
    """A schedule of a function. Invocations are not retried: the next one does the remaining
    work."""
    schedule = scheduler.CfnSchedule
    arn = function.function.function_arn
    role = scheduler_role(scope, "ScheduleRole", allow("lambda", ["InvokeFunction"], arn))
    schedule(
        scope,
        "Schedule",
        description=description,
        schedule_expression=f"rate({counted(str(minutes), 'minute')})",
        flexible_time_window=schedule.FlexibleTimeWindowProperty(mode="OFF"),
        target=schedule.TargetProperty(
            arn=arn,
            role_arn=role.role_arn,
            input="{}",
            retry_policy=schedule.RetryPolicyProperty(maximum_retry_attempts=0),
        ),
    )
    lambda_.CfnEventInvokeConfig(
        scope,
        "Once",
        function_name=function.function.function_name,
        qualifier="$LATEST",
        maximum_retry_attempts=0,
    )
