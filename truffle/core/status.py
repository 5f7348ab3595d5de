"""The status of a scope: its last success, its last failure, and whether its data is old."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from heapq import nsmallest
from typing import Any

from truffle.core.expected import NOTHING_EXPECTED, ExpectedDenials
from truffle.core.kinds.kind import Kind
from truffle.core.kinds.registry import KINDS
from truffle.core.model import FailureKind, Scope
from truffle.core.scope_advice import next_step
from truffle.core.times import format_time

STALE = "NotCollected"
"""The error of a scope that has not been collected for too long."""

PERIODS_ALLOWED = 2
"""Periods of the schedule after which the data of a scope that was not listed is old."""

NAMED_FAILURES = 20
"""How many failed scopes a response names; it counts all of them."""


class State(StrEnum):
    """The state of a scope's data, the worst first.

    ``failed``: its last attempt failed. ``never``: it has not been listed yet. ``old``: it has not
    been listed for too long. ``closed``: it is denied or not enabled, as expected.
    """

    FAILED = "failed"
    NEVER = "never"
    OLD = "old"
    CLOSED = "closed"
    CURRENT = "current"


FAILING_STATES = frozenset({State.FAILED, State.NEVER, State.OLD})
"""The states in which a scope's data cannot be relied on."""


@dataclass(frozen=True, slots=True)
class ScopeError:
    """The last failure of a scope: AWS's code and message, and when it began."""

    code: str
    message: str
    kind: FailureKind
    since: datetime


@dataclass(frozen=True, slots=True)
class Streak:
    """The consecutive failed runs of a scope: their ids, until they are reported as one event.

    ``outage`` names an outage that the scope shares with others of its account.
    """

    runs: tuple[str, ...] = ()
    is_reported: bool = False
    outage: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeStatus:
    """The stored status of a scope.

    ``revision`` counts the changes of its stored reservations. ``observed_at`` is its last complete
    listing, ``attempted_at`` its last attempt. ``reservations``, ``changed`` and ``events`` are
    counts of the last success, ``seconds`` the duration of the last attempt. ``unanswered`` names
    the enrichments that EC2 refused, as ``operation: code``. ``is_retired`` means that no run
    covers the scope any more.
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


def allowed_age(schedule_minutes: float) -> timedelta:
    """The age up to which a scope's data is current, by the schedule's period."""
    return PERIODS_ALLOWED * timedelta(minutes=schedule_minutes)


def error_of(status: ScopeStatus, now: datetime, allowed_age: timedelta) -> ScopeError | None:
    """Why a scope's data is old: its failure, or that it has not been collected for too long."""
    if status.error is not None:
        return status.error
    seen = status.observed_at or status.attempted_at
    if seen is not None and now - seen <= allowed_age:
        return None
    since = seen or now
    return ScopeError(
        STALE, "No run has collected this scope for too long.", FailureKind.ERROR, since
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """A scope's status as of a moment: its state, and its error if it is not current."""

    status: ScopeStatus
    state: State
    error: ScopeError | None

    @property
    def scope(self) -> Scope:
        return self.status.scope

    @property
    def next_step(self) -> str | None:
        """The step that makes the scope current; None if it is, or if there is none."""
        if self.state not in FAILING_STATES or self.error is None:
            return None
        return next_step(self.scope, self.error.code, self.error.message)

    def to_json(self, now: datetime) -> dict[str, Any]:
        """One scope of ``GET /status``; ``age_seconds`` counts from its last success."""
        status, error, seen = self.status, self.error, self.status.observed_at
        return {
            "account_id": status.scope.account_id,
            "region": status.scope.region,
            "state": self.state.value,
            "last_success": seen and format_time(seen),
            "age_seconds": seen and round((now - seen).total_seconds()),
            "last_attempt": status.attempted_at and format_time(status.attempted_at),
            "error": error and error.code,
            "error_message": error and error.message,
            "next_step": self.next_step,
            "failing_since": error and format_time(error.since),
            "reservations": status.reservations,
            "run_id": status.run_id,
            "unanswered": list(status.unanswered),
        }


def judge(
    status: ScopeStatus,
    now: datetime,
    allowed_age: timedelta,
    expected: ExpectedDenials = NOTHING_EXPECTED,
) -> Judged:
    """A scope's state, from its error: see ``error_of``."""
    error = error_of(status, now, allowed_age)
    if error is None:
        return Judged(status, State.CURRENT, None)
    if status.error is None:
        return Judged(status, State.OLD if status.observed_at else State.NEVER, error)
    scope = status.scope
    is_closed = expected.covers(scope.account_id, scope.region, error.kind)
    return Judged(status, State.CLOSED if is_closed else State.FAILED, error)


NAMED_SCOPES = 5
"""The scopes that a warning names."""


def _silence(scopes: Iterable[Judged], kind: Kind, operation: str) -> str | None:
    codes = {
        str(it.scope): gap.partition(": ")[2]
        for it in scopes
        for gap in it.status.unanswered
        if gap.startswith(f"{operation}: ")
    }
    if not codes:
        return None
    named = ", ".join(f"{scope} ({code})" for scope, code in list(codes.items())[:NAMED_SCOPES])
    more = len(codes) - NAMED_SCOPES
    return (
        f"{operation} did not respond in {named}{f' and {more:,} more' if more > 0 else ''}: "
        f"{kind.plural} there are the last known ones."
    )


@dataclass(frozen=True)
class Judgement:
    """The state of every scope, in their order: as of a moment, and until another one.

    The parts that all responses share are built once.
    """

    scopes: tuple[Judged, ...]
    judged_at: datetime
    valid_until: datetime

    def is_valid(self, now: datetime) -> bool:
        """Whether every scope is still in the judged state."""
        return self.judged_at <= now <= self.valid_until

    @cached_property
    def collection(self) -> dict[str, Any]:
        return collection_to_json(self.scopes)

    @cached_property
    def totals(self) -> dict[str, Any]:
        return totals_to_json(self.scopes)

    @cached_property
    def silent_kinds(self) -> dict[str, str]:
        """The scopes in which another service did not respond, by the type of the kind that it
        lists; their rows are the last known ones."""
        return {
            name: text
            for name, kind in KINDS.items()
            if kind.listing and (text := _silence(self.scopes, kind, kind.listing.operation))
        }

    @cached_property
    def regions(self) -> list[str]:
        return sorted({each.scope.region for each in self.scopes})


def judge_all(
    statuses: Iterable[ScopeStatus],
    now: datetime,
    allowed_age: timedelta,
    expected: ExpectedDenials = NOTHING_EXPECTED,
) -> Judgement:
    """Judge every scope: a state changes with its status, and when a current scope becomes old."""
    ordered = sorted(statuses, key=_place)
    scopes = tuple(judge(status, now, allowed_age, expected) for status in ordered)
    seen = [it.status.observed_at or it.status.attempted_at for it in scopes if it.error is None]
    ends = [moment + allowed_age for moment in seen if moment is not None]
    if any(it.state is State.NEVER and it.status.attempted_at is None for it in scopes):
        # For a scope that nothing has collected, "since" is the present moment.
        ends.append(now)
    latest = datetime.max.replace(tzinfo=now.tzinfo)
    return Judgement(scopes, now, min(ends, default=latest))


def _place(status: ScopeStatus) -> tuple[str, str]:
    return status.scope.account_id, status.scope.region


def collection_to_json(scopes: Sequence[Judged]) -> dict[str, Any]:
    """The completeness and age of the data of a response.

    Failed scopes are counted by code, and the longest failing ones are named. Closed scopes are
    counted separately, and make the collection neither incomplete nor old.
    """
    failed = [each for each in scopes if each.state in FAILING_STATES]
    closed = [each for each in scopes if each.state is State.CLOSED]
    named = nsmallest(NAMED_FAILURES, failed, key=_longest_failing)
    return {
        "complete": len(scopes) > len(closed) and not failed,
        **_moments(each for each in scopes if each.state is not State.CLOSED),
        "failed_scopes": [_failed_scope(each) for each in named],
        "failed": _counted(failed),
        "closed": _counted(closed),
    }


def totals_to_json(scopes: Sequence[Judged]) -> dict[str, Any]:
    """The number of scopes by state and by error code, and the age of their data."""
    states = Counter(each.state for each in scopes)
    return {
        "scopes": len(scopes),
        "by_state": {state.value: states[state] for state in State},
        "by_error": _by_code(scopes),
        **_moments(scopes),
    }


def _longest_failing(scope: Judged) -> tuple[datetime, Scope]:
    assert scope.error is not None
    return scope.error.since, scope.scope


def _moments(scopes: Iterable[Judged]) -> dict[str, str | None]:
    """The oldest and the newest complete listing."""
    seen = [each.status.observed_at for each in scopes if each.status.observed_at is not None]
    return {
        "observed_at": format_time(min(seen)) if seen else None,
        "newest": format_time(max(seen)) if seen else None,
    }


def _counted(scopes: Sequence[Judged]) -> dict[str, Any]:
    return {"total": len(scopes), "by_code": _by_code(scopes)}


def _by_code(scopes: Iterable[Judged]) -> dict[str, int]:
    """How many scopes have each error, the most frequent first."""
    codes = Counter(each.error.code for each in scopes if each.error is not None)
    return dict(sorted(codes.items(), key=lambda pair: (-pair[1], pair[0])))


def _failed_scope(scope: Judged) -> dict[str, Any]:
    assert scope.error is not None
    seen = scope.status.observed_at
    return {
        "account_id": scope.scope.account_id,
        "region": scope.scope.region,
        "error": scope.error.code,
        "message": scope.error.message,
        "last_success": seen and format_time(seen),
    }
