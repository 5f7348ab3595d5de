"""``hint``: an event of EC2 becomes the collection of the region that it comes from, now.

What happened is told by the comparison alone: the event only says where to look. One that says
nothing, or names a scope that no run covers, is logged and left.
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
    """The region with all its accounts, in no run; None where no run covers the scope."""
    covered = [status.scope for status in wiring.hint().scopes.statuses()]
    if scope not in covered:
        return None
    accounts = sorted(one.account_id for one in covered if one.region == scope.region)
    return Unit(None, scope.region, tuple(accounts))


def delay_of(region: str, moment: datetime) -> int | None:
    """Seconds until a region is to be collected because of a hint at a moment; None where another
    hint has seen to it."""
    window = moment - (moment - _START) % WINDOW
    turn = wiring.hint().hints.take_turn(region, window)
    if turn is Turn.AFTERWARDS:
        return ceil((window + WINDOW - moment).total_seconds())
    return None if turn is None else 0


@logger.inject_lambda_context
def handler(event: object, context: LambdaContext) -> None:
    """Put the unit of an event's scope on the queue. Raises what AWS does, and is invoked again."""
    scope = scope_of(event)
    facts = {"event": name_of(event), "scope": str(scope)}
    unit = unit_of(scope) if scope else None
    if unit is None:
        logger.info("hint ignored", extra=facts)
        return
    delay = delay_of(unit.region, wiring.now())
    if delay is not None:
        wiring.service("sqs").send_message(
            QueueUrl=wiring.hint().settings.queue_url,
            MessageBody=to_message(unit),
            DelaySeconds=delay,
        )
    logger.info("hint taken", extra={**facts, "delay": delay})
