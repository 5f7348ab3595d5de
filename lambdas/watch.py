"""``watch``: requests offerings for the watches of the alerts file, within EC2's request budget."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.observability import logger, metrics
from truffle.core.market.answers import Outcome

LEAST_MILLISECONDS = 25_000
"""The remaining time of the invocation below which no call begins: a call takes at most 18 s."""


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle a scheduled start, which requests what is due, or ``{"now": true}``, which requests
    every watch. The answers are returned and logged, by region and watch."""

    def has_time() -> bool:
        return context.get_remaining_time_in_millis() >= LEAST_MILLISECONDS

    requested = wiring.watch().asker.ask(everything=event.get("now") is True, has_time=has_time)
    answers = [it.to_json() for it in requested]
    for answer in answers:
        # A log record already has a field "message".
        facts = {name: value for name, value in answer.items() if name != "message"}
        logger.info("watched", extra={**facts, "reason": answer["message"]})
    is_known = [it.answer.outcome.is_known for it in requested]
    failed = [it for it in requested if it.answer.outcome is Outcome.FAILED]
    metrics.add_metric("WatchesAnswered", MetricUnit.Count, sum(is_known))
    metrics.add_metric("WatchesFailed", MetricUnit.Count, len(failed))
    metrics.add_metric("EventsRecorded", MetricUnit.Count, sum(it.events for it in requested))
    return {"answers": answers}
