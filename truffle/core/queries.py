"""Queries parsed from the API's parameters: a filter, an order, a page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from truffle.core.declared_filters import DECLARED, ValueKind
from truffle.core.filters import Filter, tags_by_key
from truffle.core.model import TYPES
from truffle.core.order import Order
from truffle.core.parameters import DEFAULT_LIMIT, FILTERS, LIST, Parameter, Params, parse
from truffle.core.tag_text import name_text, tag_text
from truffle.core.times import format_time
from truffle.core.vocabulary import MISSPELT, unknown_word


@dataclass(frozen=True, slots=True)
class Page:
    """The requested part of a list."""

    limit: int = DEFAULT_LIMIT
    next_token: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A query for a list of reservations, now or ``as_of`` a time."""

    filter: Filter
    order: Order
    page: Page
    warnings: tuple[str, ...] = ()
    as_of: datetime | None = None


def parse_list(given: Params, takes: Iterable[Parameter] = LIST) -> Query:
    """Parse the query of a route that lists reservations. Raises BadParameter."""
    values = parse(given, takes)
    order = values["sort"][0] if "sort" in values else Order()
    as_of = values.get("as_of", [None])[0]
    return Query(to_filter(values), order, to_page(values), tuple(unknown_words(values)), as_of)


def parse_filter(given: Params) -> Filter:
    """Parse the filter of a route without order and page. Raises BadParameter."""
    return to_filter(parse(given, FILTERS))


def unknown_words(values: Mapping[str, list[Any]], without: Collection[str] = ()) -> Iterator[str]:
    """Warnings about values that this release does not know and that may be new."""
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
    return Filter(
        **{
            declared.field: _field(declared.kind, values[declared.parameter])
            for declared in DECLARED
            if declared.parameter in values
        }
    )


def _field(kind: ValueKind, values: list[Any]) -> Any:
    match kind:
        case ValueKind.TEXTS | ValueKind.NAMES | ValueKind.TYPES:
            return frozenset(values)
        case ValueKind.TAGS:
            return tags_by_key(values)
        case ValueKind.ACTIVE:
            return frozenset(TYPES) if values[0] else frozenset()
        case ValueKind.FLAG | ValueKind.COUNT | ValueKind.TIME:
            return values[0]


def to_values(chosen: Filter, only: str) -> Iterator[tuple[str, str]]:
    """A filter as the parameters of a route that lists one type: the inverse of ``to_filter``."""
    for declared in DECLARED:
        value = getattr(chosen, declared.field)
        for text in _texts(declared.kind, value, only):
            yield declared.parameter, text


def _texts(kind: ValueKind, value: Any, only: str) -> list[str]:
    match kind:
        case ValueKind.TEXTS:
            return [",".join(sorted(value))] if value else []
        case ValueKind.NAMES:
            return [",".join(map(name_text, sorted(value)))] if value else []
        case ValueKind.TYPES:
            return []
        case ValueKind.TAGS:
            return [tag_text(key, each) for key, values in value.items() for each in values]
        case ValueKind.FLAG:
            return ["true"] if value else []
        case ValueKind.ACTIVE:
            return ["true"] if only in value else []
        case ValueKind.COUNT:
            return [] if value is None else [str(value)]
        case ValueKind.TIME:
            return [] if value is None else [format_time(value)]
