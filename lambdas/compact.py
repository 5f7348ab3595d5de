"""``compact``: bring the tables that SQL asks up to date with the bucket's objects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.observability import logger

LEAST_MILLISECONDS = 240_000
"""The remaining time of the invocation below which it begins no other day."""


@logger.inject_lambda_context
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, list[str]]:
    """Make the tables' files of days that have new objects; the days of each table.

    ``days`` in the event names older days, such as 2026-11-24, that got objects late. What there is
    no time for is left to the next invocation. Raises what S3 and DuckDB do.
    """
    days = [date.fromisoformat(day) for day in event.get("days", [])]
    compactor = wiring.compact().compactor(
        lambda: context.get_remaining_time_in_millis() > LEAST_MILLISECONDS
    )
    return compactor.run(days)
