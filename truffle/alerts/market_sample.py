"""Sample events of a watch, for testing a route."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from truffle.core.accelerators import accelerator_of
from truffle.core.events import Event
from truffle.core.market.answers import Answer, Outcome
from truffle.core.market.events import appeared, dropped, gone, market_event
from truffle.core.market.states import PastPrices
from truffle.core.market.watches import Question
from truffle.core.model import Scope
from truffle.core.offerings import Offering

WATCH = "truffle-sample"
INSTANCES = 8
PRICE = Decimal("3.93")
"""The price of an accelerator-hour, or of an instance-hour if a type has no known accelerator."""
DEARER = PRICE * Decimal("1.25")

_DAY = timedelta(days=1)


def sample_market_events(scope: Scope, instance_type: str, now: datetime) -> Iterator[Event]:
    """The events of an offering that appears, becomes cheaper, and is gone."""
    question = Question(instance_type, INSTANCES, 24)
    answer = Answer(
        watch=WATCH,
        region=scope.region,
        account_id=scope.account_id,
        question=question,
        outcome=Outcome.OFFERED,
        observed_at=now,
    )
    past = PastPrices(PRICE, DEARER, 12)
    offering = _offering(scope, instance_type, now)
    for finding in (appeared(offering), dropped(offering, DEARER), gone(offering, False)):
        yield market_event(finding, answer, now - timedelta(hours=1), past)


def _offering(scope: Scope, instance_type: str, now: datetime) -> Offering:
    carried = accelerator_of(instance_type, {})
    accelerator = carried.times(INSTANCES) if carried else None
    devices = Decimal(str((accelerator and accelerator.total_count) or INSTANCES))
    start = (now + 2 * _DAY).replace(hour=11, minute=30, second=0, microsecond=0)
    block = Offering(
        offering_id="cb-0123456789abcdef0",
        instance_type=instance_type,
        instance_count=INSTANCES,
        region=scope.region,
        availability_zone=f"{scope.region}a",
        start_date=start,
        end_date=start + _DAY,
        duration_hours=24,
        upfront_fee=f"{PRICE * devices * 24:.2f}",
        currency_code="USD",
        tenancy="default",
        observed_at=now,
    )
    return replace(block, accelerator=accelerator)
