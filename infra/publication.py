"""The publication of new events from the table: stream, publisher, topic, subscriptions."""

import json

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledgments import acknowledge_wildcard
from infra.context import Context
from infra.destinations import Destinations, encrypted_topic
from infra.functions import IDEMPOTENCY_ACTIONS, Deployment, PythonFunction, allow
from infra.queues import dead_letter_queue
from infra.storage import Storage
from lambdas.settings import PublishSettings

STREAM_ACTIONS = ("DescribeStream", "GetRecords", "GetShardIterator")
"""The actions, besides ListStreams, of Lambda's event source mapping on a table's stream (DynamoDB
Developer Guide, "IAM policy to allow a Lambda function to access DynamoDB stream records")."""

EVENTS = "EVENT#"
"""The prefix of the table's partitions with events (lambdas/store/table.py)."""

DOCUMENTS = "DOCUMENT"
"""The prefix of the partitions with the accounts from Organizations."""

EVENTS_ONLY = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": EVENTS}]}}}}

_STREAM_RETRIES = -1
"""Unlimited: the age of a record ends them (Lambda Developer Guide, DynamoDB parameters)."""

_STREAM_MAX_AGE_SECONDS = 6 * 3600


class Publication(Construct):
    """The publication of events.

    Attributes:
        topic: every event, JSON for machines and prose for e-mail.
        publish: publishes the events.
        dead_letters: events that could not be published.
        destinations: the queues of alerts, which `deliver` delivers.
    """

    def __init__(
        self, scope: Construct, construct_id: str, deployment: Deployment, storage: Storage
    ) -> None:
        super().__init__(scope, construct_id)
        context = deployment.context
        self.dead_letters = dead_letter_queue(self, "DeadLetters")
        self.topic = encrypted_topic(self, "Topic")
        self.publish = _publish(self, deployment, storage)
        for address in context.alert_emails:
            _subscribe_email(self, context, address)
        self.destinations = Destinations(self, "Destinations", context, self.topic)


def _publish(scope: Publication, deployment: Deployment, storage: Storage) -> PythonFunction:
    stream_arn = storage.table.table_stream_arn
    assert stream_arn is not None
    publish = PythonFunction(
        scope,
        "Alert",
        deployment,
        name="publish",
        description="Publishes the table's new events to the topic, each once.",
        environment=PublishSettings(
            table=storage.table.table_name,
            bucket=storage.bucket.bucket_name,
            topic_arn=scope.topic.topic_arn,
            idempotency_table=storage.idempotency.table_name,
            dead_letter_url=scope.dead_letters.queue_url,
        ).to_env(),
        statements=[
            _read(storage),
            allow("dynamodb", STREAM_ACTIONS, stream_arn),
            allow("dynamodb", ["ListStreams"], f"{storage.table.table_arn}/stream/*"),
            allow("dynamodb", IDEMPOTENCY_ACTIONS, storage.idempotency.table_arn),
            allow("sns", ["Publish"], scope.topic.topic_arn),
            allow("sqs", ["SendMessage"], scope.dead_letters.queue_arn),
            allow("s3", ["PutObject"], storage.bucket.arn_for_objects("events/*")),
        ],
        timeout_seconds=60,
        memory_megabytes=256,
    )
    acknowledge_wildcard(
        publish,
        f"<{storage.table_logical_id}.Arn>/stream/*",
        "ListStreams applies to the table, not to a stream; Lambda requires it.",
    )
    acknowledge_wildcard(
        publish,
        f"<{storage.bucket_logical_id}.Arn>/events/*",
        "Object names below events/ are derived from the time and the event's id.",
    )
    _from_stream(publish, stream_arn, scope.dead_letters)
    return publish


def _read(storage: Storage) -> iam.PolicyStatement:
    """Permissions to read the table's events, for republishing, and the names of accounts."""
    reading = allow("dynamodb", ["GetItem", "Query"], storage.table.table_arn)
    keys = [f"{EVENTS}*", f"{DOCUMENTS}*"]
    reading.add_condition("ForAllValues:StringLike", {"dynamodb:LeadingKeys": keys})
    return reading


def _from_stream(publish: PythonFunction, stream_arn: str, dead_letters: sqs.Queue) -> None:
    """The event source mapping: only new events start the function; an invalid record does not
    block others."""
    mapping = lambda_.CfnEventSourceMapping
    mapping(
        publish,
        "FromStream",
        function_name=publish.function.function_name,
        event_source_arn=stream_arn,
        starting_position="TRIM_HORIZON",
        batch_size=25,
        bisect_batch_on_function_error=True,
        maximum_retry_attempts=_STREAM_RETRIES,
        maximum_record_age_in_seconds=_STREAM_MAX_AGE_SECONDS,
        filter_criteria=mapping.FilterCriteriaProperty(
            filters=[mapping.FilterProperty(pattern=json.dumps(EVENTS_ONLY))]
        ),
        destination_config=mapping.DestinationConfigProperty(
            on_failure=mapping.OnFailureProperty(destination=dead_letters.queue_arn)
        ),
    )


def _subscribe_email(scope: Publication, context: Context, address: str) -> None:
    sns.CfnSubscription(
        scope,
        address,
        topic_arn=scope.topic.topic_arn,
        protocol="email",
        endpoint=address,
        filter_policy=context.alert_filter_policy or None,
    )
