"""The finds of watches: the offerings of answers as rows, and the last answer of each region.

A find is an offering for sale at a moment; a standing is the last answer of a region to a watch.
Both have a JSON form, which the API, the command line and Python share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from truffle.core.codec import Json
from truffle.core.filters import matches_globs
from truffle.core.market.answers import Answer, Outcome
from truffle.core.market.days import Days, days_from_json, days_to_json
from truffle.core.market.watches import Question
from truffle.core.offerings import Offering, offering_from_json
from truffle.core.times import format_time, parse_time, whole

HOUR: Final = timedelta(hours=1)


def lead_hours(start: datetime | None, now: datetime) -> float | None:
    """Hours from now until a start, 0 for one that has passed; None if unknown."""
    return None if start is None else max((start - now) / HOUR, 0.0)


@dataclass(frozen=True, slots=True)
class Find:
    """An offering in a region's answer to a watch, at ``observed_at``."""

    watch: str
    account_id: str
    question: Question
    offering: Offering
    observed_at: datetime

    @property
    def lead_hours(self) -> float | None:
        """The hours from the answer to the start."""
        return lead_hours(self.offering.start_date, self.observed_at)

    @property
    def price(self) -> Decimal | None:
        """The price of an accelerator-hour; None if the fee or the accelerators are unknown."""
        return self.offering.price_per_gpu_hour

    @property
    def is_within_limit(self) -> bool:
        return self.question.is_within_limit(self.offering)

    def to_json(self) -> Json:
        lead = self.lead_hours
        return {
            **self.offering.to_json(),
            "identity": self.offering.identity,
            "lead_hours": None if lead is None else whole(round(lead, 2)),
            "is_within_limit": self.is_within_limit,
            "watch": self.watch,
            "account_id": self.account_id,
            "requested": self.question.to_json(),
            "observed_at": format_time(self.observed_at),
        }

    @classmethod
    def from_json(cls, data: Json) -> Find:
        """Raises ValueError, KeyError or TypeError for an object that is not a find."""
        return cls(
            data["watch"],
            data["account_id"],
            Question.from_json(data["requested"]),
            offering_from_json(data),
            parse_time(data["observed_at"]),
        )


def finds_of(answers: Iterable[Answer]) -> list[Find]:
    """Every offering of these answers."""
    return [
        Find(it.watch, it.account_id, it.question, offering, it.observed_at)
        for it in answers
        for offering in it.offerings
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A region's answers to a watch: the last attempt, and the last answer that showed what it
    sells.

    ``code`` and ``message`` are EC2's if it refused the last attempt. ``known`` and its time are
    None if no answer has shown what the region sells. ``days`` are the last 30 days with such an
    answer; None for a past period.
    """

    watch: str
    region: str
    account_id: str
    question: Question
    outcome: Outcome
    observed_at: datetime
    code: str | None = None
    message: str | None = None
    known: Outcome | None = None
    known_at: datetime | None = None
    days: Days | None = None

    @classmethod
    def of(cls, last: Answer, known: Answer | None, days: Days | None = None) -> Standing:
        return cls(
            watch=last.watch,
            region=last.region,
            account_id=last.account_id,
            question=last.question,
            outcome=last.outcome,
            observed_at=last.observed_at,
            code=last.code,
            message=last.message,
            known=known.outcome if known else None,
            known_at=known.observed_at if known else None,
            days=days,
        )

    def to_json(self) -> Json:
        return {
            "watch": self.watch,
            "region": self.region,
            "account_id": self.account_id,
            "requested": self.question.to_json(),
            "outcome": self.outcome.value,
            "observed_at": format_time(self.observed_at),
            "code": self.code,
            "message": self.message,
            "known_outcome": self.known and self.known.value,
            "known_at": self.known_at and format_time(self.known_at),
            "days": None if self.days is None else days_to_json(self.days),
        }

    @classmethod
    def from_json(cls, data: Json) -> Standing:
        """Raises ValueError, KeyError or TypeError for an object that is not a standing."""
        known, known_at = data["known_outcome"], data["known_at"]
        return cls(
            watch=data["watch"],
            region=data["region"],
            account_id=data["account_id"],
            question=Question.from_json(data["requested"]),
            outcome=Outcome(data["outcome"]),
            observed_at=parse_time(data["observed_at"]),
            code=data["code"],
            message=data["message"],
            known=Outcome(known) if known else None,
            known_at=parse_time(known_at) if known_at else None,
            days=None if data.get("days") is None else days_from_json(data["days"]),
        )


@dataclass(frozen=True, slots=True)
class Market:
    """Finds, and each region's answers to each watch."""

    finds: tuple[Find, ...] = ()
    standings: tuple[Standing, ...] = ()


def market_of(
    pairs: Iterable[tuple[Answer, Answer | None]],
    days: Mapping[tuple[str, str], Days] | None = None,
) -> Market:
    """The known market: for each watch in each region its last answer, and the last one that showed
    what is sold. ``days`` are by region and watch."""
    past = days or {}
    ordered = sorted(pairs, key=lambda pair: (pair[0].watch, pair[0].region))
    known = [answer for _, answer in ordered if answer is not None]
    standings = tuple(
        Standing.of(last, answer, past.get((last.region, last.watch))) for last, answer in ordered
    )
    return Market(tuple(finds_of(known)), standings)


def latest(answers: Iterable[Answer]) -> list[tuple[Answer, Answer | None]]:
    """The last answer of each watch and region, and the last one that showed what is sold."""
    last: dict[tuple[str, str], Answer] = {}
    known: dict[tuple[str, str], Answer] = {}
    for answer in sorted(answers, key=lambda it: it.observed_at):
        key = answer.watch, answer.region
        last[key] = answer
        if answer.outcome.is_known:
            known[key] = answer
    return [(answer, known.get(key)) for key, answer in last.items()]


# --- filters and orders --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFilter:
    """A filter of finds; the empty one keeps everything.

    ``instance_types`` and ``regions`` accept globs; a type is that of an offering, of one of its
    segments, of its UltraServer, or the one that the watch searches for. A price is that of an
    accelerator-hour; an unknown price is not below any bound. ``…_after`` includes its bound,
    ``…_before`` excludes it.
    """

    watches: frozenset[str] = frozenset()
    instance_types: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    availability_zones: frozenset[str] = frozenset()
    max_price: Decimal | None = None
    starts_after: datetime | None = None
    starts_before: datetime | None = None
    within_limit: bool = False

    def covers(self, watch: str, region: str, instance_types: Iterable[str | None]) -> bool:
        """Whether a watch, a region and any of these types match."""
        return (
            (not self.watches or watch in self.watches)
            and (not self.regions or matches_globs(region, self.regions))
            and (
                not self.instance_types
                or any(matches_globs(it, self.instance_types) for it in instance_types if it)
            )
        )

    def covers_question(self, answer: Answer | Standing) -> bool:
        """Whether the watch, the region and the type of an answer match."""
        return self.covers(answer.watch, answer.region, [answer.question.instance_type])

    def matches(self, find: Find) -> bool:
        offering = find.offering
        types = [part.instance_type for part in offering.parts]
        requested = find.question.instance_type
        zones = {part.availability_zone for part in offering.parts}
        return (
            self.covers(find.watch, offering.region, [*types, offering.ultraserver_type, requested])
            and (not self.availability_zones or bool(zones & self.availability_zones))
            and (
                self.max_price is None or (find.price is not None and find.price <= self.max_price)
            )
            and _is_within(offering.start_date, self.starts_after, self.starts_before)
            and (find.is_within_limit or not self.within_limit)
        )

    def apply(self, market: Market) -> Market:
        """The finds that match, and the standings of the matching watches, regions and types."""
        return replace(
            market,
            finds=tuple(filter(self.matches, market.finds)),
            standings=tuple(filter(self.covers_question, market.standings)),
        )


def _is_within(start: datetime | None, after: datetime | None, before: datetime | None) -> bool:
    if start is None:
        return after is None and before is None
    return (after is None or start >= after) and (before is None or start < before)


PRICE: Final = "price_per_gpu_hour"

SORTS: Final[Mapping[str, Callable[[Find], Any]]] = {
    PRICE: lambda it: it.price,
    "upfront_fee": lambda it: it.offering.upfront_fee,
    "start_date": lambda it: it.offering.start_date,
    "observed_at": lambda it: it.observed_at,
}
"""The fields by which finds can be sorted."""


def position(find: Find, sort: str = PRICE) -> list[Any]:
    """The position of a find in an order, as JSON: by one of ``SORTS``, ``-name`` for descending.
    Unknown values come last. The price, the start and the offering break ties."""
    value = SORTS[sort.removeprefix("-")](find)
    sign = -1 if sort.startswith("-") else 1
    return [
        *(value is None, sign * _number(value)),
        *(find.price is None, _number(find.price)),
        *(find.offering.start_date is None, _number(find.offering.start_date)),
        *(find.offering.region, find.watch, find.offering.identity, find.observed_at.timestamp()),
        find.offering.offering_id,
    ]


def _number(value: Decimal | str | datetime | None) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    return float(value or 0)


def sorted_finds(finds: Iterable[Find], sort: str = PRICE) -> list[Find]:
    """The finds in the order of their positions."""
    return sorted(finds, key=lambda it: position(it, sort))
