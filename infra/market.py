"""The function for the watches of the alerts file, with its own schedule."""

from aws_cdk import Aws
from constructs import Construct

from infra.acknowledgments import acknowledge_wildcard
from infra.ec2_model import MARKET_ACTIONS
from infra.functions import Deployment, PythonFunction, allow, run_every
from infra.past import OFFERINGS, objects
from infra.storage import Storage
from lambdas.settings import WatchSettings
from truffle.core.market.budget import period_minutes

TIMEOUT_SECONDS = 180
MEMORY_MEGABYTES = 512

_ONLY_DESCRIBES = "These EC2 actions are read-only, without resource-level permissions."


class Market(Construct):
    """The function and its schedule; only a stack with watches has them.

    Attributes:
        watch: requests the offerings of regions, in the stack's own account.
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
            description="Searches for the offerings of the watches, within EC2's request budget.",
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
            "Object names are derived from the region and the time.",
        )
        minutes = period_minutes(deployment.context.alerts.watches)
        run_every(self, self.watch, minutes, "Starts the watches that are due.")
