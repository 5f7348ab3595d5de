"""Offerings, questions and answers for tests of the market."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from tests.builders import DAY, HOME, NOON
from truffle.core.market.answers import Answer, Outcome
from truffle.core.market.watches import Question
from truffle.core.model import Accelerator
from truffle.core.offerings import Offering, Segment

TOMORROW = datetime(2026, 11, 25, 11, 30, tzinfo=NOON.tzinfo)


def an_offering(price: float | None = 40, end: datetime = TOMORROW + DAY, **facts: Any) -> Offering:
    """A p5.48xlarge for a day; ``price`` is per accelerator-hour."""
    carried = Accelerator("H100", "NVIDIA", 8)
    blank = Offering(
        offering_id="cb-0",
        instance_type="p5.48xlarge",
        instance_count=1,
        region="us-east-2",
        availability_zone="us-east-2a",
        start_date=end - DAY,
        end_date=end,
        duration_hours=24,
        upfront_fee=None if price is None else f"{price * 8 * 24:.2f}",
        currency_code="USD",
        accelerator=carried.times(1),
        observed_at=NOON,
    )
    return replace(blank, **facts)


PART = Segment(
    instance_type="p5.48xlarge",
    instance_count=1,
    availability_zone="us-east-2a",
    start_date=TOMORROW,
    end_date=TOMORROW + DAY,
    duration_hours=24,
)


def in_parts() -> Offering:
    """An offering of two segments, of different types and zones."""
    other = replace(PART, instance_type="p5e.48xlarge", availability_zone="us-east-2b")
    return an_offering(
        instance_type=None, availability_zone=None, accelerator=None, segments=(PART, other)
    )


def a_question(**facts: Any) -> Question:
    return replace(Question("p5.48xlarge", 1, 24), **facts)


def an_answer(
    *offerings: Offering,
    at: datetime = NOON,
    outcome: Outcome | None = None,
    question: Question | None = None,
    **facts: Any,
) -> Answer:
    """The answer of Ohio with these offerings, or with another outcome."""
    outcome = outcome or (Outcome.OFFERED if offerings else Outcome.NONE)
    blank = Answer(
        watch="hunt",
        region="us-east-2",
        account_id=HOME,
        question=question or a_question(),
        outcome=outcome,
        observed_at=at,
        offerings=tuple(offerings),
    )
    return replace(blank, **facts)
