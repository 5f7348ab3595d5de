"""The storage: the table, the idempotency table and the bucket."""

from aws_cdk import CfnElement, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.acknowledgments import acknowledge
from infra.context import Context
from truffle.core.layout import TABLES_PREFIX
from truffle.core.market.answers import OFFERINGS_PREFIX

RESERVATION_INDEX = "by-reservation"
RESULTS_PREFIX = "query-results/"
"""The prefix for the results of Athena's queries."""

_OLD_VERSIONS_DAYS = 7
_RESULTS_DAYS = 7


class Storage(Construct):
    """The stores, all encrypted; with `removal_policy: retain` they outlive the stack.

    Attributes:
        table: scopes, reservations, events and runs; its stream carries new items.
        idempotency: the messages that alerting has already sent (Powertools' layout).
        bucket: snapshots, the latest inventory, the runs' manifests, events, and tables for SQL.
    """

    def __init__(self, scope: Construct, construct_id: str, context: Context) -> None:
        super().__init__(scope, construct_id)
        removal = RemovalPolicy[context.removal_policy.upper()]
        self.table = _table(self, removal)
        self.idempotency = _idempotency_table(self)
        self.bucket = _bucket(self, context, removal)

    @property
    def bucket_logical_id(self) -> str:
        """The bucket's logical id, as in cdk-nag's findings."""
        return _logical_id(self.bucket)

    @property
    def table_logical_id(self) -> str:
        """The table's logical id, as in cdk-nag's findings."""
        return _logical_id(self.table)


def _logical_id(construct: Construct) -> str:
    resource = construct.node.default_child
    assert isinstance(resource, CfnElement)
    return Stack.of(construct).get_logical_id(resource)


def _table(scope: Construct, removal: RemovalPolicy) -> dynamodb.Table:
    table = dynamodb.Table(
        scope,
        "Table",
        partition_key=_text("pk"),
        sort_key=_text("sk"),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        encryption=dynamodb.TableEncryption.AWS_MANAGED,
        point_in_time_recovery_specification=_recovery(),
        stream=dynamodb.StreamViewType.NEW_IMAGE,
        time_to_live_attribute="expires_at",
        removal_policy=removal,
    )
    table.add_global_secondary_index(
        index_name=RESERVATION_INDEX,
        partition_key=_text("reservation_id"),
        sort_key=_text("sk"),
        projection_type=dynamodb.ProjectionType.ALL,
    )
    return table


def _idempotency_table(scope: Construct) -> dynamodb.Table:
    return dynamodb.Table(
        scope,
        "Idempotency",
        partition_key=_text("id"),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        encryption=dynamodb.TableEncryption.AWS_MANAGED,
        point_in_time_recovery_specification=_recovery(),
        time_to_live_attribute="expiration",
        removal_policy=RemovalPolicy.DESTROY,
    )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def _recovery() -> dynamodb.PointInTimeRecoverySpecification:
    return dynamodb.PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True)


def _bucket(scope: Construct, context: Context, removal: RemovalPolicy) -> s3.Bucket:
    bucket = s3.Bucket(
        scope,
        "Bucket",
        encryption=s3.BucketEncryption.S3_MANAGED,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforce_ssl=True,
        versioned=True,
        lifecycle_rules=_lifecycle(context),
        removal_policy=removal,
    )
    acknowledge(
        bucket,
        "AwsSolutions-S1",
        "Only functions of this stack may write here. The objects repeat what EC2 shows; "
        "CloudTrail can record who reads them.",
    )
    return bucket


def _lifecycle(context: Context) -> list[s3.LifecycleRule]:
    kept = Duration.days(context.snapshot_retention_days)
    return [
        s3.LifecycleRule(id="snapshots", prefix="snapshots/", expiration=kept),
        s3.LifecycleRule(id="runs", prefix="runs/", expiration=kept),
        s3.LifecycleRule(id="events", prefix="events/", expiration=kept),
        s3.LifecycleRule(id="tables", prefix=TABLES_PREFIX, expiration=kept),
        s3.LifecycleRule(
            id="query-results",
            prefix=RESULTS_PREFIX,
            expiration=Duration.days(_RESULTS_DAYS),
        ),
        s3.LifecycleRule(id="usage", prefix="usage/", expiration=kept),
        s3.LifecycleRule(id="offerings", prefix=f"{OFFERINGS_PREFIX}/", expiration=kept),
        s3.LifecycleRule(
            id="leftovers",
            noncurrent_version_expiration=Duration.days(_OLD_VERSIONS_DAYS),
            abort_incomplete_multipart_upload_after=Duration.days(1),
        ),
    ]
