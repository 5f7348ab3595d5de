"""The one filter: API parameters, command-line flags and Python arguments all become a Filter.

Values of one field mean OR, different fields mean AND; several tags are AND between keys and OR
between the values of one key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import translate
from functools import cache
from itertools import compress
from operator import attrgetter
from typing import Any

from truffle.core.model import CAPACITY_BLOCK, ODCR, Accelerator, CapacityBlock, Reservation

ACTIVE_STATES: Mapping[str, frozenset[str]] = {
    ODCR: frozenset({"active"}),
    CAPACITY_BLOCK: frozenset({"active", "scheduled"}),
}
"""The states that ``active_only`` keeps, by type."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """A test of one field's value, or of the whole row where no field is named.

    Over thousands of rows the fields are read, and most tests are made, without a call of Python.
    """

    field: str | None
    test: Callable[[Any], bool]

    def keep(self, rows: list[Reservation]) -> list[Reservation]:
        values = rows if self.field is None else map(attrgetter(self.field), rows)
        return list(compress(rows, map(self.test, values)))

    def holds(self, row: Reservation) -> bool:
        return self.test(row if self.field is None else getattr(row, self.field))


@dataclass(frozen=True, slots=True)
class Filter:
    """What to keep; the empty filter keeps everything.

    ``instance_types`` and ``regions`` take globs. ``accelerators`` are names, whose case does not
    count. ``accounts`` matches any account that sees the reservation,
    ``owners`` the one that owns it. ``active_only`` names the types that it applies to.
    ``…_after`` includes its bound, ``…_before`` excludes it; no end date is never before and
    always after. ``min_capacity`` is instances: available ones of an ODCR, the size of a block.
    """

    types: frozenset[str] = frozenset()
    instance_types: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    availability_zones: frozenset[str] = frozenset()
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

    def apply(self, reservations: Iterable[Reservation]) -> list[Reservation]:
        """The reservations that match, in the order they came in."""
        kept = list(reservations)
        for predicate in self._predicates():
            kept = predicate.keep(kept)
        return kept

    def matches(self, reservation: Reservation) -> bool:
        return all(predicate.holds(reservation) for predicate in self._predicates())

    def _predicates(self) -> list[Predicate]:
        """One predicate per field in use, the cheapest first."""
        made = (
            _glob_predicate("region", self.regions),
            _one_of("state", self.states),
            _one_of("type", self.types),
            _one_of("owner_id", self.owners),
            _one_of("availability_zone", self.availability_zones),
            _glob_predicate("instance_type", self.instance_types),
            _accelerator_predicate(self.accelerators),
            Predicate("accelerator", bool) if self.gpu_only else None,
            Predicate("available_capacity", bool) if self.available_only else None,
            _account_predicate(self.accounts),
            *(_tag_predicate(key, values) for key, values in self.tags.items()),
            _starts_predicate(self.starts_after, self.starts_before),
            _ends_predicate(self.ends_after, self.ends_before),
            _capacity_predicate(self.min_capacity),
            _active_predicate(self.active_only),
        )
        return [predicate for predicate in made if predicate is not None]


def capacity_of(reservation: Reservation) -> int | None:
    """What ``min_capacity`` compares: a block's size, an ODCR's available instances."""
    if isinstance(reservation, CapacityBlock):
        return reservation.instance_count
    return reservation.available_capacity


@cache
def glob_pattern(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))


def matches_globs(name: str, globs: Iterable[str]) -> bool:
    """Whether a name is one of these, or matches one with ``*``, ``?`` or ``[…]``."""
    return any(glob_pattern(glob).match(name) for glob in globs)


def _one_of(name: str, allowed: frozenset[str]) -> Predicate | None:
    return Predicate(name, allowed.__contains__) if allowed else None


class _Decided(dict[str, bool]):
    """Whether a name matches, decided once for each: an inventory has few types and regions."""

    def __init__(self, globs: frozenset[str]) -> None:
        super().__init__()
        self._globs = globs

    def __missing__(self, name: str) -> bool:
        return self.setdefault(name, matches_globs(name, self._globs))


def _glob_predicate(name: str, globs: frozenset[str]) -> Predicate | None:
    return Predicate(name, _Decided(globs).__getitem__) if globs else None


def _accelerator_predicate(names: frozenset[str]) -> Predicate | None:
    if not names:
        return None
    wanted = {name.casefold() for name in names}

    def carries(accelerator: Accelerator | None) -> bool:
        return accelerator is not None and accelerator.name.casefold() in wanted

    return Predicate("accelerator", carries)


def _active_predicate(types: frozenset[str]) -> Predicate | None:
    if not types:
        return None
    return Predicate(
        None, lambda row: row.type not in types or row.state in ACTIVE_STATES[row.type]
    )


def _account_predicate(accounts: frozenset[str]) -> Predicate | None:
    if not accounts:
        return None
    return Predicate("seen_by", lambda seers: not accounts.isdisjoint(seers))


def _capacity_predicate(least: int | None) -> Predicate | None:
    if least is None:
        return None

    def has_enough(row: Reservation) -> bool:
        capacity = capacity_of(row)
        return capacity is not None and capacity >= least

    return Predicate(None, has_enough)


def _starts_predicate(after: datetime | None, before: datetime | None) -> Predicate | None:
    if after is None and before is None:
        return None

    def starts_between(start: datetime | None) -> bool:
        if start is None:
            return False
        return (after is None or start >= after) and (before is None or start < before)

    return Predicate("start_date", starts_between)


def _ends_predicate(after: datetime | None, before: datetime | None) -> Predicate | None:
    if after is None and before is None:
        return None

    def ends_between(end: datetime | None) -> bool:
        if end is None:
            return before is None
        return (after is None or end >= after) and (before is None or end < before)

    return Predicate("end_date", ends_between)


def _tag_predicate(key: str, values: frozenset[str]) -> Predicate:
    return Predicate("tags", lambda tags: tags.get(key) in values)


def tags_by_key(pairs: Sequence[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Key and value pairs as ``Filter.tags`` takes them."""
    keys = dict.fromkeys(key for key, _ in pairs)
    return {key: frozenset(value for name, value in pairs if name == key) for key in keys}
