"""How well a scope is known: its last success, its last failure, and whether its data is old."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from truffle.core.model import Scope
from truffle.core.times import format_time

STALE = "NotCollected"
"""The error of a scope that nothing has collected for longer than it should be."""


@dataclass(frozen=True, slots=True)
class ScopeError:
    """The last failure of a scope: AWS's code and message, and since when it lasts."""

    code: str
    message: str
    kind: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Streak:
    """A scope's failed runs in a row: their ids, until they are told as one event. ``outage`` names
    the one that the scope shares with others of its account."""

    runs: tuple[str, ...] = ()
    is_told: bool = False
    outage: str | None = None


@dataclass(frozen=True, slots=True)
class ScopeStatus:
    """What is stored of a scope.

    ``revision`` counts the changes of its stored reservations. ``observed_at`` is its last
    complete listing, ``attempted_at`` its last attempt. ``reservations``, ``changed`` and
    ``events`` are counts of the last success, ``seconds`` the length of the last attempt.
    ``unanswered`` names the enrichments that EC2 refused, as ``operation: code``. ``is_retired``
    says that no run covers the scope any more.
    """

    scope: Scope
    revision: int = 0
    observed_at: datetime | None = None
    attempted_at: datetime | None = None
    digest: str | None = None
    error: ScopeError | None = None
    run_id: str | None = None
    reservations: int = 0
    changed: int = 0
    events: int = 0
    seconds: float = 0
    unanswered: tuple[str, ...] = ()
    streak: Streak = Streak()
    is_retired: bool = False


def error_of(status: ScopeStatus, now: datetime, allowed_age: timedelta) -> ScopeError | None:
    """Why a scope's data is old: its failure, or that nothing has collected it for too long."""
    if status.error is not None:
        return status.error
    seen = status.observed_at or status.attempted_at
    if seen is not None and now - seen <= allowed_age:
        return None
    since = seen or now
    return ScopeError(STALE, "No run has collected this scope for too long.", "error", since)


def scope_to_json(status: ScopeStatus, now: datetime, allowed_age: timedelta) -> dict[str, Any]:
    """One scope of ``GET /status``; ``age_seconds`` counts from its last success."""
    error = error_of(status, now, allowed_age)
    seen = status.observed_at
    return {
        "account_id": status.scope.account_id,
        "region": status.scope.region,
        "last_success": seen and format_time(seen),
        "age_seconds": seen and round((now - seen).total_seconds()),
        "last_attempt": status.attempted_at and format_time(status.attempted_at),
        "error": error and error.code,
        "error_message": error and error.message,
        "failing_since": error and format_time(error.since),
        "reservations": status.reservations,
        "run_id": status.run_id,
        "unanswered": list(status.unanswered),
    }


def collection_to_json(
    statuses: Iterable[ScopeStatus], now: datetime, allowed_age: timedelta
) -> dict[str, Any]:
    """How complete and how old the data of an answer is, with every scope whose data is old."""
    ordered = sorted(statuses, key=lambda status: status.scope)
    seen = [status.observed_at for status in ordered if status.observed_at is not None]
    failed = [
        _failed_scope(status, error)
        for status in ordered
        if (error := error_of(status, now, allowed_age)) is not None
    ]
    return {
        "complete": bool(ordered) and not failed,
        "observed_at": format_time(min(seen)) if seen else None,
        "newest": format_time(max(seen)) if seen else None,
        "failed_scopes": failed,
    }


def _failed_scope(status: ScopeStatus, error: ScopeError) -> dict[str, Any]:
    return {
        "account_id": status.scope.account_id,
        "region": status.scope.region,
        "error": error.code,
        "message": error.message,
        "last_success": status.observed_at and format_time(status.observed_at),
    }
