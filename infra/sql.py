"""SQL over the bucket with Athena: the Glue database, its tables, a workgroup, saved queries.

None of it costs anything when unused. Partitions are projected from the days, without a crawler
(Athena User Guide, "Use partition projection with Amazon Athena").
"""

from aws_cdk import Aws
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from constructs import Construct

from infra.context import Context
from infra.storage import RESULTS_PREFIX, Storage
from truffle.core.layout import database_name, table_prefix
from truffle.core.saved_queries import CUR_TABLE, SAVED_QUERIES
from truffle.core.tables import PARTITION, TABLES, Table

SCAN_LIMIT_BYTES = 10 * 2**30
"""The limit of one query. Ten gigabytes cost 0.05 USD, and are years of 10,000 reservations."""

FIRST_DAY = "2026-01-01"
"""Before any stack of this project."""

_INPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
_OUTPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"


class Sql(Construct):
    """The resources of SQL.

    Attributes:
        database: the name of the Glue database.
        workgroup: the name of the Athena workgroup.
    """

    def __init__(
        self, scope: Construct, construct_id: str, context: Context, storage: Storage
    ) -> None:
        super().__init__(scope, construct_id)
        self.database = database_name(context.stack_name)
        self.workgroup = context.stack_name
        bucket = storage.bucket.bucket_name
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.database, description="The history of capacity reservations."
            ),
        )
        for table in TABLES.values():
            made = glue.CfnTable(
                self,
                table.name.title(),
                catalog_id=Aws.ACCOUNT_ID,
                database_name=self.database,
                table_input=_table(table, bucket),
            )
            made.add_dependency(database)
        workgroup = _workgroup(self, self.workgroup, bucket)
        for saved in SAVED_QUERIES:
            if CUR_TABLE in saved.sql:
                continue
            named = athena.CfnNamedQuery(
                self,
                saved.name,
                database=self.database,
                name=f"{context.stack_name}-{saved.name}",
                description=saved.title,
                query_string=saved.sql,
                work_group=self.workgroup,
            )
            named.add_dependency(workgroup)


def _table(table: Table, bucket: str) -> glue.CfnTable.TableInputProperty:
    """A table's location, columns and projected days."""
    column = glue.CfnTable.ColumnProperty
    location = f"s3://{bucket}/{table_prefix(table.name)}"
    day = f"projection.{PARTITION.name}"
    return glue.CfnTable.TableInputProperty(
        name=table.name,
        description=table.meaning,
        table_type="EXTERNAL_TABLE",
        partition_keys=[column(name=PARTITION.name, type=PARTITION.type)],
        parameters={
            "EXTERNAL": "TRUE",
            "classification": "parquet",
            "projection.enabled": "true",
            f"{day}.type": "date",
            f"{day}.format": "yyyy-MM-dd",
            f"{day}.range": f"{FIRST_DAY},NOW",
            f"{day}.interval": "1",
            f"{day}.interval.unit": "DAYS",
            "storage.location.template": f"{location}{PARTITION.name}=${{{PARTITION.name}}}/",
        },
        storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
            columns=[column(name=one.name, type=one.type) for one in table.columns],
            location=location,
            input_format=_INPUT,
            output_format=_OUTPUT,
            serde_info=glue.CfnTable.SerdeInfoProperty(serialization_library=_SERDE),
        ),
    )


def _workgroup(scope: Construct, name: str, bucket: str) -> athena.CfnWorkGroup:
    """The workgroup: queries write encrypted results below one prefix, and stop at the limit."""
    group = athena.CfnWorkGroup
    return group(
        scope,
        "Workgroup",
        name=name,
        description="Queries on truffle's tables.",
        recursive_delete_option=True,
        work_group_configuration=group.WorkGroupConfigurationProperty(
            enforce_work_group_configuration=True,
            publish_cloud_watch_metrics_enabled=True,
            bytes_scanned_cutoff_per_query=SCAN_LIMIT_BYTES,
            engine_version=group.EngineVersionProperty(
                selected_engine_version="Athena engine version 3"
            ),
            result_configuration=group.ResultConfigurationProperty(
                output_location=f"s3://{bucket}/{RESULTS_PREFIX}",
                encryption_configuration=group.EncryptionConfigurationProperty(
                    encryption_option="SSE_S3"
                ),
            ),
        ),
    )
