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

from truffle.core.model import CAPACITY_BLOCK, ODCR, CapacityBlock, Reservation

ACTIVE_STATES: Mapping[str, frozenset[str]] = {
    ODCR: frozenset({"active"}),
    CAPACITY_BLOCK: frozenset({"active", "scheduled"}),
}
"""The states that ``active_only`` keeps, by type."""

Predicate = Callable[[Reservation], bool]


@dataclass(frozen=True, slots=True)
class Filter:
    """What to keep; the empty filter keeps everything.

    ``instance_types`` takes globs. ``accounts`` matches any account that sees the reservation,
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
        kept: Iterable[Reservation] = reservations
        for predicate in self._predicates():
            kept = filter(predicate, kept)
        return list(kept)

    def matches(self, reservation: Reservation) -> bool:
        return all(predicate(reservation) for predicate in self._predicates())

    def _predicates(self) -> list[Predicate]:
        """One predicate per field in use, the cheapest and most selective first."""
        made = (
            _one_of("type", self.types),
            _one_of("region", self.regions),
            _one_of("state", self.states),
            _one_of("owner_id", self.owners),
            _one_of("availability_zone", self.availability_zones),
            _type_predicate(self.instance_types),
            _is_gpu if self.gpu_only else None,
            _is_available if self.available_only else None,
            _active_predicate(self.active_only),
            _account_predicate(self.accounts),
            _capacity_predicate(self.min_capacity),
            _starts_predicate(self.starts_after, self.starts_before),
            _ends_predicate(self.ends_after, self.ends_before),
            *(_tag_predicate(key, values) for key, values in self.tags.items()),
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
    if not allowed:
        return None
    return lambda reservation: getattr(reservation, name) in allowed


def _type_predicate(globs: frozenset[str]) -> Predicate | None:
    """Decides each distinct type once: an inventory has few of them."""
    if not globs:
        return None
    decided: dict[str, bool] = {}

    def matches(reservation: Reservation) -> bool:
        name = reservation.instance_type
        if name not in decided:
            decided[name] = matches_globs(name, globs)
        return decided[name]

    return matches


def _is_gpu(reservation: Reservation) -> bool:
    return reservation.accelerator is not None


def _is_available(reservation: Reservation) -> bool:
    return bool(reservation.available_capacity and reservation.available_capacity > 0)


def _active_predicate(types: frozenset[str]) -> Predicate | None:
    if not types:
        return None
    return lambda reservation: (
        reservation.type not in types or reservation.state in ACTIVE_STATES[reservation.type]
    )


def _account_predicate(accounts: frozenset[str]) -> Predicate | None:
    if not accounts:
        return None
    return lambda reservation: not accounts.isdisjoint(reservation.seen_by)


def _capacity_predicate(least: int | None) -> Predicate | None:
    if least is None:
        return None

    def has_enough(reservation: Reservation) -> bool:
        capacity = capacity_of(reservation)
        return capacity is not None and capacity >= least

    return has_enough


def _starts_predicate(after: datetime | None, before: datetime | None) -> Predicate | None:
    if after is None and before is None:
        return None

    def starts_between(reservation: Reservation) -> bool:
        start = reservation.start_date
        if start is None:
            return False
        return (after is None or start >= after) and (before is None or start < before)

    return starts_between


def _ends_predicate(after: datetime | None, before: datetime | None) -> Predicate | None:
    if after is None and before is None:
        return None

    def ends_between(reservation: Reservation) -> bool:
        end = reservation.end_date
        if end is None:
            return before is None
        return (after is None or end >= after) and (before is None or end < before)

    return ends_between


def _tag_predicate(key: str, values: frozenset[str]) -> Predicate:
    return lambda reservation: reservation.tags.get(key) in values


def tags_by_key(pairs: Sequence[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Key and value pairs as ``Filter.tags`` takes them."""
    keys = dict.fromkeys(key for key, _ in pairs)
    return {key: frozenset(value for name, value in pairs if name == key) for key in keys}
