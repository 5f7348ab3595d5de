"""One message on a destination's queue: when it comes back, and where it ends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Self

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from lambdas.clients import service

LONGEST_PAUSE = timedelta(hours=11)
"""SQS hides a message for 12 hours at most, counted from when it was received (SQS Developer Guide,
visibility timeout)."""
LONGEST_REASON = 1000


def queue_url(client: Any, arn: str) -> str:
    """A queue's URL, which follows from its ARN and the endpoint of a client of its region (SQS
    Developer Guide, queue and message identifiers)."""
    *_, account_id, name = arn.split(":")
    return f"{client.meta.endpoint_url}/{account_id}/{name}"


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as it was received. ``receives`` counts the deliveries, this one included."""

    queue_arn: str
    receipt_handle: str
    message_id: str
    body: str
    receives: int
    sent_at: datetime

    @classmethod
    def of(cls, record: SQSRecord) -> Self:
        attributes = record.attributes
        return cls(
            record.event_source_arn,
            record.receipt_handle,
            record.message_id,
            record.body,
            int(attributes.approximate_receive_count),
            datetime.fromtimestamp(int(attributes.sent_timestamp) / 1000, UTC),
        )

    @property
    def queue_name(self) -> str:
        return self.queue_arn.rpartition(":")[2]

    def hide(self, pause: timedelta) -> None:
        """Let the message come back after this time; it keeps its count of deliveries."""
        service("sqs").change_message_visibility(
            QueueUrl=queue_url(service("sqs"), self.queue_arn),
            ReceiptHandle=self.receipt_handle,
            VisibilityTimeout=round(min(pause, LONGEST_PAUSE).total_seconds()),
        )

    def set_aside(self, reason: str) -> None:
        """Copy the message to its queue's dead letters, with the reason as an attribute."""
        service("sqs").send_message(
            QueueUrl=_dead_letter_url(self.queue_arn),
            MessageBody=self.body,
            MessageAttributes={"reason": _attribute(_printable(reason)[:LONGEST_REASON])},
        )


def send(queue_arn: str, body: str, delay: timedelta) -> None:
    """Put another message on a destination's queue."""
    service("sqs").send_message(
        QueueUrl=queue_url(service("sqs"), queue_arn),
        MessageBody=body,
        DelaySeconds=round(delay.total_seconds()),
    )


@cache
def _dead_letter_url(queue_arn: str) -> str:
    answer = service("sqs").get_queue_attributes(
        QueueUrl=queue_url(service("sqs"), queue_arn), AttributeNames=["RedrivePolicy"]
    )
    policy = json.loads(answer["Attributes"]["RedrivePolicy"])
    return queue_url(service("sqs"), policy["deadLetterTargetArn"])


def _attribute(value: str) -> dict[str, Any]:
    return {"DataType": "String", "StringValue": value}


def _printable(text: str) -> str:
    """SQS refuses most control characters (SQS API Reference, SendMessage)."""
    return "".join(char if char.isprintable() else " " for char in text) or "unknown"
