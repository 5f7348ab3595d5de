"""The question that a person asks: the same filter, order and length for every source.

The command line and the Python client both make their question here, by the API's own table of
parameters, and both tell what is wrong with it before anything is asked of AWS.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from truffle.core.filters import Filter
from truffle.core.model import ODCR, TYPES, Reservation
from truffle.core.nearest import nearest
from truffle.core.order import SORT_FIELDS, Order
from truffle.core.parameters import LIST, BadParameter, Parameter, tag_text
from truffle.core.queries import to_filter
from truffle.core.regions import COMMERCIAL, KNOWN_REGIONS
from truffle.core.times import format_time, to_utc
from truffle.errors import TruffleError
from truffle.reservation_type import ReservationType

Several = str | Iterable[str]
"""One value, several separated by commas, or an iterable of values."""

Tags = Mapping[str, str | Iterable[str]] | Several
"""Tags as a mapping of key to value or values, or as ``key=value`` texts."""


class BadArgument(TruffleError):
    """An argument that cannot be used: its name, the value, what is allowed, the nearest match."""

    exit_status = 2

    def __init__(self, name: str, value: str, allowed: str, near: str | None = None) -> None:
        hint = f"Did you mean {near}? " if near else ""
        refused = f"{value!r} is not allowed. " if value else ""
        super().__init__(f"{name}: {refused}{hint}{allowed}")
        self.name = name
        self.value = value
        self.allowed = allowed
        self.nearest = near

    def named(self, name: str) -> BadArgument:
        """The same of an argument that is called otherwise, a flag for instance."""
        return BadArgument(name, self.value, self.allowed, self.nearest)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question gets: the rows in their order, and all that match where they are limited."""

    rows: list[Reservation]
    matches: list[Reservation]


@dataclass(frozen=True, slots=True)
class Question:
    """What to list: ``regions`` None are all that the source has."""

    filter: Filter
    order: Order = field(default_factory=Order)
    limit: int | None = None
    regions: tuple[str, ...] | None = None

    def answer(self, reservations: Iterable[Reservation]) -> Answer:
        """The answer among these reservations; pure, and the same for every source."""
        matches = self.order.sorted(self.filter.apply(reservations))
        return Answer(matches[: self.limit], matches)


_PARAMETERS: Mapping[str, Parameter] = {parameter.name: parameter for parameter in LIST}

_NAMES = {
    "reservation_type": "type",
    "instance_types": "instance_type",
    "regions": "region",
    "availability_zones": "availability_zone",
    "accounts": "account",
    "owners": "owner",
    "states": "state",
    "tags": "tag",
}
"""Arguments that are called otherwise than the API's parameters."""

_SIZE = re.compile(r"nano|micro|small|medium|large|[0-9]*xlarge|metal(-[0-9]+xl)?")
_FAMILY = re.compile(r"[a-z][a-z0-9-]*")
_GLOB = re.compile(r"[*?\[]")


def ask(
    *,
    reservation_type: str | Iterable[str] = ReservationType.ODCR,
    instance_types: Several | None = None,
    regions: Several | None = None,
    availability_zones: Several | None = None,
    accounts: Several | None = None,
    owners: Several | None = None,
    states: Several | None = None,
    tags: Tags | None = None,
    gpu_only: bool = False,
    available_only: bool = False,
    active_only: bool | None = None,
    min_capacity: int | str | None = None,
    starts_before: datetime | str | None = None,
    starts_after: datetime | str | None = None,
    ends_before: datetime | str | None = None,
    ends_after: datetime | str | None = None,
    sort: str | None = None,
    limit: int | str | None = None,
) -> Question:
    """The question of these arguments; None asks for everything. Raises BadArgument.

    ``active_only`` None means ODCRs that are active and blocks in any state, unless states are
    named.
    """
    values = {
        **_several("reservation_type", reservation_type),
        **_several("instance_types", instance_types),
        **_several("regions", regions),
        **_several("availability_zones", availability_zones),
        **_several("accounts", accounts),
        **_several("owners", owners),
        **_several("states", states),
        **_tags(tags),
        **_one("min_capacity", min_capacity),
        **_one("starts_before", starts_before),
        **_one("starts_after", starts_after),
        **_one("ends_before", ends_before),
        **_one("ends_after", ends_after),
        **_one("sort", sort),
        **_one("limit", limit),
    }
    check_types(values.get("instance_type", ()))
    check_regions(values.get("region", ()))
    check_zones(values.get("availability_zone", ()))
    chosen = replace(
        to_filter(values),
        gpu_only=gpu_only,
        available_only=available_only,
        active_only=_active_types(active_only, bool(values.get("state"))),
    )
    order = values["sort"][0] if "sort" in values else Order()
    named = tuple(dict.fromkeys(values["region"])) if "region" in values else None
    return Question(chosen, order, values.get("limit", [None])[0], named)


def _active_types(active_only: bool | None, names_states: bool) -> frozenset[str]:
    if active_only is None:
        return frozenset() if names_states else frozenset({ODCR})
    return frozenset(TYPES) if active_only else frozenset()


def _several(name: str, given: Several | None) -> dict[str, list[Any]]:
    texts = [] if given is None else _texts(name, given)
    return _parsed(name, texts) if texts else {}


def _one(name: str, given: object) -> dict[str, list[Any]]:
    if given is None:
        return {}
    if isinstance(given, datetime):
        given = format_time(utc_of(name, given))
    return _parsed(name, [str(given)])


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
    """One text, or several. Raises BadArgument for what is neither."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, Iterable):
        raise BadArgument(name, str(given), "It takes text, or a list of texts.")
    return [str(value) for value in given]


def _parts(text: str) -> list[str]:
    """The parts of a text between commas; a comma of a value is written ``\\,``."""
    return [part.replace("\\,", ",") for part in re.split(r"(?<!\\),", text)]


def _pair(text: str) -> tuple[str, str]:
    """The key and the value of ``key=value``; an equals sign of a key is written ``\\=``."""
    key, *value = re.split(r"(?<!\\)=", text, maxsplit=1)
    if not value or not key.strip():
        allowed = "It takes key=value, such as team=research; write a comma as \\,."
        raise BadArgument("tags", text, allowed)
    return key.strip().replace("\\=", "="), value[0]


def _parsed(name: str, texts: Sequence[str]) -> dict[str, list[Any]]:
    parameter = _PARAMETERS[_NAMES.get(name, name)]
    try:
        return {parameter.name: parameter.values(texts)}
    except BadParameter as error:
        near = _nearest(parameter.name, error.value)
        allowed = _REGIONS if parameter.name == "region" else error.allowed
        raise BadArgument(name, error.value, allowed, near) from None


_REGIONS = f"The regions are {', '.join(COMMERCIAL)}."


_CHOICES: Mapping[str, Iterable[str]] = {
    "type": TYPES,
    "sort": (*SORT_FIELDS, *(f"-{name}" for name in SORT_FIELDS)),
    "region": KNOWN_REGIONS,
}


def _nearest(parameter: str, value: str) -> str | None:
    if parameter == "instance_type":
        return nearest_type(value)
    return nearest(value, _CHOICES.get(parameter, ()))


def check_regions(names: Iterable[object]) -> None:
    """Raises BadArgument for a region that neither truffle nor botocore knows."""
    for name in map(str, names):
        if name not in KNOWN_REGIONS and name not in _regions_of_botocore():
            raise BadArgument("regions", name, _REGIONS, nearest(name, KNOWN_REGIONS))


def check_zones(names: Iterable[object]) -> None:
    """Raises BadArgument for a zone of a region that does not exist."""
    for name in map(str, names):
        region = _region_of(name)
        try:
            check_regions([region])
        except BadArgument as error:
            near = error.nearest and name.replace(region, error.nearest)
            allowed = _PARAMETERS["availability_zone"].allowed
            raise BadArgument("availability_zones", name, allowed, near) from None


def _region_of(zone: str) -> str:
    """``us-east-1`` of ``us-east-1a``, and of ``us-east-1-bos-1a``, a local zone."""
    match = re.match(r"[a-z]+(-[a-z]+)+-[0-9]+", zone)
    return match[0] if match else zone


def _regions_of_botocore() -> set[str]:
    """The regions of the installed botocore, which may be newer than this release."""
    from botocore.session import get_session

    session = get_session()
    return {
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition)
    }


def check_types(names: Iterable[object]) -> None:
    """Raises BadArgument for a name that can be no instance type; globs are left alone."""
    for name in map(str, names):
        family, _, size = name.partition(".")
        if _GLOB.search(name) or (_FAMILY.fullmatch(family) and _SIZE.fullmatch(size)):
            continue
        allowed = _PARAMETERS["instance_type"].allowed
        raise BadArgument("instance_types", name, allowed, nearest_type(name))


def nearest_type(name: str) -> str | None:
    """The known instance type that is spelt most like this, or a family's glob."""
    from truffle.core.accelerators import bundled

    return f"{name}.*" if types_of_family(name) else nearest(name, bundled())


def types_of_family(name: str) -> list[str]:
    """The known instance types of a family such as ``p5``."""
    from truffle.core.accelerators import bundled

    return sorted(known for known in bundled() if known.partition(".")[0] == name)
