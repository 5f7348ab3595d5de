"""The delivery from the destinations' queues: the function, and the daily summaries."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra.destinations import DELIVER_TIMEOUT_SECONDS, DestinationResources, Destinations
from infra.functions import (
    IDEMPOTENCY_ACTIONS,
    INVENTORY_MEGABYTES,
    SCHEDULED_TIME,
    SCHEDULER_RETRIES,
    Deployment,
    PythonFunction,
    allow,
    scheduler_role,
)
from infra.queues import consume, deliver
from infra.storage import Storage
from lambdas.settings import DeliverSettings
from truffle.alerts.settings import DailySummary, Destination

WRITTEN = ("PENDING#*", "DELIVERY#*", "THREADS#*", "RESOLVED#*")
"""The partitions of the table that the function writes (lambdas/store/table.py)."""

_AT_A_TIME = 2
_MESSAGE_MEGABYTES = 256
_SCHEDULER_MAX_AGE_SECONDS = 3600


class Delivery(Construct):
    """The function that delivers alerts to the destinations, and its triggers.

    Attributes:
        deliver: receives alerts from every destination's queue.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        deployment: Deployment,
        storage: Storage,
        destinations: Destinations,
    ) -> None:
        super().__init__(scope, construct_id)
        self.deliver = _deliver(self, deployment, storage, destinations)
        for place in destinations.places:
            name = place.destination.name
            deliver(place.queue, self.deliver, at_a_time=_AT_A_TIME, construct_id=f"From {name}")
        _schedule_summaries(self, destinations)


def _deliver(
    scope: Construct,
    deployment: Deployment,
    storage: Storage,
    destinations: Destinations,
) -> PythonFunction:
    topics = {name: topic.topic_arn for name, topic in destinations.topics.items()}
    return PythonFunction(
        scope,
        "Deliver",
        deployment,
        name="deliver",
        description="Delivers each alert once to its destinations.",
        environment=DeliverSettings(
            table=storage.table.table_name,
            idempotency_table=storage.idempotency.table_name,
            destinations=_json({q.queue_name: name for name, q in destinations.queues.items()}),
            topics=_json(topics),
            schedule_minutes=str(deployment.context.schedule_minutes),
            expected_denied=",".join(deployment.context.expected_denied),
            report_url=deployment.context.report_url or "",
        ).to_env(),
        statements=[
            *_queue_rights(destinations),
            *_table_rights(storage),
            *_destination_rights(destinations),
            *_key_rights(destinations, deployment.context.kms_key_arns),
        ],
        timeout_seconds=DELIVER_TIMEOUT_SECONDS,
        memory_megabytes=_memory(destinations),
    )


def _memory(destinations: Destinations) -> int:
    """A daily summary reads the whole inventory, as the query function does; a message is small."""
    summaries = [place for place in destinations.places if place.destination.daily_summary]
    return INVENTORY_MEGABYTES if summaries else _MESSAGE_MEGABYTES


def _json(value: dict[str, str]) -> str:
    return json.dumps(value, separators=(",", ":"))


def _queue_rights(destinations: Destinations) -> list[iam.PolicyStatement]:
    """Permissions to receive messages, to send dead letters, and to send a flush of a digest."""
    flushed = [
        place.queue.queue_arn
        for place in destinations.places
        if place.destination.kind.is_for_people
    ]
    kept = [queue.queue_arn for queue in destinations.dead_letters.values()]
    foreign = [
        place.destination.queue_arn for place in destinations.places if place.destination.queue_arn
    ]
    return [
        consume(*destinations.queues.values()),
        allow("sqs", ["SendMessage"], *kept, *flushed, *foreign),
    ]


def _table_rights(storage: Storage) -> list[iam.PolicyStatement]:
    """Permissions to read runs and the inventory, and to write buffers, threads and incidents."""
    writing = allow("dynamodb", ["PutItem", "UpdateItem", "DeleteItem"], storage.table.table_arn)
    writing.add_condition("ForAllValues:StringLike", {"dynamodb:LeadingKeys": list(WRITTEN)})
    return [
        allow("dynamodb", ["GetItem", "BatchGetItem", "Query"], storage.table.table_arn),
        writing,
        allow("dynamodb", IDEMPOTENCY_ACTIONS, storage.idempotency.table_arn),
    ]


def _destination_rights(destinations: Destinations) -> list[iam.PolicyStatement]:
    secrets = [_secret_arn(place.destination) for place in destinations.places]
    wanted = list(dict.fromkeys(arn for arn in secrets if arn is not None))
    topics = [topic.topic_arn for topic in destinations.topics.values()]
    return [
        *([allow("secretsmanager", ["GetSecretValue"], *wanted)] if wanted else []),
        *([allow("sns", ["Publish"], *topics)] if topics else []),
    ]


def _key_rights(destinations: Destinations, keys: Sequence[str]) -> Iterator[iam.PolicyStatement]:
    """Permissions to use customer managed keys only through Secrets Manager and SQS, each in the
    key's own region (KMS Developer Guide, "kms:ViaService"; SQS Developer Guide, "Configuring KMS
    permissions": a producer generates a data key, and decrypts it to verify it)."""
    by_region: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        by_region[key.split(":")[3]].append(key)
    for region, found in by_region.items():
        if any(place.destination.secret for place in destinations.places):
            yield _via("secretsmanager", region, ["Decrypt"], found)
        if any(place.destination.queue_arn for place in destinations.places):
            yield _via("sqs", region, ["Decrypt", "GenerateDataKey"], found)


def _via(
    service: str, region: str, actions: Sequence[str], keys: Sequence[str]
) -> iam.PolicyStatement:
    using = allow("kms", actions, *keys)
    using.add_condition("StringEquals", {"kms:ViaService": f"{service}.{region}.{Aws.URL_SUFFIX}"})
    return using


def _secret_arn(destination: Destination) -> str | None:
    """The ARN of a secret; of one given by name, with a wildcard for the six characters that
    Secrets Manager appends (Secrets Manager User Guide, "What's in a secret")."""
    secret = destination.secret
    if secret is None or secret.startswith("arn:"):
        return secret
    home = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
    return f"arn:{Aws.PARTITION}:secretsmanager:{home}:secret:{secret}-??????"


def _schedule_summaries(scope: Construct, destinations: Destinations) -> None:
    places = [place for place in destinations.places if place.destination.daily_summary]
    if not places:
        return
    queues = [queue.queue_arn for place in places for queue in (place.queue, place.dead_letters)]
    role = scheduler_role(scope, "SummaryRole", allow("sqs", ["SendMessage"], *queues))
    for place in places:
        summary = place.destination.daily_summary
        assert summary is not None
        _schedule(scope, place, summary, role)


def _schedule(
    scope: Construct, place: DestinationResources, summary: DailySummary, role: iam.Role
) -> None:
    schedule = scheduler.CfnSchedule
    name = place.destination.name
    schedule(
        scope,
        f"Summary {name}",
        description=f"Requests the daily summary for {name}.",
        schedule_expression=f"cron({summary.at.minute} {summary.at.hour} * * ? *)",
        schedule_expression_timezone=summary.time_zone,
        flexible_time_window=schedule.FlexibleTimeWindowProperty(mode="OFF"),
        target=schedule.TargetProperty(
            arn=place.queue.queue_arn,
            role_arn=role.role_arn,
            input=json.dumps({"daily_summary": {"scheduled_at": SCHEDULED_TIME}}),
            retry_policy=schedule.RetryPolicyProperty(
                maximum_retry_attempts=SCHEDULER_RETRIES,
                maximum_event_age_in_seconds=_SCHEDULER_MAX_AGE_SECONDS,
            ),
            dead_letter_config=schedule.DeadLetterConfigProperty(arn=place.dead_letters.queue_arn),
        ),
    )
