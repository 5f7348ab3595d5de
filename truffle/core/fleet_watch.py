"""Fleets below their target: since when, and when that becomes an event.

A fleet with unknown capacities, or whose request failed, is neither short nor recovered: its known
state stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zlib import crc32

from truffle.core.events import Event, EventType, Severity, event_id
from truffle.core.fleets import CapacityFleet
from truffle.core.model import Scope
from truffle.core.thresholds import format_duration
from truffle.core.times import format_time, span, whole

OVER: frozenset[str] = frozenset({"expiring", "expired", "cancelling", "cancelled"})
"""States of a fleet that no longer pursues its target (EC2's CapacityReservationFleetState)."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A fleet below its target, since the first observation of that; ``reported`` has the
    thresholds whose event was recorded."""

    since: datetime
    reported: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FleetError:
    """A failed request for fleets: AWS's error code, since when, and the last success."""

    code: str
    since: datetime
    last_success: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScopeFleets:
    """The known fleets of a scope, by id; ``fleets`` do not have their own ``observed_at``.

    They are requested with each listing of the scope, so they were last observed with the scope,
    unless there is an ``error``.
    """

    fleets: tuple[CapacityFleet, ...] = ()
    shortfalls: Mapping[str, Shortfall] = field(default_factory=dict)
    error: FleetError | None = None

    @property
    def is_empty(self) -> bool:
        return not self.fleets and self.error is None


def daily_moment(scope: Scope, now: datetime) -> datetime:
    """The last daily moment for requesting the fleets of an empty scope: each scope has its own
    minute of the day, to spread the requests."""
    minute = crc32(str(scope).encode()) % (24 * 60)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    moment = midnight + timedelta(minutes=minute)
    return moment if moment <= now else moment - timedelta(days=1)


def is_short(fleet: CapacityFleet) -> bool | None:
    """Whether a fleet has less than its target; None if unknown."""
    if fleet.state in OVER:
        return False
    if fleet.fulfilled_capacity is None or fleet.target_capacity is None:
        return None
    return fleet.fulfilled_capacity < fleet.target_capacity


def refused(known: ScopeFleets, code: str, at: datetime, listed_at: datetime | None) -> ScopeFleets:
    """Keep the known fleets, with the error. ``listed_at`` is the time of the previous listing."""
    if known.error is not None:
        return replace(known, error=replace(known.error, code=code))
    return replace(known, error=FleetError(code, at, listed_at if known.fleets else None))


def observed(
    known: ScopeFleets,
    scope: Scope,
    fleets: Iterable[CapacityFleet],
    at: datetime,
    lengths: Iterable[timedelta],
) -> tuple[ScopeFleets, list[Event]]:
    """The fleets of a complete response, and the events of those that have been short for one of
    ``lengths``: one for each fleet, of the longest length that was reached and not reported."""
    ordered = sorted((replace(it, observed_at=None) for it in fleets), key=lambda it: it.fleet_id)
    shortfalls: dict[str, Shortfall] = {}
    events: list[Event] = []
    for fleet in ordered:
        shortfall = _shortfall(fleet, known.shortfalls.get(fleet.fleet_id), at)
        if shortfall is None:
            continue
        reached = sorted(length for length in set(lengths) if at - shortfall.since >= length)
        new = [it for it in reached if format_duration(it) not in shortfall.reported]
        if new and is_short(fleet):
            events.append(_event(fleet, scope, shortfall.since, at, new[-1]))
            names = frozenset(map(format_duration, reached))
            shortfall = replace(shortfall, reported=shortfall.reported | names)
        shortfalls[fleet.fleet_id] = shortfall
    return ScopeFleets(tuple(ordered), shortfalls), events


def _shortfall(fleet: CapacityFleet, known: Shortfall | None, at: datetime) -> Shortfall | None:
    short = is_short(fleet)
    if short is None:
        return known
    return (known or Shortfall(at)) if short else None


def _event(
    fleet: CapacityFleet, scope: Scope, since: datetime, at: datetime, length: timedelta
) -> Event:
    counted = {"threshold": format_duration(length), "short_since": format_time(since)}
    kind = EventType.FLEET_SHORT
    has, wants = _number(fleet.fulfilled_capacity), fleet.target_capacity
    return Event(
        event_id=event_id(fleet.fleet_id, kind, None, counted, None),
        type=kind,
        severity=Severity.WARNING,
        summary=f"Capacity Reservation Fleet {fleet.fleet_id} ({scope.region}) has been below "
        f"its target for {span(at - since)}: {has} of {wants}.",
        reason=f"below its target for {span(length)}",
        observed_at=at,
        previous_observed_at=None,
        account_id=scope.account_id,
        region=scope.region,
        after={
            "threshold": counted["threshold"],
            "short_since": counted["short_since"],
            "fleet_id": fleet.fleet_id,
            "fleet_state": fleet.state,
            "target_capacity": wants,
            "fulfilled_capacity": has,
        },
    )


def _number(capacity: float | None) -> float | None:
    return None if capacity is None else whole(capacity)
