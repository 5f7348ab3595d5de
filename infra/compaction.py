"""The function that builds the tables for SQL, with DuckDB in its own layer."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.acknowledgments import acknowledge_wildcard
from infra.functions import RUNTIME, Deployment, PythonFunction, allow, run_every
from infra.storage import Storage
from lambdas.settings import CompactSettings
from truffle.core.layout import SOURCES, TABLES_PREFIX

EVERY_MINUTES = 15
"""The maximum age of the tables. An invocation without new objects makes some ten requests."""

TIMEOUT_SECONDS = 880
"""Below the period, so invocations do not overlap."""

MEMORY_MEGABYTES = 1769
"""One processor (AWS Lambda Developer Guide, "Configure Lambda function memory")."""

DUCKDB_MEGABYTES = 900
"""DuckDB's memory limit; beyond it, DuckDB writes to the function's storage."""

STORAGE_MEGABYTES = 2048
"""A day of 100,000 reservations has some 300 MB of objects."""


class Compaction(Construct):
    """Builds the tables' files from the bucket's objects.

    Attributes:
        compact: the function.
    """

    def __init__(
        self, scope: Construct, construct_id: str, deployment: Deployment, storage: Storage
    ) -> None:
        super().__init__(scope, construct_id)
        layer = lambda_.LayerVersion(
            self,
            "DuckDB",
            description="DuckDB for the function compact.",
            code=lambda_.Code.from_asset(str(deployment.duckdb)),
            compatible_architectures=[lambda_.Architecture.ARM_64],
            compatible_runtimes=[RUNTIME],
        )
        self.compact = PythonFunction(
            self,
            "Compact",
            deployment,
            name="compact",
            description="Writes the tables for SQL from the objects in the bucket.",
            environment=CompactSettings(
                table=storage.table.table_name,
                bucket=storage.bucket.bucket_name,
                schedule_minutes=str(deployment.context.schedule_minutes),
                memory_megabytes=str(DUCKDB_MEGABYTES),
            ).to_env(),
            statements=_rights(storage),
            timeout_seconds=TIMEOUT_SECONDS,
            memory_megabytes=MEMORY_MEGABYTES,
            layers=[layer],
            storage_megabytes=STORAGE_MEGABYTES,
        )
        for prefix in (*_read(), TABLES_PREFIX):
            acknowledge_wildcard(
                self.compact,
                f"<{storage.bucket_logical_id}.Arn>/{prefix}*",
                "Object names are derived from the day, the unit, the run and the event.",
            )
        run_every(self, self.compact, EVERY_MINUTES, "Updates the tables for SQL.")


def _read() -> list[str]:
    return sorted({f"{prefix}/" for prefix in SOURCES.values()})


def _rights(storage: Storage) -> list[iam.PolicyStatement]:
    bucket = storage.bucket.bucket_arn
    listing = allow("s3", ["ListBucket"], bucket)
    prefixes = [f"{prefix}*" for prefix in (*_read(), TABLES_PREFIX)]
    listing.add_condition("StringLike", {"s3:prefix": prefixes})
    return [
        listing,
        allow("s3", ["GetObject"], *(f"{bucket}/{one}*" for one in (*_read(), TABLES_PREFIX))),
        allow("s3", ["PutObject"], f"{bucket}/{TABLES_PREFIX}*"),
    ]
