"""``deliver``: delivers the messages of the destinations' queues."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.delivery.deliverer import Deliverer
from lambdas.delivery.queue_message import QueueMessage
from lambdas.observability import logger, metrics


def _is_done(deliverer: Deliverer, message: QueueMessage) -> bool:
    try:
        return deliverer.handle(message)
    except Exception:
        logger.exception("not handled", extra={"queue": message.queue_name})
        return False


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Deliver each message. Unfinished messages stay on their queue; the others are removed."""
    deliverer = wiring.deliver().deliverer
    deliverer.once.register(context)
    metrics.add_metric("DeliveriesFailed", MetricUnit.Count, 0)
    messages = [QueueMessage.of(SQSRecord(record)) for record in event["Records"]]
    left = [message.message_id for message in messages if not _is_done(deliverer, message)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in left]}
