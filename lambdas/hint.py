"""``hint``: an event of EC2 has the scope that it comes from collected now.

Only the comparison decides what happened: the event only names a scope. One that names none, or a
scope that no run covers, is logged and ignored.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import ceil

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas import wiring
from lambdas.collecting.units import to_message
from lambdas.observability import logger
from lambdas.store.hints import Turn
from truffle.core.model import Scope
from truffle.core.runs import Unit
from truffle.ec2.hints import name_of, scope_of

WINDOW = timedelta(seconds=2)
"""A block that ends warns of each of its instances: of the hints that come in one window the first
is collected at once, all others together when it is over."""

_START = datetime(2000, 1, 1, tzinfo=UTC)


def unit_of(scope: Scope) -> Unit | None:
    """The scope alone, in no run; None where no run covers it."""
    group = wiring.hint().scopes.group_of(scope)
    return None if group is None else Unit(None, scope.region, (scope.account_id,), group)


def delay_of(scope: Scope, moment: datetime) -> int | None:
    """Seconds until a scope is to be collected because of a hint at a moment; None where another
    hint has seen to it."""
    window = moment - (moment - _START) % WINDOW
    turn = wiring.hint().hints.take_turn(scope, window)
    if turn is Turn.AFTERWARDS:
        return ceil((window + WINDOW - moment).total_seconds())
    return None if turn is None else 0


@logger.inject_lambda_context
def handler(event: object, context: LambdaContext) -> None:
    """Put the unit of an event's scope on the queue. Raises what AWS does, and is invoked again."""
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
