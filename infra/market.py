"""What asks for the watches of the alerts file: a function on a schedule of its own."""

from aws_cdk import Aws
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra.acknowledgments import acknowledge_wildcard
from infra.ec2_model import MARKET_ACTIONS
from infra.functions import Deployment, PythonFunction, allow, scheduler_role
from infra.past import OFFERINGS, objects
from infra.storage import Storage
from lambdas.settings import WatchSettings
from truffle.core.market.budget import period_minutes

TIMEOUT_SECONDS = 180
MEMORY_MEGABYTES = 512

_ONLY_DESCRIBES = "These calls of EC2 take no resource; they only describe."


class Market(Construct):
    """The function and its schedule; only a stack with watches has them.

    Attributes:
        watch: asks what regions sell, in the stack's own account.
    """

    def __init__(
        self, scope: Construct, construct_id: str, deployment: Deployment, storage: Storage
    ) -> None:
        super().__init__(scope, construct_id)
        table, bucket = storage.table, storage.bucket
        self.watch = PythonFunction(
            self,
            "Watch",
            deployment,
            name="watch",
            description="Asks what regions sell for the watches, within EC2's request budget.",
            environment=WatchSettings(
                table=table.table_name,
                bucket=bucket.bucket_name,
                account_id=Aws.ACCOUNT_ID,
                event_retention_days=str(deployment.context.event_retention_days),
            ).to_env(),
            statements=[
                allow("ec2", MARKET_ACTIONS, "*"),
                allow("dynamodb", ["Query", "PutItem", "DeleteItem"], table.table_arn),
                allow("s3", ["PutObject"], *objects(storage, [OFFERINGS])),
            ],
            timeout_seconds=TIMEOUT_SECONDS,
            memory_megabytes=MEMORY_MEGABYTES,
        )
        acknowledge_wildcard(self.watch, "*", _ONLY_DESCRIBES)
        acknowledge_wildcard(
            self.watch,
            f"<{storage.bucket_logical_id}.Arn>/{OFFERINGS}/*",
            "The names of objects follow from the region and the time.",
        )
        _schedule(self, self.watch, period_minutes(deployment.context.alerts.watches))


def _schedule(scope: Construct, watch: PythonFunction, minutes: int) -> None:
    """What one invocation could not ask, the next one does: none is retried."""
    schedule = scheduler.CfnSchedule
    arn = watch.function.function_arn
    role = scheduler_role(scope, "ScheduleRole", allow("lambda", ["InvokeFunction"], arn))
    schedule(
        scope,
        "Schedule",
        description="Asks for the watches that are due.",
        schedule_expression=f"rate({minutes} {'minute' if minutes == 1 else 'minutes'})",
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
        function_name=watch.function.function_name,
        qualifier="$LATEST",
        maximum_retry_attempts=0,
    )
