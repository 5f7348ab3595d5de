"""``compact``: update the tables for SQL from the bucket's objects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.observability import logger

LEAST_MILLISECONDS = 240_000
"""The remaining time of the invocation below which it does not begin another day."""


@logger.inject_lambda_context
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, list[str]]:
    """Write the tables' files of days with new objects; return the days of each table.

    ``days`` in the event names older days, such as 2026-11-24, with late objects. The next
    invocation continues with days for which there is no time. Raises what S3 and DuckDB do.
    """
    days = [date.fromisoformat(day) for day in event.get("days", [])]
    compactor = wiring.compact().compactor(
        lambda: context.get_remaining_time_in_millis() > LEAST_MILLISECONDS
    )
    return compactor.run(days)
