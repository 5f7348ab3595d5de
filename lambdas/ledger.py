"""``ledger``: writes the ledger of each past day, and rewrites it if its data changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from lambdas import wiring
from lambdas.observability import logger, metrics
from lambdas.store.archive import Unreadable

LEAST_MILLISECONDS = 120_000
"""The remaining time below which no other day is started; the next invocation continues."""


class NotClosed(Exception):
    """The ledgers of some days could not be written; the text names them."""


def _close(day: datetime) -> tuple[bool, str | None]:
    """Whether a day's ledger was written, and the day and the reason if that failed; a failure must
    not affect other days."""
    try:
        is_written = wiring.ledger().closer.close(day, wiring.now())
    except (Unreadable, ClientError, BotoCoreError) as error:
        logger.exception("day not closed", extra={"day": f"{day:%Y-%m-%d}"})
        return False, f"{day:%Y-%m-%d}: {error}"
    if is_written:
        logger.info("day closed", extra={"day": f"{day:%Y-%m-%d}"})
    return is_written, None


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Write the ledgers; return the number of days. The event is ignored.

    Raises NotClosed after the other days were closed.
    """
    due = wiring.ledger().closer.due(wiring.now())
    closed: list[tuple[bool, str | None]] = []
    for day in due:
        if closed and context.get_remaining_time_in_millis() < LEAST_MILLISECONDS:
            logger.warning("days left", extra={"days": len(due) - len(closed)})
            break
        closed.append(_close(day))
    written = sum(is_written for is_written, _ in closed)
    metrics.add_metric("DaysClosed", MetricUnit.Count, written)
    if failures := [failure for _, failure in closed if failure]:
        raise NotClosed("; ".join(failures))
    return {"days": written}
