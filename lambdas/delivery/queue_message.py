"""Messages on the destinations' queues: hide, set aside, send."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from truffle.core.model import LONGEST_MESSAGE

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

LONGEST_PAUSE = timedelta(hours=11)
"""SQS hides a message for at most 12 hours after it was received (SQS Developer Guide, visibility
timeout)."""


def queue_url(client: SQSClient, arn: str) -> str:
    """A queue's URL, which follows from its ARN and the endpoint of a client of its region (SQS
    Developer Guide, queue and message identifiers)."""
    *_, account_id, name = arn.split(":")
    return f"{client.meta.endpoint_url}/{account_id}/{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMessage:
    """A received message. ``receives`` counts its deliveries, this one included."""

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
            queue_arn=record.event_source_arn,
            receipt_handle=record.receipt_handle,
            message_id=record.message_id,
            body=record.body,
            receives=int(attributes.approximate_receive_count),
            sent_at=datetime.fromtimestamp(int(attributes.sent_timestamp) / 1000, UTC),
        )

    @property
    def queue_name(self) -> str:
        return self.queue_arn.rpartition(":")[2]


class Queues:
    """The destinations' queues, each with its dead letters."""

    def __init__(self, client: SQSClient) -> None:
        self._client = client
        self._dead_letter_urls: dict[str, str] = {}

    def hide(self, message: QueueMessage, pause: timedelta) -> None:
        """Let a message return after a pause; its count of deliveries is kept."""
        self._client.change_message_visibility(
            QueueUrl=queue_url(self._client, message.queue_arn),
            ReceiptHandle=message.receipt_handle,
            VisibilityTimeout=round(min(pause, LONGEST_PAUSE).total_seconds()),
        )

    def set_aside(self, message: QueueMessage, reason: str) -> None:
        """Copy a message to its queue's dead letters, with the reason as an attribute."""
        text = _printable(reason)[:LONGEST_MESSAGE]
        self._client.send_message(
            QueueUrl=self._dead_letter_url(message.queue_arn),
            MessageBody=message.body,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": text}},
        )

    def send(self, queue_arn: str, body: str, delay: timedelta) -> None:
        """Send another message to a destination's queue."""
        self._client.send_message(
            QueueUrl=queue_url(self._client, queue_arn),
            MessageBody=body,
            DelaySeconds=round(delay.total_seconds()),
        )

    def _dead_letter_url(self, queue_arn: str) -> str:
        if queue_arn not in self._dead_letter_urls:
            response = self._client.get_queue_attributes(
                QueueUrl=queue_url(self._client, queue_arn), AttributeNames=["RedrivePolicy"]
            )
            policy = json.loads(response["Attributes"]["RedrivePolicy"])
            url = queue_url(self._client, policy["deadLetterTargetArn"])
            self._dead_letter_urls[queue_arn] = url
        return self._dead_letter_urls[queue_arn]


def _printable(text: str) -> str:
    """Replace control characters, most of which SQS rejects (SQS API Reference, SendMessage)."""
    return "".join(char if char.isprintable() else " " for char in text) or "unknown"
