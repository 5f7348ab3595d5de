"""The functions of history: the ledgers of days, and AWS's prices."""

from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra.acknowledgments import acknowledge_wildcard
from infra.collection import Collection
from infra.functions import (
    INVENTORY_MEGABYTES,
    Deployment,
    PythonFunction,
    allow,
    keep_failed_starts,
    scheduler_role,
)
from infra.past import OFFERINGS, RUNS, SNAPSHOTS, USAGE, acknowledge_reads, objects, reads
from infra.storage import Storage
from lambdas.settings import LedgerSettings, PricesSettings

LEDGER_TIMEOUT_SECONDS = 900
PRICES_TIMEOUT_SECONDS = 300

_PAST = (SNAPSHOTS, RUNS, USAGE)
_AT = {"ledger": "cron(30 2 * * ? *)", "prices": "cron(0 5 * * ? *)"}
"""A day is closed two and a half hours after its end: by then, an hourly schedule has listed every
scope again, or recorded its failure."""

_MAX_AGE_SECONDS = 6 * 3600
_ONLY_READS = "GetProducts and GetCostAndUsage are read-only, without resource-level permissions."


class History(Construct):
    """Two functions that run once a day.

    Attributes:
        ledger: writes the ledger of each past day.
        prices: fetches the On-Demand prices of held capacity, each once a week.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        deployment: Deployment,
        storage: Storage,
        collection: Collection,
    ) -> None:
        """Failed starts go to the same queue as those of runs."""
        super().__init__(scope, construct_id)
        self.ledger = _ledger(self, deployment, storage)
        self.prices = _prices(self, deployment, storage)
        for function in (self.ledger, self.prices):
            keep_failed_starts(
                function, collection.trigger_dead_letters, max_age_seconds=_MAX_AGE_SECONDS
            )
            function.function.add_to_role_policy(
                allow("sqs", ["SendMessage"], collection.trigger_dead_letters.queue_arn)
            )
        self._add_schedules(collection)

    def _add_schedules(self, collection: Collection) -> None:
        functions = (self.ledger, self.prices)
        letters = collection.trigger_dead_letters.queue_arn
        role = scheduler_role(
            self,
            "ScheduleRole",
            allow("lambda", ["InvokeFunction"], *(it.function.function_arn for it in functions)),
            allow("sqs", ["SendMessage"], letters),
        )
        schedule = scheduler.CfnSchedule
        for function in functions:
            schedule(
                self,
                f"{function.name.title()}Schedule",
                description=f"Starts {function.name} once a day.",
                schedule_expression=_AT[function.name],
                schedule_expression_timezone="UTC",
                flexible_time_window=schedule.FlexibleTimeWindowProperty(mode="OFF"),
                target=schedule.TargetProperty(
                    arn=function.function.function_arn,
                    role_arn=role.role_arn,
                    input="{}",
                    retry_policy=schedule.RetryPolicyProperty(
                        maximum_retry_attempts=5, maximum_event_age_in_seconds=_MAX_AGE_SECONDS
                    ),
                    dead_letter_config=schedule.DeadLetterConfigProperty(arn=letters),
                ),
            )


def _ledger(scope: Construct, deployment: Deployment, storage: Storage) -> PythonFunction:
    ledger = PythonFunction(
        scope,
        "Ledger",
        deployment,
        name="ledger",
        description="Totals the reserved and used hours of each completed day.",
        environment=LedgerSettings(
            table=storage.table.table_name,
            bucket=storage.bucket.bucket_name,
            schedule_minutes=str(deployment.context.schedule_minutes),
        ).to_env(),
        statements=[
            *reads(storage, *_PAST),
            allow("s3", ["PutObject"], *objects(storage, (USAGE,))),
        ],
        timeout_seconds=LEDGER_TIMEOUT_SECONDS,
        memory_megabytes=INVENTORY_MEGABYTES,
    )
    acknowledge_reads(ledger, storage, *_PAST)
    return ledger


def _prices(scope: Construct, deployment: Deployment, storage: Storage) -> PythonFunction:
    prices = PythonFunction(
        scope,
        "Prices",
        deployment,
        name="prices",
        description="Fetches the On-Demand prices of reserved instance types.",
        environment=PricesSettings(
            table=storage.table.table_name,
            bucket=storage.bucket.bucket_name,
            cost_explorer="on" if deployment.context.cost_explorer else "",
        ).to_env(),
        statements=[
            allow("pricing", ["GetProducts"], "*"),
            *([allow("ce", ["GetCostAndUsage"], "*")] if deployment.context.cost_explorer else []),
            *reads(storage, OFFERINGS),
            allow(
                "dynamodb",
                ["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem"],
                storage.table.table_arn,
            ),
        ],
        timeout_seconds=PRICES_TIMEOUT_SECONDS,
        memory_megabytes=INVENTORY_MEGABYTES,
    )
    acknowledge_wildcard(prices, "*", _ONLY_READS)
    acknowledge_reads(prices, storage, OFFERINGS)
    return prices
