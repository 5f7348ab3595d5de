"""The response of ``GET /usage``: the query, the sums, the prices used."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas.history.exceptions import TooLarge
from lambdas.store.garbage import no_garbage_collection
from truffle.core.codec import Json
from truffle.core.filters import Filter
from truffle.core.ledger import DAY, day_of
from truffle.core.ledger_reader import DayTotals
from truffle.core.organization import AllLabels, labels_of
from truffle.core.parameters import BadParameter
from truffle.core.pricing import PriceBook
from truffle.core.queries import to_filter, unknown_words
from truffle.core.spans import Span
from truffle.core.times import format_time
from truffle.core.usage import Period, TooManyRows, UsageTally
from truffle.core.usage_axes import ACCOUNTS, Interval

DEFAULT_DAYS = 7
DEFAULT_BY = ("type",)
LONGEST = timedelta(days=3 * 366)


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """The query: the period, the keys of the groups, and the filter."""

    period: Period
    by: tuple[str, ...]
    chosen: Filter
    warnings: tuple[str, ...] = ()

    def is_total(self, day: datetime) -> bool:
        """Whether the totals of days suffice."""
        return self.period.has_whole(day) and not self.chosen.reads_numbers


def to_usage_query(values: Mapping[str, list[Any]], now: datetime) -> UsageQuery:
    """The query of parsed parameters; by default the last seven whole days.

    A period that ends in the future is cut at the present. Raises BadParameter.
    """
    until = min(values.get("until", [day_of(now)])[0], now)
    since = values.get("since", [day_of(until) - DEFAULT_DAYS * DAY])[0]
    if since >= until:
        allowed = f"It must be before the end, {format_time(until)}"
        default = (
            "" if "until" in values else ", the default of until: give until for a part of today"
        )
        raise BadParameter("since", format_time(since), f"{allowed}{default}.")
    if until - since > LONGEST:
        allowed = f"It must be at most {LONGEST.days} days before {format_time(until)}."
        raise BadParameter("since", format_time(since), allowed)
    interval = Interval(values.get("interval", [Interval.DAY])[0])
    by = tuple(dict.fromkeys(values.get("by", DEFAULT_BY)))
    warnings = tuple(unknown_words(values))
    return UsageQuery(Period(since, until, interval), by, to_filter(values), warnings)


@dataclass(frozen=True, slots=True)
class UsageAnswer:
    """The rows of an answer as JSON objects, and its other fields."""

    rows: list[str]
    others: Json

    def text(self, **more: Any) -> str:
        """The answer as a JSON object."""
        others = json.dumps({**self.others, **more}, separators=(",", ":"))
        return f'{{"items":[{",".join(self.rows)}],{others[1:]}'


def answer(
    query: UsageQuery,
    spans: Iterable[Span | DayTotals],
    prices: PriceBook,
    most_rows: int | None = None,
    labels: AllLabels | None = None,
) -> UsageAnswer:
    """The rows by interval and group, the price of each product in them, null if unknown, and the
    known names of the accounts and owners that they are grouped by.

    Raises TooLarge as soon as there are more than ``most_rows``.
    """
    tally = UsageTally(query.period, query.by, prices.rate, query.chosen, most_rows)
    try:
        with no_garbage_collection():
            for one in spans:
                if isinstance(one, DayTotals):
                    tally.add_day(one)
                else:
                    tally.add(one)
            rows = tally.texts()
    except TooManyRows as error:
        raise TooLarge(f"more than {most_rows:,} rows") from error
    period = query.period
    return UsageAnswer(
        rows,
        {
            "count": len(rows),
            "since": format_time(period.since),
            "until": format_time(period.until),
            "interval": period.interval.value,
            "by": list(query.by),
            "prices": [it.to_json() for it in sorted(tally.prices, key=str)],
            "billed_fees": _fees(prices, period, tally),
            "account_names": _names(tally.values(*ACCOUNTS), labels or {}),
            "warnings": list(query.warnings),
        },
    )


def _names(accounts: Iterable[str], labels: AllLabels) -> dict[str, str]:
    names = {it: labels_of(it, labels).account_name for it in sorted(accounts)}
    return {account_id: name for account_id, name in names.items() if name}


def _fees(prices: PriceBook, period: Period, tally: UsageTally) -> list[Json]:
    """The billed fees of a period, where it has prepaid capacity."""
    found = prices.bill.between(period.since, period.until)
    return [it.to_json() for it in found if it.place in tally.prepaid_places]
