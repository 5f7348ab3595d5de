"""Scopes that cannot be listed: after how many runs that is news, and when it is over.

A run counts once, however often its unit is tried again; a collection outside of runs does not
count. A scope that was never listed and is denied or disabled is configured so, and is no news.
"""

from __future__ import annotations

from datetime import datetime

from truffle.core.events import Event, EventType, Severity, event_id
from truffle.core.model import Failure
from truffle.core.status import ScopeStatus, Streak
from truffle.core.times import format_time, span


def after_failure(
    status: ScopeStatus, failure: Failure, run_id: str | None, runs: int
) -> tuple[Streak, Event | None]:
    """A scope's failed runs with one failure more, and the event where it is the one too many.

    ``status`` is the scope's before the failure, ``runs`` how many in a row make an event.
    """
    streak = status.streak
    is_normal = status.observed_at is None and failure.is_final
    if run_id is None or run_id in streak.runs or streak.is_told or is_normal:
        return streak, None
    failed = (*streak.runs, run_id)
    if len(failed) < runs:
        return Streak(failed), None
    return Streak(failed, True), _failing(status, failure, run_id, len(failed))


def _failing(status: ScopeStatus, failure: Failure, run_id: str, runs: int) -> Event:
    since = status.error.since if status.error else failure.failed_at
    scope = failure.scope
    return Event(
        _id(status, EventType.SCOPE_FAILING, since),
        EventType.SCOPE_FAILING,
        Severity.WARNING,
        f"{scope} could not be listed in {_runs(runs)}: {failure.code}.",
        failure.code,
        failure.failed_at,
        status.observed_at,
        scope.account_id,
        scope.region,
        after={
            "error": failure.code,
            "message": failure.message[:1000],
            "failed_runs": runs,
            "since": format_time(since),
            "last_success": status.observed_at and format_time(status.observed_at),
        },
        run_id=run_id,
    )


def after_success(status: ScopeStatus, observed_at: datetime, run_id: str | None) -> Event | None:
    """The event of a success that ends what was told as failing; None where nothing was told."""
    error, scope = status.error, status.scope
    if error is None or not status.streak.is_told:
        return None
    return Event(
        _id(status, EventType.SCOPE_RECOVERED, error.since),
        EventType.SCOPE_RECOVERED,
        Severity.GOOD,
        f"{scope} is listed again after {span(observed_at - error.since)}.",
        "listed again",
        observed_at,
        status.observed_at,
        scope.account_id,
        scope.region,
        before={"error": error.code, "since": format_time(error.since)},
        after={"error": None},
        run_id=run_id,
    )


def _id(status: ScopeStatus, kind: EventType, since: datetime) -> str:
    return event_id(str(status.scope), kind, None, {"since": format_time(since)}, None)


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} consecutive runs"
