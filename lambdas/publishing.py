"""Publishing events on the stack's SNS topic, each once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from aws_lambda_powertools.utilities.typing import LambdaContext

from truffle.core.codec import Json
from truffle.core.events import from_message
from truffle.messages.sns import publication

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_sns.client import SNSClient

WEEK = 7 * 24 * 3600
"""How long a publication is remembered, in seconds: longer than a stream keeps a record (24 h)."""

Claimed = IdempotencyAlreadyInProgressError
"""Another invocation is publishing the event, or was killed while it did: its claim then lasts
until that invocation would have timed out."""


class Publisher:
    """Publishes events; the idempotency table remembers their ids."""

    def __init__(
        self, *, dynamodb: DynamoDBClient, sns: SNSClient, topic_arn: str, idempotency_table: str
    ) -> None:
        self._sns = sns
        self._topic_arn = topic_arn
        self._config = IdempotencyConfig(event_key_jmespath="event_id", expires_after_seconds=WEEK)
        self._publish_once: Callable[..., str] = idempotent_function(
            self._publish,
            data_keyword_argument="message",
            config=self._config,
            key_prefix="publish",
            persistence_store=DynamoDBPersistenceLayer(
                table_name=idempotency_table, boto3_client=dynamodb
            ),
        )

    def register(self, context: LambdaContext) -> None:
        """Let claims expire with the invocation. Call at the start of each invocation."""
        self._config.register_lambda_context(context)

    def publish(self, message: Json, arguments: Mapping[str, Any] | None = None) -> bool:
        """Publish an event's message; False if it was published before.

        ``arguments`` are the message's ``publication``, if the caller already has it. Raises
        Claimed, or what SNS and DynamoDB raise: then the event may be published again.
        """
        published: list[str] = []
        arguments = arguments or publication(from_message(message))
        self._publish_once(message=message, arguments=arguments, published=published)
        return bool(published)

    def _publish(self, *, message: Json, arguments: Mapping[str, Any], published: list[str]) -> str:
        response = self._sns.publish(TopicArn=self._topic_arn, **arguments)
        published.append(message["event_id"])
        return str(response["MessageId"])
