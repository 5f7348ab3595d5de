"""Random markets: days of answers of some regions to some watches."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from tests.builders import DAY, HOUR, NOON
from tests.core.market.builders import a_question, an_answer, an_offering
from truffle.core.market.answers import Answer, Outcome
from truffle.core.market.watches import Question
from truffle.core.model import Accelerator
from truffle.core.offerings import Offering

REGIONS = ("us-east-1", "us-east-2", "eu-north-1")
QUESTIONS = {
    "hunt": a_question(),
    "cheap": a_question(instance_type="p5en.48xlarge", count=4, duration_hours=168),
    "twin": a_question(count=2),
}


def random_answers(seed: int, count: int = 60) -> list[Answer]:
    """Answers in no order; no two of a watch and a region at the same time."""
    random = Random(seed)
    moments = random.sample(range(72 * 60), count)
    return [_answer(random, NOON + timedelta(minutes=each)) for each in moments]


def _answer(random: Random, at: object) -> Answer:
    watch, region = random.choice(list(QUESTIONS)), random.choice(REGIONS)
    question = QUESTIONS[watch]
    outcome = random.choice([Outcome.OFFERED] * 3 + list(Outcome))
    offerings: tuple[Offering, ...] = ()
    if outcome is Outcome.OFFERED:
        offerings = tuple(
            _offering(random, region, question, each) for each in range(random.randint(1, 4))
        )
    code = "InternalError" if outcome is Outcome.FAILED else None
    return an_answer(
        *offerings,
        at=at,  # type: ignore[arg-type]
        outcome=outcome,
        question=question,
        watch=watch,
        region=region,
        code=code,
    )


def _offering(random: Random, region: str, question: Question, number: int) -> Offering:
    accelerator = Accelerator("H100", "NVIDIA", 8).times(question.count)
    start = NOON + random.randint(-10, 500) * HOUR
    return an_offering(
        offering_id=f"cb-{number}",
        instance_type=question.instance_type,
        instance_count=question.count,
        region=region,
        availability_zone=f"{region}{random.choice('abc')}",
        start_date=random.choice([start, start, start, None]),
        end_date=start + DAY,
        upfront_fee=random.choice([None, *(f"{random.randint(1, 9)}00.00" for _ in range(5))]),
        accelerator=random.choice([accelerator, accelerator, accelerator, None]),
        observed_at=None,
    )
