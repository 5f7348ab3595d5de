"""The sample market of the demo: the finds of two watches in four regions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from truffle.core.accelerators import accelerator_of
from truffle.core.market.answers import Answer, Outcome
from truffle.core.market.finds import Market, market_of
from truffle.core.market.watches import Question
from truffle.core.offerings import Offering

_ACCOUNT = "111122223333"
_HOURS = 168

# watch, type, instances, region, dollars per accelerator-hour, days to the start
_OFFERED = (
    ("pretrain-next", "p5.48xlarge", 32, "us-east-1", 4.12, 9),
    ("pretrain-next", "p5.48xlarge", 32, "us-east-2", 3.93, 16),
    ("pretrain-next", "p5.48xlarge", 32, "eu-north-1", 4.52, 3),
    ("eval-spare", "p5en.48xlarge", 4, "us-west-2", 4.86, 1),
)
# watch, type, instances, region, outcome
_NOTHING = (
    ("pretrain-next", "p5.48xlarge", 32, "us-west-2", Outcome.NONE),
    ("eval-spare", "p5en.48xlarge", 4, "us-east-2", Outcome.NONE),
    ("eval-spare", "p5en.48xlarge", 4, "eu-north-1", Outcome.UNKNOWN_TYPE),
    ("eval-spare", "p5en.48xlarge", 4, "us-east-1", Outcome.NOT_ASKED),
)


def demo_market(observed_at: datetime) -> Market:
    """Each kind of answer once; the last call in Stockholm failed."""
    midday = observed_at.replace(hour=11, minute=30, second=0, microsecond=0)
    answers = [_offered(observed_at, midday, *facts) for facts in _OFFERED]
    answers += [
        Answer(
            watch=watch,
            region=region,
            account_id=_ACCOUNT,
            question=Question(kind, count, _HOURS),
            outcome=outcome,
            observed_at=observed_at,
        )
        for watch, kind, count, region, outcome in _NOTHING
    ]
    pairs = [(it, it if it.outcome.is_known else None) for it in answers]
    return market_of([_failed(it) if it[0].region == "eu-north-1" else it for it in pairs])


def _failed(pair: tuple[Answer, Answer | None]) -> tuple[Answer, Answer | None]:
    """The same cell if only an offer from three hours ago is known."""
    last, known = pair
    if known is None or not known.offerings:
        return pair
    failed = replace(last, outcome=Outcome.FAILED, offerings=(), code="InternalError")
    return failed, replace(known, observed_at=last.observed_at - timedelta(hours=3))


def _offered(
    observed_at: datetime,
    midday: datetime,
    watch: str,
    kind: str,
    count: int,
    region: str,
    price: float,
    days: int,
) -> Answer:
    start = midday + timedelta(days=days)
    carried = accelerator_of(kind, {})
    each = (carried.count if carried else None) or 0
    offering = Offering(
        offering_id=f"cb-0{sha256(f'{watch}{region}'.encode()).hexdigest()[:16]}",
        instance_type=kind,
        instance_count=count,
        region=region,
        availability_zone=f"{region}a",
        start_date=start,
        end_date=start + timedelta(hours=_HOURS),
        duration_hours=_HOURS,
        upfront_fee=f"{price * each * count * _HOURS:.2f}",
        currency_code="USD",
        accelerator=carried.times(count) if carried else None,
    )
    question = Question(kind, count, _HOURS)
    return Answer(
        watch=watch,
        region=region,
        account_id=_ACCOUNT,
        question=question,
        outcome=Outcome.OFFERED,
        observed_at=observed_at,
        offerings=(offering,),
    )
