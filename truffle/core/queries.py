"""The questions that the API's parameters make: a filter, an order, a page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from truffle.core.filters import Filter, tags_by_key
from truffle.core.model import TYPES
from truffle.core.order import Order
from truffle.core.parameters import DEFAULT_LIMIT, FILTERS, LIST, Parameter, Params, parse
from truffle.core.vocabulary import MISSPELT, unknown_word


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    limit: int = DEFAULT_LIMIT
    next_token: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A list of reservations that is asked for."""

    filter: Filter
    order: Order
    page: Page
    warnings: tuple[str, ...] = ()


def parse_list(given: Params, takes: Iterable[Parameter] = LIST) -> Query:
    """The question of a route that lists reservations. Raises BadParameter."""
    values = parse(given, takes)
    order = values["sort"][0] if "sort" in values else Order()
    return Query(to_filter(values), order, to_page(values), tuple(unknown_words(values)))


def parse_filter(given: Params) -> Filter:
    """The filter of routes that take no order and no page. Raises BadParameter."""
    return to_filter(parse(given, FILTERS))


def unknown_words(values: Mapping[str, list[Any]], without: Collection[str] = ()) -> Iterator[str]:
    """What to warn of: values that this release does not know, and that may be new."""
    for name in values:
        for value in (
            dict.fromkeys(values[name]) if name in MISSPELT and name not in without else ()
        ):
            if warning := unknown_word(name, value):
                yield warning


def to_page(values: Mapping[str, list[Any]]) -> Page:
    limit = values.get("limit", [DEFAULT_LIMIT])[0]
    return Page(limit, values.get("next_token", [None])[0])


def to_filter(values: Mapping[str, list[Any]]) -> Filter:
    """Parsed values as a Filter."""

    def several(name: str) -> frozenset[str]:
        return frozenset(values.get(name, ()))

    def one(name: str) -> Any:
        return values.get(name, [None])[0]

    return Filter(
        types=several("type"),
        instance_types=several("instance_type"),
        regions=several("region"),
        availability_zones=several("availability_zone"),
        accounts=several("account"),
        owners=several("owner"),
        states=several("state"),
        accelerators=several("accelerator"),
        gpu_only=bool(one("gpu_only")),
        available_only=bool(one("available_only")),
        active_only=frozenset(TYPES) if one("active_only") else frozenset(),
        min_capacity=one("min_capacity"),
        tags=tags_by_key(values.get("tag", ())),
        starts_before=one("starts_before"),
        starts_after=one("starts_after"),
        ends_before=one("ends_before"),
        ends_after=one("ends_after"),
    )
