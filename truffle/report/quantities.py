"""Accelerators of reservations, and their sums: held, used, idle, coming."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from truffle.core.model import Reservation
from truffle.core.timeline import Phase, phase_of
from truffle.core.times import whole


@dataclass(frozen=True, slots=True)
class Quantities:
    """Accelerators: ``held`` are those of active reservations, ``used`` and ``idle`` parts of them;
    ``coming`` are those of reservations that start later, paid or not.

    None if unknown.
    """

    held: float | None = 0
    used: float | None = 0
    idle: float | None = 0
    coming: float | None = 0


def quantities_of(row: Reservation) -> Quantities:
    """The accelerators of one reservation; 0 if its type has none."""
    carried, phase = row.accelerator, phase_of(row.state)
    if carried is None:
        return Quantities()
    if phase is Phase.ACTIVE:
        return Quantities(
            held=carried.on(row.total_capacity),
            used=carried.on(row.used_capacity),
            idle=carried.on(row.available_capacity),
        )
    if phase in (Phase.COMING, Phase.UNPAID):
        return Quantities(coming=carried.on(row.size))
    return Quantities()


@dataclass(frozen=True, slots=True)
class QuantitySums:
    """The sums over some reservations; ``unknown`` counts those that are not included."""

    held: float = 0
    used: float = 0
    idle: float = 0
    coming: float = 0
    unknown: int = 0


def sums_by_accelerator(rows: Iterable[Reservation]) -> dict[str, QuantitySums]:
    """The sums by the accelerator's name, sorted; types without one are omitted."""
    members: dict[str, list[Quantities]] = defaultdict(list)
    for row in rows:
        if row.accelerator is not None:
            members[row.accelerator.name].append(quantities_of(row))
    return {name: add_up(members[name]) for name in sorted(members)}


def add_up(parts: Iterable[Quantities]) -> QuantitySums:
    """The sums of known values."""
    held = used = idle = coming = 0.0
    unknown = 0
    for part in parts:
        unknown += None in (part.held, part.used, part.idle, part.coming)
        held += part.held or 0
        used += part.used or 0
        idle += part.idle or 0
        coming += part.coming or 0
    return QuantitySums(whole(held), whole(used), whole(idle), whole(coming), unknown)
