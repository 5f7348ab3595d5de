"""The filter: API parameters, command-line flags and Python arguments all become a Filter.

Values of one field mean OR, different fields mean AND; several tags are AND between keys and OR
between the values of one key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import translate
from functools import lru_cache, partial
from itertools import compress
from math import inf, nan
from operator import attrgetter, not_
from typing import Any

from truffle.core.kinds.registry import KINDS
from truffle.core.model import Reservation

Read = Callable[[Reservation], Any]
Test = Callable[[Iterable[Any]], Iterable[bool]]


@dataclass(frozen=True, slots=True)
class Predicate:
    """A test of one value per row: ``read`` gets the value, ``test`` tests many values at once.

    With thousands of rows, most tests must run without a Python call per value. Predicates with the
    same ``name`` read the same value. ``allowed`` has the only values that pass the test, if they
    are known.
    """

    name: str
    read: Read
    test: Test
    allowed: frozenset[Any] | None = None

    def keep(self, rows: list[Reservation]) -> list[Reservation]:
        return list(compress(rows, self.test(map(self.read, rows))))

    def holds(self, row: Reservation) -> bool:
        return all(self.test([self.read(row)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A filter of reservations; the empty one keeps everything.

    ``instance_types``, ``regions`` and ``names`` (of the tag Name) accept globs. ``accelerators``
    are case-insensitive names. ``accounts`` matches any account that sees the reservation,
    ``owners`` the one that owns it. ``active_only`` names the types that it applies to. ``…_after``
    includes its bound, ``…_before`` excludes it; no end date is never before and always after.
    ``min_capacity`` is instances: available ones of an ODCR, the size of a block.
    """

    types: frozenset[str] = frozenset()
    instance_types: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    availability_zones: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    accelerators: frozenset[str] = frozenset()
    gpu_only: bool = False
    available_only: bool = False
    active_only: frozenset[str] = frozenset()
    min_capacity: int | None = None
    tags: Mapping[str, frozenset[str]] = field(default_factory=dict)
    starts_before: datetime | None = None
    starts_after: datetime | None = None
    ends_before: datetime | None = None
    ends_after: datetime | None = None

    @property
    def reads_numbers(self) -> bool:
        """Whether it depends on the number of instances, or of those in use."""
        return self.available_only or self.min_capacity is not None

    def apply(self, reservations: Iterable[Reservation]) -> list[Reservation]:
        """The reservations that match, in their order."""
        kept = list(reservations)
        for predicate in self.predicates():
            kept = predicate.keep(kept)
        return kept

    def matches(self, reservation: Reservation) -> bool:
        return all(predicate.holds(reservation) for predicate in self.predicates())

    def predicates(self) -> list[Predicate]:
        """One predicate per field in use, the cheapest first. A row matches if all hold."""
        made = (
            _glob_predicate("region", self.regions),
            _one_of("state", self.states),
            _one_of("type", self.types),
            _one_of("owner_id", self.owners),
            _one_of("availability_zone", self.availability_zones),
            _glob_predicate("instance_type", self.instance_types),
            _accelerator_predicate(self.accelerators),
            _gpu_predicate() if self.gpu_only else None,
            _available_predicate() if self.available_only else None,
            _account_predicate(self.accounts),
            _name_predicate(self.names),
            *(_tag_predicate(key, values) for key, values in self.tags.items()),
            _starts_predicate(self.starts_after, self.starts_before),
            _ends_predicate(self.ends_after, self.ends_before),
            _capacity_predicate(self.min_capacity),
            _active_predicate(self.active_only),
        )
        return [predicate for predicate in made if predicate is not None]


def capacity_of(reservation: Reservation) -> int | None:
    """The number compared by ``min_capacity``: a block's size, an ODCR's available instances."""
    return reservation.size if reservation.kind.is_prepaid else reservation.available_capacity


@lru_cache(1024)
def glob_pattern(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))


def matches_globs(name: str, globs: Iterable[str]) -> bool:
    """Whether a name is one of these, or matches one with ``*``, ``?`` or ``[…]``."""
    return any(glob_pattern(glob).match(name) for glob in globs)


def _one_of(name: str, allowed: frozenset[str]) -> Predicate | None:
    return _equal_to(name, attrgetter(name), allowed) if allowed else None


def _equal_to(name: str, read: Read, allowed: frozenset[Any]) -> Predicate:
    return Predicate(name, read, partial(map, allowed.__contains__), allowed)


def _of_field(name: str, test: Test) -> Predicate:
    return Predicate(name, attrgetter(name), test)


def _gpu_predicate() -> Predicate:
    return Predicate("has_accelerator", lambda row: row.accelerator is not None, partial(map, bool))


def _available_predicate() -> Predicate:
    return _of_field("available_capacity", partial(map, bool))


class _Decided(dict[str, bool]):
    """Caches whether each name matches: an inventory has few types and regions."""

    def __init__(self, globs: frozenset[str]) -> None:
        super().__init__()
        self._globs = globs

    def __missing__(self, name: str) -> bool:
        return self.setdefault(name, matches_globs(name, self._globs))


def _glob_predicate(name: str, globs: frozenset[str]) -> Predicate | None:
    return _of_field(name, partial(map, _Decided(globs).__getitem__)) if globs else None


def _name_predicate(globs: frozenset[str]) -> Predicate | None:
    """A reservation without a name matches no glob."""
    if not globs:
        return None

    def match(names: Iterable[str | None]) -> list[bool]:
        return [name is not None and matches_globs(name, globs) for name in names]

    return Predicate("tags.Name", lambda row: row.tags.get("Name"), match)


def _accelerator_predicate(names: frozenset[str]) -> Predicate | None:
    if not names:
        return None
    wanted = {name.casefold() for name in names}
    return Predicate("accelerator_name", _accelerator_name, partial(map, wanted.__contains__))


def _accelerator_name(row: Reservation) -> str | None:
    return None if row.accelerator is None else row.accelerator.name.casefold()


def _active_predicate(types: frozenset[str]) -> Predicate | None:
    if not types:
        return None

    def are_active(pairs: Iterable[tuple[str, str]]) -> list[bool]:
        return [kind not in types or state in KINDS[kind].active_states for kind, state in pairs]

    return Predicate("type, state", attrgetter("type", "state"), are_active)


def _account_predicate(accounts: frozenset[str]) -> Predicate | None:
    if not accounts:
        return None

    def see(groups: Iterable[tuple[str, ...]]) -> Iterable[bool]:
        return map(not_, map(accounts.isdisjoint, groups))

    return _of_field("seen_by", see)


def _capacity_predicate(least: int | None) -> Predicate | None:
    if least is None:
        return None

    def are_enough(capacities: Iterable[int | None]) -> list[bool]:
        return [capacity is not None and capacity >= least for capacity in capacities]

    return Predicate("capacity", capacity_of, are_enough)


def _starts_predicate(after: datetime | None, before: datetime | None) -> Predicate | None:
    if after is None and before is None:
        return None
    return Predicate("start", _start, _within(after, before))


def _ends_predicate(after: datetime | None, before: datetime | None) -> Predicate | None:
    if after is None and before is None:
        return None
    return Predicate("end", _end, _within(after, before))


def _start(row: Reservation) -> float:
    """Seconds since 1970. A missing start is neither before nor after any bound."""
    return nan if row.start_date is None else row.start_date.timestamp()


def _end(row: Reservation) -> float:
    """Seconds since 1970. A missing end is after every bound."""
    return inf if row.end_date is None else row.end_date.timestamp()


def _within(after: datetime | None, before: datetime | None) -> Test:
    """Whether moments are at or after the one bound and before the other."""
    first = -inf if after is None else after.timestamp()
    if before is None:
        return partial(map, first.__le__)
    behind = before.timestamp()
    return lambda moments: [first <= moment < behind for moment in moments]


def _tag_predicate(key: str, values: frozenset[str]) -> Predicate:
    return _equal_to(f"tags.{key}", lambda row: row.tags.get(key), values)


def tags_by_key(pairs: Sequence[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Key and value pairs as ``Filter.tags`` takes them."""
    keys = dict.fromkeys(key for key, _ in pairs)
    return {key: frozenset(value for name, value in pairs if name == key) for key in keys}
