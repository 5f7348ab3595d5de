"""Queries of the market: the API's parameters, and the parsed query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, Final

from truffle.core.market.finds import PRICE, SORTS, MarketFilter
from truffle.core.parameter import (
    BadParameter,
    Parameter,
    flag_parameter,
    texts_parameter,
    time_parameter,
)
from truffle.core.parameters import FILTERS, PAGE
from truffle.core.queries import Page, to_page
from truffle.core.suggest import misspelt
from truffle.core.times import format_time

DEFAULT_PERIOD: Final = timedelta(days=7)
LONGEST_PERIOD: Final = timedelta(days=92)
"""The longest period of a history; longer ones require SQL."""

_SORTS = [sign + name for name in SORTS for sign in ("", "-")]


def _price(text: str) -> Decimal:
    try:
        price = Decimal(text)
    except InvalidOperation:
        raise ValueError(text) from None
    if not (price.is_finite() and 0 < price < 10**6):
        raise ValueError(text)
    return price


def _sort(text: str) -> str:
    if text not in _SORTS:
        raise ValueError(text)
    return text


def _filter(name: str) -> Parameter:
    """The parameter with the same name as that of the lists of reservations."""
    return next(each for each in FILTERS if each.name == name)


_WATCH = texts_parameter(
    "watch",
    "The watch, by its name in the alerts file.",
    "It must be the name of a watch: lower-case letters, digits and hyphens.",
    "[a-z0-9-]{1,40}",
)
_CHOSEN = (_WATCH, _filter("instance_type"), _filter("region"))
_SINCE = time_parameter("since", "Only answers observed at or after this time.")
_UNTIL = time_parameter("until", "Only answers observed before this time; the default is now.")

OFFERINGS: tuple[Parameter, ...] = (
    *_CHOSEN,
    _filter("availability_zone"),
    Parameter(
        name="max_accelerator_hour_price",
        description="Only offerings that cost at most this, per accelerator-hour.",
        allowed="It must be a number above 0.",
        schema={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10**6},
        read=_price,
    ),
    _filter("starts_after"),
    _filter("starts_before"),
    flag_parameter("within_limit", "Only offerings within the price limit of their watch."),
    Parameter(
        name="sort",
        description=f"A field of an offering, by default {PRICE}; -field for descending.",
        allowed=f"It must be one of {', '.join(SORTS)}, with - before it for descending.",
        schema={"type": "string", "enum": _SORTS},
        read=_sort,
        meant=partial(misspelt, known=_SORTS),
    ),
    _SINCE,
    _UNTIL,
    *PAGE,
)
"""The parameters of ``GET /offerings``."""

HISTORY: tuple[Parameter, ...] = (*_CHOSEN, _SINCE, _UNTIL, *PAGE)
"""The parameters of ``GET /offerings/history``."""


@dataclass(frozen=True, slots=True)
class MarketQuery:
    """The parsed query; ``period`` None asks for the present state."""

    chosen: MarketFilter
    page: Page
    sort: str = PRICE
    period: tuple[datetime, datetime] | None = None


def to_query(values: Mapping[str, list[Any]], now: datetime) -> MarketQuery:
    """The query of parsed parameters. Raises BadParameter."""
    chosen = MarketFilter(
        watches=frozenset(values.get("watch", ())),
        instance_types=frozenset(values.get("instance_type", ())),
        regions=frozenset(values.get("region", ())),
        availability_zones=frozenset(values.get("availability_zone", ())),
        max_price=values.get("max_accelerator_hour_price", [None])[0],
        starts_after=values.get("starts_after", [None])[0],
        starts_before=values.get("starts_before", [None])[0],
        within_limit=values.get("within_limit", [False])[0],
    )
    period = to_period(values, now) if {"since", "until"} & values.keys() else None
    return MarketQuery(chosen, to_page(values), values.get("sort", [PRICE])[0], period)


def to_period(values: Mapping[str, list[Any]], now: datetime) -> tuple[datetime, datetime]:
    """The start and end of the period, by default the last seven days. Raises BadParameter."""
    until = min(values.get("until", [now])[0], now)
    since = values.get("since", [until - DEFAULT_PERIOD])[0]
    if since >= until:
        raise BadParameter("since", format_time(since), f"It must be before {format_time(until)}.")
    if until - since > LONGEST_PERIOD:
        allowed = f"It must be at most {LONGEST_PERIOD.days} days before {format_time(until)}."
        raise BadParameter("since", format_time(since), allowed)
    return since, until
