"""Queues: encrypted, TLS only, each with dead letters."""

from collections.abc import Sequence

from aws_cdk import Aws, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledgments import acknowledge
from infra.functions import PythonFunction, allow

RETENTION_DAYS = 14
"""The maximum retention of SQS."""

CONSUME_ACTIONS = (
    "ReceiveMessage",
    "DeleteMessage",
    "GetQueueAttributes",
    "ChangeMessageVisibility",
)
"""Actions of an event source mapping with the function's role; the functions themselves use the
last one, to set when a failed message returns."""


def dead_letter_queue(
    scope: Construct, construct_id: str, *, has_own_policy: bool = True
) -> sqs.Queue:
    """A dead-letter queue; without its own policy it needs a shared one that requires TLS."""
    queue = sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=has_own_policy,
        retention_period=Duration.days(RETENTION_DAYS),
    )
    acknowledge(
        queue,
        "AwsSolutions-SQS3",
        "This is a dead-letter queue; the rule detects only those of other queues, not those of "
        "Lambda, EventBridge Scheduler and event source mappings.",
    )
    return queue


def work_queue(
    scope: Construct,
    construct_id: str,
    *,
    visibility_seconds: int,
    max_receives: int,
    dead_letters: sqs.IQueue,
    has_own_policy: bool = True,
) -> sqs.Queue:
    """A queue whose messages go to `dead_letters` after `max_receives` deliveries; without its own
    policy it needs a shared one that requires TLS."""
    return sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=has_own_policy,
        retention_period=Duration.days(RETENTION_DAYS),
        visibility_timeout=Duration.seconds(visibility_seconds),
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=max_receives),
    )


def shared_policy(
    scope: Construct, construct_id: str, queues: Sequence[sqs.Queue], topic: sns.ITopic
) -> sqs.CfnQueuePolicy:
    """One policy for many queues: TLS only, and the topic may send. In a queue's own policy, `*`
    means the queue itself."""
    statements = [
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=["sqs:*"],
            resources=["*"],
            conditions={"Bool": {"aws:SecureTransport": "false"}},
        ),
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal("sns.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=["*"],
            conditions={
                "ArnEquals": {"aws:SourceArn": topic.topic_arn},
                "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
            },
        ),
    ]
    return sqs.CfnQueuePolicy(
        scope,
        construct_id,
        queues=[queue.queue_url for queue in queues],
        policy_document=iam.PolicyDocument(statements=statements),
    )


def consume(*queues: sqs.IQueue) -> iam.PolicyStatement:
    """The permissions of a function that `deliver` starts."""
    return allow("sqs", CONSUME_ACTIONS, *(queue.queue_arn for queue in queues))


def deliver(
    queue: sqs.IQueue,
    function: PythonFunction,
    *,
    at_a_time: int,
    construct_id: str = "FromQueue",
) -> None:
    """Start `function` with each message, at most `at_a_time` (2 to 1000) concurrently."""
    mapping = lambda_.CfnEventSourceMapping
    mapping(
        function,
        construct_id,
        function_name=function.function.function_name,
        event_source_arn=queue.queue_arn,
        batch_size=1,
        function_response_types=["ReportBatchItemFailures"],
        scaling_config=mapping.ScalingConfigProperty(maximum_concurrency=at_a_time),
    )
