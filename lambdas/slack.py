"""``slack``: posts a card for each event of its queue to an incoming webhook, each once."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.clients import SERVICE_CONFIG, service
from lambdas.settings import SlackSettings
from lambdas.telemetry import batch_logger, logger
from lambdas.webhook import Answer, post
from truffle.core.events import from_message
from truffle.messages.card import event_card
from truffle.messages.slack import payload

# The answer with the secret is what botocore logs at DEBUG.
logging.getLogger("botocore").setLevel(logging.INFO)

MONTH = 30 * 24 * 3600
LONGEST_DELAY = 11 * 3600
"""SQS hides a message for 12 hours at most, counted from when it was received (SQS Developer Guide,
visibility timeout); in seconds."""
SECRET_MAX_AGE = 300

_config = IdempotencyConfig(event_key_jmespath="event_id", expires_after_seconds=MONTH)
_processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False, logger=batch_logger)


class NotPosted(Exception):
    """Slack did not take a card; ``retry_after`` is in seconds."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"Slack answered {answer.status}: {answer.text}")
        self.retry_after = answer.retry_after


@cache
def _settings() -> SlackSettings:
    return SlackSettings.from_env(os.environ)


@cache
def _secrets() -> parameters.SecretsProvider:
    return parameters.SecretsProvider(boto_config=SERVICE_CONFIG)


def webhook_url(secret: str) -> str:
    """The URL in a secret: the secret's whole text, or its JSON key ``url``."""
    return str(json.loads(secret)["url"]) if secret.lstrip().startswith("{") else secret.strip()


def _post(*, message: dict[str, Any]) -> int:
    """Raises NotPosted, or what the webhook does."""
    secret = _secrets().get(_settings().secret_arn, max_age=SECRET_MAX_AGE)
    answer = post(webhook_url(str(secret)), payload(event_card(from_message(message))))
    if not answer.is_accepted:
        raise NotPosted(answer)
    return answer.status


@cache
def _post_once() -> Callable[..., int]:
    once: Callable[..., int] = idempotent_function(
        _post,
        data_keyword_argument="message",
        config=_config,
        persistence_store=DynamoDBPersistenceLayer(
            table_name=_settings().idempotency_table, boto3_client=service("dynamodb")
        ),
    )
    return once


def _handle(record: SQSRecord) -> None:
    message = json.loads(record.body)
    try:
        _post_once()(message=message)
    except NotPosted as error:
        if error.retry_after is not None:
            service("sqs").change_message_visibility(
                QueueUrl=_settings().queue_url,
                ReceiptHandle=record.receipt_handle,
                VisibilityTimeout=min(error.retry_after, LONGEST_DELAY),
            )
        raise
    logger.info("posted", extra={"event_id": message["event_id"]})


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Post each card; one that failed stays on the queue until it is a dead letter."""
    _config.register_lambda_context(context)
    return process_partial_response(event, _handle, _processor, context)
