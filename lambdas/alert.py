"""``alert``: publishes the events that the table's stream brings, each once."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.clients import service
from lambdas.errors import reason_of
from lambdas.observability import logger, metrics
from lambdas.republishing import republish
from lambdas.settings import PublishSettings
from lambdas.store.events import EventStore
from truffle.core.events import from_message
from truffle.messages.sns import publication

WEEK = 7 * 24 * 3600
"""How long a publication is remembered, in seconds: longer than a stream keeps a record (24 h)."""

_config = IdempotencyConfig(event_key_jmespath="event_id", expires_after_seconds=WEEK)

CLAIM_CHECK_SECONDS = 0.5
LEAST_MILLISECONDS = 5000
"""What has to be left of the function's time to wait on."""


class NotPublished(Exception):
    """Some events could not be published yet; the stream brings the batch again."""


@cache
def _settings() -> PublishSettings:
    return PublishSettings.from_env(os.environ)


def _publish(*, message: dict[str, Any], arguments: dict[str, Any], sent: list[str]) -> str:
    """Publishes a message, and notes in ``sent`` that it was done now."""
    answer = service("sns").publish(TopicArn=_settings().topic_arn, **arguments)
    sent.append(message["event_id"])
    return str(answer["MessageId"])


@cache
def _publish_once() -> Callable[..., str]:
    """Publishes a message once, however often it is called with the same event id."""
    once: Callable[..., str] = idempotent_function(
        _publish,
        data_keyword_argument="message",
        config=_config,
        persistence_store=DynamoDBPersistenceLayer(
            table_name=_settings().idempotency_table, boto3_client=service("dynamodb")
        ),
    )
    return once


def read_record(record: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The message of a stream record, and how SNS publishes it. Raises ValueError, KeyError,
    TypeError or AttributeError for a record that holds no event, and never will."""
    message = json.loads(record["dynamodb"]["NewImage"]["body"]["S"])
    return message, publication(from_message(message))


def _set_aside(record: dict[str, Any], error: Exception) -> None:
    """A record that can never be published goes to the dead letters, and the stream goes on."""
    reason = reason_of(error)
    logger.error("unreadable event", extra={"error": reason, "keys": record.get("dynamodb")})
    service("sqs").send_message(
        QueueUrl=_settings().dead_letter_url,
        MessageBody=json.dumps({"error": reason, "record": record}, default=str),
    )


def _publish_after_claims(
    message: dict[str, Any], arguments: dict[str, Any], context: LambdaContext
) -> None:
    """A publisher that was killed leaves a claim until its time would have been up. The stream's
    retries come at once and are few, so that waiting for them would lose the event."""
    while True:
        try:
            _publish_once()(message=message, arguments=arguments, sent=[])
        except IdempotencyAlreadyInProgressError:
            if context.get_remaining_time_in_millis() < LEAST_MILLISECONDS:
                raise
            time.sleep(CLAIM_CHECK_SECONDS)
        else:
            return


def _handle(record: dict[str, Any], context: LambdaContext) -> int:
    """How many events were published: 1, or 0 for a record that holds none."""
    try:
        message, arguments = read_record(record)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        _set_aside(record, error)
        return 0
    _publish_after_claims(message, arguments, context)
    logger.info("published", extra={name: message[name] for name in ("event_id", "summary")})
    return 1


def _again(message: dict[str, Any]) -> bool:
    """Publish an event of the table. Whether it was done now; raises what keeps it from being."""
    sent: list[str] = []
    _publish_once()(message=message, arguments=publication(from_message(message)), sent=sent)
    return bool(sent)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | None:
    """Publish the events of the stream, or, asked by ``query``, those of the table again."""
    _config.register_lambda_context(context)
    if "Records" not in event:
        answer = republish(EventStore(service("dynamodb"), _settings().table), event, _again)
        metrics.add_metric("AlertsPublished", MetricUnit.Count, answer["published"])
        return answer
    _publish_records(event, context)
    return None


def _publish_records(event: dict[str, Any], context: LambdaContext) -> None:
    """Publish all that can be; raise where one failed, so that the stream brings the batch again
    (halved, until it is too old), in which what was published counts as done."""
    failures: list[str] = []
    published = 0
    for record in event["Records"]:
        try:
            published += _handle(record, context)
        except Exception as error:
            logger.exception("not published")
            failures.append(reason_of(error))
    metrics.add_metric("AlertsPublished", MetricUnit.Count, published)
    if failures:
        raise NotPublished("; ".join(failures))
