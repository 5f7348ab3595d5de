"""The days of a watch in a region: the lowest price and the shortest lead time of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from truffle.core.codec import Json
from truffle.core.times import whole

DAYS_KEPT = 30


@dataclass(frozen=True, slots=True)
class MarketDay:
    """A day with an answer that shows what a region sells.

    ``price`` is the lowest one of an accelerator-hour (of an instance-hour if the accelerators are
    unknown), ``lead_hours`` the shortest time from an answer to a start. Both are None if nothing
    was offered, or if unknown.
    """

    price: Decimal | None = None
    lead_hours: float | None = None


Days = Mapping[date, MarketDay]


def with_answer(
    days: Days, at: datetime, prices: Iterable[Decimal], leads: Iterable[float]
) -> Days:
    """Add the prices and lead times of one answer to the days, without those that are too old."""
    kept = {day: seen for day, seen in days.items() if is_recent(day, at)}
    today = kept.get(at.date(), MarketDay())
    kept[at.date()] = MarketDay(
        min([*prices, *([] if today.price is None else [today.price])], default=None),
        min([*leads, *([] if today.lead_hours is None else [today.lead_hours])], default=None),
    )
    return kept


def is_recent(day: date, now: datetime) -> bool:
    """Whether a day is one of the last 30."""
    return day > now.date() - timedelta(days=DAYS_KEPT)


def best_of(several: Iterable[Days]) -> Days:
    """The best of each day over several watches."""
    found: dict[date, MarketDay] = {}
    for days in several:
        for day, seen in days.items():
            each = [it for it in (found.get(day), seen) if it is not None]
            prices = [it.price for it in each if it.price is not None]
            leads = [it.lead_hours for it in each if it.lead_hours is not None]
            found[day] = MarketDay(min(prices, default=None), min(leads, default=None))
    return dict(sorted(found.items()))


def days_to_json(days: Days) -> list[Json]:
    """The days as JSON; prices are text, because they are exact."""
    return [
        {
            "day": day.isoformat(),
            "price": None if seen.price is None else str(seen.price),
            "lead_hours": None if seen.lead_hours is None else whole(round(seen.lead_hours, 2)),
        }
        for day, seen in sorted(days.items())
    ]


def days_from_json(data: Iterable[Json] | Mapping[str, str]) -> Days:
    """The days of a state; those of schema version 1 have only prices.

    Raises KeyError, TypeError or ValueError for objects that are not days.
    """
    if isinstance(data, Mapping):
        return {date.fromisoformat(day): MarketDay(Decimal(it)) for day, it in data.items()}
    return {
        date.fromisoformat(it["day"]): MarketDay(
            None if it["price"] is None else Decimal(it["price"]), it["lead_hours"]
        )
        for it in data
    }
