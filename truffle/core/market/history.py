"""The market over time: the price and the lead time of each answer to a watch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby

from truffle.core.codec import Json
from truffle.core.market.answers import Answer, Outcome
from truffle.core.market.finds import finds_of, lead_hours, sorted_finds
from truffle.core.market.watches import Question
from truffle.core.times import format_time, parse_time, sortable_time, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A region's answer to a watch at one time.

    ``price`` is that of the cheapest accelerator-hour, ``upfront_fee`` the fee of that offering,
    ``soonest_start`` the first start of all offerings; each is None if it is unknown, or if nothing
    was offered.
    """

    watch: str
    region: str
    account_id: str
    question: Question
    observed_at: datetime
    outcome: Outcome
    code: str | None = None
    offerings: int = 0
    price: Decimal | None = None
    upfront_fee: str | None = None
    currency_code: str | None = None
    soonest_start: datetime | None = None

    @property
    def lead_hours(self) -> float | None:
        """The hours from the answer to the soonest start."""
        return lead_hours(self.soonest_start, self.observed_at)

    def to_json(self) -> Json:
        lead = self.lead_hours
        return {
            "watch": self.watch,
            "region": self.region,
            "account_id": self.account_id,
            "requested": self.question.to_json(),
            "observed_at": format_time(self.observed_at),
            "outcome": self.outcome.value,
            "code": self.code,
            "offerings": self.offerings,
            "price_per_gpu_hour": None if self.price is None else round(float(self.price), 4),
            "upfront_fee": self.upfront_fee,
            "currency_code": self.currency_code,
            "soonest_start": self.soonest_start and format_time(self.soonest_start),
            "lead_hours": None if lead is None else whole(round(lead, 2)),
        }

    @classmethod
    def from_json(cls, data: Json) -> Point:
        """Raises ValueError, KeyError or TypeError for an object that is not a point."""
        price, start = data["price_per_gpu_hour"], data["soonest_start"]
        return cls(
            watch=data["watch"],
            region=data["region"],
            account_id=data["account_id"],
            question=Question.from_json(data["requested"]),
            observed_at=parse_time(data["observed_at"]),
            outcome=Outcome(data["outcome"]),
            code=data["code"],
            offerings=data["offerings"],
            price=None if price is None else Decimal(str(price)),
            upfront_fee=data["upfront_fee"],
            currency_code=data["currency_code"],
            soonest_start=parse_time(start) if start else None,
        )


def point(answer: Answer) -> Point:
    finds = finds_of([answer])
    priced = sorted_finds(it for it in finds if it.price is not None)
    cheapest = priced[0].offering if priced else None
    starts = [it.offering.start_date for it in finds if it.offering.start_date]
    return Point(
        watch=answer.watch,
        region=answer.region,
        account_id=answer.account_id,
        question=answer.question,
        observed_at=answer.observed_at,
        outcome=answer.outcome,
        code=answer.code,
        offerings=len(finds),
        price=priced[0].price if priced else None,
        upfront_fee=cheapest.upfront_fee if cheapest else None,
        currency_code=cheapest.currency_code if cheapest else None,
        soonest_start=min(starts, default=None),
    )


def place(it: Point) -> list[str]:
    """The position of a point in a list, as JSON: by watch, region and time."""
    return [it.watch, it.region, sortable_time(it.observed_at)]


def points(answers: Iterable[Answer]) -> list[Point]:
    """A point for each answer, in the order of their positions."""
    return sorted(map(point, answers), key=place)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive points of a watch in a region with the same outcome and price."""

    points: tuple[Point, ...]

    @property
    def first(self) -> Point:
        return self.points[0]

    @property
    def last(self) -> Point:
        return self.points[-1]

    @property
    def lead_hours(self) -> tuple[float, float] | None:
        """The shortest and the longest lead time; None if none is known."""
        known = [it.lead_hours for it in self.points if it.lead_hours is not None]
        return (min(known), max(known)) if known else None


def stretches(ordered: Iterable[Point]) -> Iterator[Stretch]:
    """Group points, in order of watch, region and time, into stretches."""

    def sameness(it: Point) -> tuple[object, ...]:
        price = None if it.price is None else round(it.price, 2)
        return it.watch, it.region, it.question, it.outcome, it.code, price

    for _, members in groupby(ordered, key=sameness):
        yield Stretch(tuple(members))
