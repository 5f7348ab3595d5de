"""``publish``: publishes the events that the table's stream delivers, each once, and archives
them."""

from __future__ import annotations

import json
import time
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.errors import reason_of
from lambdas.observability import logger, metrics
from lambdas.publishing import Claimed
from lambdas.republishing import republish
from truffle.core.codec import Json
from truffle.core.events import from_message
from truffle.core.organization import AllLabels, event_with_labels
from truffle.messages.sns import publication

CLAIM_CHECK_SECONDS = 0.5
LEAST_MILLISECONDS = 5000
"""The remaining time of the invocation below which it no longer waits for a claim."""


class NotPublished(Exception):
    """Some events could not be published yet; the stream delivers the batch again."""


def read_record(record: dict[str, Any], labels: AllLabels) -> tuple[Json, Json]:
    """The message of a stream record with the names of its accounts, and the arguments with which
    SNS publishes it. Raises ValueError, KeyError, TypeError or AttributeError for a record without
    a valid event."""
    stored = json.loads(record["dynamodb"]["NewImage"]["body"]["S"])
    message = event_with_labels(stored, labels)
    return message, publication(from_message(message))


def _set_aside(record: dict[str, Any], error: Exception) -> None:
    """Send a record that can never be published to the dead-letter queue; the stream continues."""
    reason = reason_of(error)
    logger.error("unreadable event", extra={"error": reason, "keys": record.get("dynamodb")})
    wiring.service("sqs").send_message(
        QueueUrl=wiring.publish().settings.dead_letter_url,
        MessageBody=json.dumps({"error": reason, "record": record}, default=str),
    )


def _publish_after_claims(message: Json, arguments: Json, context: LambdaContext) -> None:
    """Publish an event; wait for the claim of a killed publisher to expire. The stream's retries
    are few and immediate, so without waiting they would run out and the event be lost."""
    while True:
        try:
            wiring.publish().publisher.publish(message, arguments)
        except Claimed:
            if context.get_remaining_time_in_millis() < LEAST_MILLISECONDS:
                raise
            time.sleep(CLAIM_CHECK_SECONDS)
        else:
            return


def _handle(record: dict[str, Any], context: LambdaContext) -> int:
    """Publish and archive a record's event; 1, or 0 for a record without one."""
    try:
        message, arguments = read_record(record, wiring.publish().labels)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        _set_aside(record, error)
        return 0
    _publish_after_claims(message, arguments, context)
    wiring.publish().archive.write_event(message)
    logger.info("published", extra={name: message[name] for name in ("event_id", "summary")})
    return 1


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | None:
    """Publish the events of a stream batch, or of a period of the table when ``query`` asks."""
    parts = wiring.publish()
    parts.publisher.register(context)
    if "Records" not in event:
        labels = parts.labels

        def publish(stored: Json) -> bool:
            message = event_with_labels(stored, labels)
            is_new = parts.publisher.publish(message)
            parts.archive.write_event(message)
            return is_new

        progress = republish(parts.events, event, publish)
        metrics.add_metric("AlertsPublished", MetricUnit.Count, progress["published"])
        return progress
    _publish_records(event, context)
    return None


def _publish_records(event: dict[str, Any], context: LambdaContext) -> None:
    """Publish as many records as possible. Raises NotPublished if one failed: the stream delivers
    the batch again (halved, until it expires), and published events are not repeated."""
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
