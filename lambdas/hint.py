"""``hint``: collects the scope of an EC2 event at once.

The event only names the scope; the comparison with the stored state decides what happened. An event
without a scope, or from a scope that is not collected, is logged and ignored.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import ceil

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.collecting.units import to_message
from lambdas.observability import logger
from lambdas.store.hints import HintTurn
from truffle.core.model import Scope
from truffle.core.runs import Unit
from truffle.ec2.hints import name_of, scope_of

WINDOW = timedelta(seconds=2)
"""A block that ends sends a warning for each of its instances. The first hint in a window is
collected at once, all others together when the window is over."""

_START = datetime(2000, 1, 1, tzinfo=UTC)


def unit_of(scope: Scope) -> Unit | None:
    """A unit of the scope alone, outside of runs; None if no run covers it."""
    group = wiring.hint().scopes.group_of(scope)
    return None if group is None else Unit(None, scope.region, (scope.account_id,), group)


def delay_of(scope: Scope, moment: datetime) -> int | None:
    """Seconds from a hint to the collection of its scope; None if earlier hints took both turns of
    the window."""
    window = moment - (moment - _START) % WINDOW
    turn = wiring.hint().hints.take_turn(scope, window)
    if turn is HintTurn.AFTERWARDS:
        return ceil((window + WINDOW - moment).total_seconds())
    return None if turn is None else 0


@logger.inject_lambda_context
def handler(event: object, context: LambdaContext) -> None:
    """Put an event's scope on the queue as a unit of its own, outside of runs.

    Raises what AWS does; Lambda then invokes the function again.
    """
    scope = scope_of(event)
    facts = {"event": name_of(event), "scope": str(scope)}
    unit = unit_of(scope) if scope else None
    if scope is None or unit is None:
        logger.info("hint ignored", extra=facts)
        return
    delay = delay_of(scope, wiring.now())
    if delay is not None:
        wiring.service("sqs").send_message(
            QueueUrl=wiring.hint().settings.queue_url,
            MessageBody=to_message(unit),
            DelaySeconds=delay,
        )
    logger.info("hint taken", extra={**facts, "delay": delay})
