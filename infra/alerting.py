"""From the table's new events to people and machines: stream, alert, topic, subscriptions."""

import json

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledgments import acknowledge_wildcard
from infra.context import Context
from infra.functions import IDEMPOTENCY_ACTIONS, Deployment, PythonFunction, allow
from infra.queues import consume, dead_letter_queue, deliver, work_queue
from infra.storage import Storage
from lambdas.settings import AlertSettings, SlackSettings

STREAM_ACTIONS = ("DescribeStream", "GetRecords", "GetShardIterator")
"""With ListStreams, what Lambda's event source mapping does with a table's stream (DynamoDB
Developer Guide, "IAM policy to allow a Lambda function to access DynamoDB stream records")."""

EVENTS_ONLY = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "EVENT#"}]}}}}

_STREAM_RETRIES = 8
_STREAM_MAX_AGE_SECONDS = 6 * 3600
_SLACK_TIMEOUT_SECONDS = 60
_SLACK_MAX_RECEIVES = 10
_CARDS_AT_A_TIME = 2


class Alerting(Construct):
    """What tells the world about events.

    Attributes:
        topic: every event, JSON for machines and prose for e-mail.
        alert: publishes the events.
        dead_letters: events that could not be published.
        slack: the way to Slack; None where the context names no secret.
    """

    def __init__(
        self, scope: Construct, construct_id: str, deployment: Deployment, storage: Storage
    ) -> None:
        super().__init__(scope, construct_id)
        context = deployment.context
        self.dead_letters = dead_letter_queue(self, "DeadLetters")
        self.topic = _topic(self)
        self.alert = _alert(self, deployment, storage)
        for address in context.alert_emails:
            _subscribe_email(self, context, address)
        self.slack = (
            Slack(self, "Slack", deployment, storage, self.topic, context.slack_secret_arn)
            if context.slack_secret_arn
            else None
        )


class Slack(Construct):
    """A queue of the alerts that pass the filter, and the function that posts them to Slack.

    Attributes:
        function: posts the cards.
        queue: alerts that are to be posted.
        dead_letters: alerts that Slack never took.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        deployment: Deployment,
        storage: Storage,
        topic: sns.Topic,
        secret_arn: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letter_queue(self, "DeadLetters")
        self.queue = work_queue(
            self,
            "Cards",
            visibility_seconds=6 * _SLACK_TIMEOUT_SECONDS,
            max_receives=_SLACK_MAX_RECEIVES,
            dead_letters=self.dead_letters,
        )
        for queue in (self.queue, self.dead_letters):
            queue.add_to_resource_policy(_may_receive_from(topic, queue))
        _subscribe_queue(self, deployment.context, topic)
        self.function = _slack_function(self, deployment, storage, secret_arn)


def _topic(scope: Construct) -> sns.Topic:
    """Encrypted with SNS's own key: only a function of this account publishes, which may use it."""
    key = kms.Alias.from_alias_name(scope, "SnsKey", "alias/aws/sns")
    return sns.Topic(scope, "Topic", master_key=key, enforce_ssl=True)


def _alert(scope: Alerting, deployment: Deployment, storage: Storage) -> PythonFunction:
    stream_arn = storage.table.table_stream_arn
    assert stream_arn is not None
    alert = PythonFunction(
        scope,
        "Alert",
        deployment,
        name="alert",
        description="Publishes the table's new events to the topic, each once.",
        environment=AlertSettings(
            topic_arn=scope.topic.topic_arn,
            idempotency_table=storage.idempotency.table_name,
            dead_letter_url=scope.dead_letters.queue_url,
        ).to_env(),
        statements=[
            allow("dynamodb", STREAM_ACTIONS, stream_arn),
            allow("dynamodb", ["ListStreams"], f"{storage.table.table_arn}/stream/*"),
            allow("dynamodb", IDEMPOTENCY_ACTIONS, storage.idempotency.table_arn),
            allow("sns", ["Publish"], scope.topic.topic_arn),
            allow("sqs", ["SendMessage"], scope.dead_letters.queue_arn),
        ],
        timeout_seconds=60,
        memory_megabytes=256,
    )
    acknowledge_wildcard(
        alert,
        f"<{storage.table_logical_id}.Arn>/stream/*",
        "ListStreams names no stream, only the table; Lambda asks for it.",
    )
    _from_stream(alert, stream_arn, scope.dead_letters)
    return alert


def _from_stream(alert: PythonFunction, stream_arn: str, dead_letters: sqs.Queue) -> None:
    """Only new events start the function; a record that cannot be handled does not block them."""
    mapping = lambda_.CfnEventSourceMapping
    mapping(
        alert,
        "FromStream",
        function_name=alert.function.function_name,
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


def _slack_function(
    scope: Slack, deployment: Deployment, storage: Storage, secret_arn: str
) -> PythonFunction:
    idempotency = storage.idempotency
    slack = PythonFunction(
        scope,
        "Function",
        deployment,
        name="slack",
        description="Posts a card for each alert to Slack's incoming webhook.",
        environment=SlackSettings(
            secret_arn=secret_arn,
            idempotency_table=idempotency.table_name,
            queue_url=scope.queue.queue_url,
        ).to_env(),
        statements=[
            consume(scope.queue),
            allow("dynamodb", IDEMPOTENCY_ACTIONS, idempotency.table_arn),
            allow("secretsmanager", ["GetSecretValue"], secret_arn),
        ],
        timeout_seconds=_SLACK_TIMEOUT_SECONDS,
        memory_megabytes=256,
    )
    deliver(scope.queue, slack, at_a_time=_CARDS_AT_A_TIME)
    return slack


def _subscribe_queue(scope: Slack, context: Context, topic: sns.Topic) -> None:
    subscription = sns.CfnSubscription(
        scope,
        "Subscription",
        topic_arn=topic.topic_arn,
        protocol="sqs",
        endpoint=scope.queue.queue_arn,
        raw_message_delivery=True,
        filter_policy=context.alert_filter_policy or None,
        redrive_policy={"deadLetterTargetArn": scope.dead_letters.queue_arn},
    )
    subscription.node.add_dependency(scope.queue)


def _subscribe_email(scope: Alerting, context: Context, address: str) -> None:
    sns.CfnSubscription(
        scope,
        address,
        topic_arn=scope.topic.topic_arn,
        protocol="email",
        endpoint=address,
        filter_policy=context.alert_filter_policy or None,
    )


def _may_receive_from(topic: sns.Topic, queue: sqs.Queue) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal("sns.amazonaws.com")],
        actions=["sqs:SendMessage"],
        resources=[queue.queue_arn],
        conditions={
            "ArnEquals": {"aws:SourceArn": topic.topic_arn},
            "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
        },
    )
