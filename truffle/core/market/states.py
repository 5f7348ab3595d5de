"""The state of a watch in a region between two answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from statistics import median

from truffle.core.codec import Json
from truffle.core.events import PriceHistory
from truffle.core.market.answers import Answer
from truffle.core.market.days import Days, days_from_json, days_to_json, is_recent
from truffle.core.offerings import Offering, offering_from_json
from truffle.core.times import format_time, parse_time

SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An offering as last seen, and what was published about it.

    ``is_there`` is the published state, which can lag behind the market while an offering is quiet.
    ``reference`` is the price from which a drop counts, ``dropped_to`` the price of the last
    ``price_dropped``.
    """

    offering: Offering
    is_there: bool
    reference: Decimal | None
    appeared_at: datetime | None = None
    gone_at: datetime | None = None
    dropped_at: datetime | None = None
    dropped_to: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PastPrices:
    """The lowest price of the last 30 days, and the median of the daily lowest prices."""

    least: Decimal
    median: Decimal
    days: int

    def to_facts(self) -> PriceHistory:
        return PriceHistory(
            least=round(float(self.least), 4),
            median=round(float(self.median), 4),
            days=self.days,
        )


def past_prices(days: Days, now: datetime) -> PastPrices | None:
    """Compute the past prices; None if no price is known."""
    prices = [
        seen.price for day, seen in days.items() if seen.price is not None and is_recent(day, now)
    ]
    return PastPrices(min(prices), median(prices), len(prices)) if prices else None


@dataclass(frozen=True, slots=True)
class WatchState:
    """A watch in a region. ``last`` is the last answer, ``known`` the last one that showed what the
    region sells; ``seen`` has offerings by identity."""

    last: Answer
    known: Answer | None = None
    seen: Mapping[str, Seen] = field(default_factory=dict)
    days: Days = field(default_factory=dict)

    def to_json(self) -> Json:
        return {
            "schema_version": SCHEMA_VERSION,
            "last": self.last.to_json(),
            "known": None if self.known in (None, self.last) else self.known.to_json(),
            "is_last_known": self.known == self.last,
            "seen": [_seen_to_json(seen) for seen in self.seen.values()],
            "days": days_to_json(self.days),
        }

    @classmethod
    def from_json(cls, data: Json) -> WatchState:
        """Raises ValueError, KeyError or TypeError for an object that is not a state."""
        if data["schema_version"] not in (1, SCHEMA_VERSION):
            raise ValueError(f"schema_version {data['schema_version']} is not {SCHEMA_VERSION}")
        last = Answer.from_json(data["last"])
        known = data["known"] and Answer.from_json(data["known"])
        seen = [_seen_from_json(it) for it in data["seen"]]
        return cls(
            last,
            last if data["is_last_known"] else known,
            {it.offering.identity: it for it in seen},
            days_from_json(data["days"]),
        )


def _seen_to_json(seen: Seen) -> Json:
    return {
        "offering": seen.offering.to_json(),
        "is_there": seen.is_there,
        "reference": _text(seen.reference),
        "appeared_at": seen.appeared_at and format_time(seen.appeared_at),
        "gone_at": seen.gone_at and format_time(seen.gone_at),
        "dropped_at": seen.dropped_at and format_time(seen.dropped_at),
        "dropped_to": _text(seen.dropped_to),
    }


def _seen_from_json(data: Json) -> Seen:
    return Seen(
        offering=offering_from_json(data["offering"]),
        is_there=data["is_there"],
        reference=_price(data["reference"]),
        appeared_at=_time(data["appeared_at"]),
        gone_at=_time(data["gone_at"]),
        dropped_at=_time(data["dropped_at"]),
        dropped_to=_price(data["dropped_to"]),
    )


def _text(price: Decimal | None) -> str | None:
    return None if price is None else str(price)


def _price(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None
