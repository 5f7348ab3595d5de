"""Queries of lists: the same filter, order and limit for every source.

The command line and the Python client both build their query here, from the API's own table of
parameters, and report invalid arguments before any call to AWS.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, TypedDict, Unpack

from truffle import clock
from truffle.core.declared_filters import BY_ARGUMENT, DECLARED, TIMES, DeclaredFilter, ValueKind
from truffle.core.filters import Filter
from truffle.core.kinds.registry import DEFAULT_TYPE
from truffle.core.model import TYPES, Reservation
from truffle.core.order import Order
from truffle.core.parameters import LIST, BadParameter, Parameter
from truffle.core.queries import to_filter, unknown_words
from truffle.core.regions import COMMERCIAL
from truffle.core.tag_text import tag_text
from truffle.core.times import WrittenTime, format_time, parse_when, to_utc
from truffle.core.vocabulary import is_type_glob, is_type_name, misspelt_type, types_with
from truffle.errors import TruffleError

Several = str | Iterable[str]
"""One value, several separated by commas, or an iterable of values."""

Tags = Mapping[str, str | Iterable[str]] | Several
"""Tags as a mapping of key to value or values, or as ``key=value`` texts."""


class BadArgument(TruffleError):
    """An invalid argument: its name, the value, what is allowed, the nearest match."""

    exit_status = 2

    def __init__(self, name: str, value: str, allowed: str, near: str | None = None) -> None:
        hint = f"Did you mean {near}? " if near else ""
        refused = f"invalid value {value!r}. " if value else ""
        self.advice = f"{hint}{allowed}"
        super().__init__(f"{name}: {refused}{self.advice}")
        self.name = name
        self.value = value
        self.allowed = allowed
        self.nearest = near

    def named(self, name: str) -> BadArgument:
        """The same error with another name of the argument, such as that of a flag."""
        return BadArgument(name, self.value, self.allowed, self.nearest)


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The result of a query: the rows in order, and the number of all matches."""

    rows: list[Reservation]
    matches: list[Reservation]


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The query of a list: ``regions`` None means all regions of the source; they may be globs.

    ``warnings`` are about values that this release does not know; the source checks whether regions
    are known. ``as_of`` is a past time, None for now.
    """

    filter: Filter
    order: Order = field(default_factory=Order)
    limit: int | None = None
    regions: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()
    as_of: datetime | None = None

    @property
    def named_accounts(self) -> list[str]:
        """Accounts that are not ids: only a deployed stack knows names."""
        return sorted(it for it in self.filter.accounts if not it.isdecimal())

    def check_live(self) -> None:
        """Raises BadArgument for names of accounts or a past time, which EC2 itself does not
        know."""
        if self.as_of is not None:
            allowed = "EC2 shows only the present: use a deployed stack (--api-url)."
            raise BadArgument("as_of", format_time(self.as_of), allowed)
        for name in self.named_accounts:
            allowed = "It must be 12 digits: only a deployed stack knows names (--api-url)."
            raise BadArgument("account", name, allowed)

    def answer(self, reservations: Iterable[Reservation]) -> QueryResult:
        """Select the result among these reservations, in the same way for every source. If accounts
        are named, the source has already selected them."""
        by_name = bool(self.named_accounts)
        chosen = replace(self.filter, accounts=frozenset()) if by_name else self.filter
        matches = self.order.sorted(chosen.apply(reservations))
        return QueryResult(matches[: self.limit], matches)


_PARAMETERS: Mapping[str, Parameter] = {parameter.name: parameter for parameter in LIST}


class Filters(TypedDict, total=False):
    """The filters of ``Truffle.capacity`` beside types, regions and the type of reservation."""

    gpu_only: bool
    available_only: bool
    min_capacity: int | None
    active_only: bool | None
    gpu: Several | None
    name: Several | None
    states: Several | None
    accounts: Several | None
    tags: Tags | None
    owners: Several | None
    availability_zones: Several | None
    starts_after: datetime | str | None
    starts_before: datetime | str | None
    ends_after: datetime | str | None
    ends_before: datetime | str | None


def list_query(
    *,
    instance_types: Several | None = None,
    regions: Several | None = None,
    reservation_type: str | Iterable[str] = DEFAULT_TYPE,
    sort: str | None = None,
    limit: int | str | None = None,
    as_of: datetime | str | None = None,
    **filters: Unpack[Filters],
) -> ListQuery:
    """Build the query of these arguments; None means everything. Raises BadArgument, or TypeError
    for an unknown filter.

    ``active_only`` None means active ODCRs and blocks in any state, unless states are named.
    """
    given: dict[str, Any] = {
        "reservation_type": reservation_type,
        "instance_types": instance_types,
        "regions": regions,
        **filters,
    }
    for name in given.keys() - BY_ARGUMENT.keys():
        raise TypeError(f"{name!r} is not a filter: the filters are {', '.join(BY_ARGUMENT)}")
    values = {**_one("sort", sort), **_one("limit", limit)}
    for declared in DECLARED:
        values |= _declared(declared, given.get(declared.argument))
    check_types(values.get("instance_type", ()))
    active = _active_types(given.get("active_only"), bool(values.get("state")))
    order = values["sort"][0] if "sort" in values else Order()
    named = tuple(dict.fromkeys(values["region"])) if "region" in values else None
    limit_of = values.get("limit", [None])[0]
    chosen = replace(to_filter(values), active_only=active)
    warnings = tuple(unknown_words(values, _OWN_WARNING))
    moment = None if as_of is None else moment_of("as_of", as_of, ahead=False).start
    return ListQuery(chosen, order, limit_of, named, warnings, moment)


def run_query(instance_type: str, regions: Several | None = None) -> ListQuery:
    """The query of a validation: ODCRs and blocks of one instance type, in any state."""
    return list_query(
        reservation_type=list(TYPES),
        instance_types=instance_type,
        regions=regions,
        active_only=False,
    )


def _declared(declared: DeclaredFilter, given: Any) -> dict[str, list[Any]]:
    """The values of one argument, by the API's parameter. Raises BadArgument."""
    name = declared.argument
    match declared.kind:
        case ValueKind.TEXTS | ValueKind.NAMES | ValueKind.TYPES:
            return _several(name, given)
        case ValueKind.TAGS:
            return _tags(given)
        case ValueKind.COUNT | ValueKind.TIME:
            return _one(name, given)
        case ValueKind.FLAG:
            return {declared.parameter: [True]} if given else {}
        case ValueKind.ACTIVE:
            return {}


def _active_types(active_only: bool | None, names_states: bool) -> frozenset[str]:
    if active_only is None:
        return frozenset() if names_states else frozenset({DEFAULT_TYPE})
    return frozenset(TYPES) if active_only else frozenset()


def _several(name: str, given: Several | None) -> dict[str, list[Any]]:
    texts = [] if given is None else _texts(name, given)
    return _parsed(name, texts) if texts else {}


def _one(name: str, given: object) -> dict[str, list[Any]]:
    if given is None:
        return {}
    if name in TIMES:
        given = format_time(moment_of(name, given).start)
    return _parsed(name, [str(given)])


def moment_of(
    name: str, given: datetime | date | str | object, *, ahead: bool = True
) -> WrittenTime:
    """Parse a given time, keeping whole days. Raises BadArgument.

    Texts have the forms of ``truffle.core.times.parse_when``, counted from now, forwards if
    ``ahead``.
    """
    if isinstance(given, datetime):
        moment = utc_of(name, given)
        return WrittenTime(moment, moment)
    try:
        return parse_when(str(given), clock.now(), ahead=ahead)
    except ValueError as error:
        raise BadArgument(name, str(given), f"It {error}.") from None


def utc_of(name: str, given: datetime) -> datetime:
    """An aware datetime in UTC. Raises BadArgument."""
    try:
        return to_utc(given)
    except ValueError as error:
        raise BadArgument(name, str(given), f"It {error}.") from None


def _tags(given: Tags | None) -> dict[str, list[Any]]:
    return _parsed("tags", [tag_text(key, value) for key, value in _pairs(given)]) if given else {}


def _pairs(given: Tags) -> list[tuple[str, str]]:
    if isinstance(given, Mapping):
        return [(key, value) for key, values in given.items() for value in _texts("tags", values)]
    return [_pair(part) for text in _texts("tags", given) for part in _parts(text)]


def _texts(name: str, given: object) -> list[str]:
    """One text, or several. Raises BadArgument for anything else."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, Iterable):
        raise BadArgument(name, str(given), "It must be a string or a list of strings.")
    return [str(value) for value in given]


def _parts(text: str) -> list[str]:
    """The parts of a text between commas; a comma of a value is written ``\\,``."""
    return [part.replace("\\,", ",") for part in re.split(r"(?<!\\),", text)]


def _pair(text: str) -> tuple[str, str]:
    """The key and the value of ``key=value``; an equals sign of a key is written ``\\=``."""
    key, *value = re.split(r"(?<!\\)=", text, maxsplit=1)
    if not value or not key.strip():
        allowed = "It must be key=value, such as team=research; write a comma as \\,."
        raise BadArgument("tags", text, allowed)
    return key.strip().replace("\\=", "="), value[0]


def _parsed(name: str, texts: Sequence[str]) -> dict[str, list[Any]]:
    declared = BY_ARGUMENT.get(name)
    parameter = _PARAMETERS[declared.parameter if declared else name]
    try:
        return {parameter.name: parameter.values(texts)}
    except BadParameter as error:
        if parameter.name == "instance_type":
            refuse_accelerator(name, error.value)
        allowed = _REGIONS if parameter.name == "region" else error.allowed
        raise BadArgument(name, error.value, allowed, error.nearest) from None


_REGIONS = f"The regions are {', '.join(COMMERCIAL)}."

_OWN_WARNING = frozenset({"region"})
"""Parameters for which the source itself warns about unknown values, because it has its own
list."""


def check_types(names: Iterable[object]) -> None:
    """Raises BadArgument for a name that cannot be an instance type; globs are accepted."""
    for name in map(str, names):
        if is_type_glob(name) or is_type_name(name):
            continue
        refuse_accelerator("instance_types", name)
        allowed = _PARAMETERS["instance_type"].allowed
        raise BadArgument("instance_types", name, allowed, misspelt_type(name))


def refuse_accelerator(argument: str, name: str) -> None:
    """Raises BadArgument if the name of an accelerator is given as an instance type."""
    types = types_with(name)
    if types:
        allowed = (
            f"{name} is an accelerator: filter by gpu, or name one of its instance types: "
            f"{', '.join(types)}."
        )
        raise BadArgument(argument, name, allowed)
