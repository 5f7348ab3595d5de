"""Doing things once: what was done is remembered, what is being done is claimed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.clients import service

MONTH = 30 * 24 * 3600
"""How long what was done is remembered, in seconds: longer than a message can be under way, which
is 14 days on a queue and 14 more as a dead letter."""

Claimed = IdempotencyAlreadyInProgressError
"""Another function is doing it. One that was killed keeps its claim until its time would have been
up."""

_config = IdempotencyConfig(expires_after_seconds=MONTH)


def register(context: LambdaContext) -> None:
    """Claims end with the invocation's time; to be told at the start of each."""
    _config.register_lambda_context(context)


def once(table: str, key: str, action: Callable[[], bool]) -> bool:
    """Do what a key stands for unless it was done, remembered in an idempotency table; what the
    action returned when it was done.

    Raises Claimed, or what the action does: then it was not done.
    """
    return _once(table)(key=key, action=action)


@cache
def _once(table: str) -> Callable[..., bool]:
    run: Callable[..., bool] = idempotent_function(
        _run,
        data_keyword_argument="key",
        config=_config,
        key_prefix="deliver",
        persistence_store=DynamoDBPersistenceLayer(
            table_name=table, boto3_client=service("dynamodb")
        ),
    )
    return run


def _run(*, key: str, action: Callable[[], bool]) -> bool:
    return action()
