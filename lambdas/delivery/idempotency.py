"""Perform an action once: completed actions are remembered, running ones are claimed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from aws_lambda_powertools.utilities.typing import LambdaContext

MONTH = 30 * 24 * 3600
"""How long a completed action is remembered, in seconds: longer than a message can exist, which is
14 days on a queue and 14 more as a dead letter."""

Claimed = IdempotencyAlreadyInProgressError
"""Another invocation is performing the action, or was killed while it did; its claim then lasts
until that invocation would have timed out."""


class Once:
    """Performs each key's action once. ``dynamodb`` is a boto3 client, ``table`` the idempotency
    table."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._config = IdempotencyConfig(expires_after_seconds=MONTH)
        self._run_once: Callable[..., bool] = idempotent_function(
            _run,
            data_keyword_argument="key",
            config=self._config,
            key_prefix="deliver",
            persistence_store=DynamoDBPersistenceLayer(table_name=table, boto3_client=dynamodb),
        )

    def register(self, context: LambdaContext) -> None:
        """Let claims expire with the invocation. Call at the start of each invocation."""
        self._config.register_lambda_context(context)

    def run(self, key: str, action: Callable[[], bool]) -> bool:
        """Run an action unless its key is remembered; return the result of this run or of that one.

        Raises Claimed, or what the action raises, in which case it counts as not done.
        """
        return self._run_once(key=key, action=action)


def _run(*, key: str, action: Callable[[], bool]) -> bool:
    return action()
