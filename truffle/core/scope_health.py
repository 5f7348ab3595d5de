"""Scopes that cannot be listed: after how many runs that becomes an event, and when it ends.

A run counts once, however often its unit is retried; a collection outside of runs does not count. A
scope that was never listed and is denied or disabled is configured that way and causes no event;
neither does a denial that the setting ``expected_denied`` expects.

A cause that closes many scopes of an account at once is one outage and one event: missing
credentials fail in every region, and a policy often in many, with one code in one run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from truffle.core.events import Event, EventType, Severity, event_id
from truffle.core.model import Failure
from truffle.core.status import ScopeStatus, Streak
from truffle.core.times import format_time, parse_time, span

ASSUME_ROLE = "AssumeRole"
"""The operation whose failure concerns the account, not one region."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A failure of several scopes of an account: since when, and the regions still affected.

    ``region`` is that of the scope whose failure was reported; ``version`` counts its changes.
    """

    account_id: str
    name: str
    region: str
    since: datetime
    regions: frozenset[str]
    version: int = 0

    @property
    def is_of_account(self) -> bool:
        return self.name.startswith(ASSUME_ROLE)


def outage_name(failure: Failure, run_id: str) -> str:
    """The same name for all failures of one outage: an account's credentials, or one code in one
    run."""
    if failure.operation == ASSUME_ROLE:
        return ASSUME_ROLE
    return f"{failure.code}#{run_id}"


def shared(event: Event, known: Outage | None, name: str) -> tuple[Event | None, Outage]:
    """A failing scope's event, None if the outage is already known; and the outage including it."""
    if known is not None:
        return None, replace(known, regions=known.regions | {event.region})
    since = parse_time((event.after or {})["since"])
    outage = Outage(event.account_id, name, event.region, since, frozenset({event.region}))
    if not outage.is_of_account:
        return event, outage
    runs = (event.after or {})["failed_runs"]
    combined = replace(
        event,
        event_id=_account_id(outage, EventType.SCOPE_FAILING),
        summary=f"No region of account {event.account_id} can be listed: {event.reason}, "
        f"{_runs(runs)}.",
        after={**(event.after or {}), "all_regions": True},
    )
    return combined, outage


def ended(event: Event, known: Outage | None) -> tuple[Event | None, Outage | None]:
    """A recovered scope's event, None while others of its outage still fail or if it was already
    reported; and the outage after that, None if there is nothing to write."""
    if known is None:
        return None, None
    left = replace(known, regions=known.regions - {event.region})
    if known.is_of_account:
        length = span(event.observed_at - known.since)
        combined = replace(
            event,
            event_id=_account_id(known, EventType.SCOPE_RECOVERED),
            summary=f"Account {event.account_id} can be listed again, after {length}.",
            region=known.region,
        )
        return combined, replace(left, regions=frozenset())
    return (None if left.regions else replace(event, region=known.region)), left


def _account_id(outage: Outage, kind: EventType) -> str:
    since = format_time(outage.since)
    return event_id(outage.account_id, kind, None, {"since": since}, None)


def after_failure(
    status: ScopeStatus, failure: Failure, run_id: str | None, runs: int
) -> tuple[Streak, Event | None]:
    """A scope's failed runs after another failure, and the event if that reaches the limit.

    ``status`` is the scope's before the failure, ``runs`` how many in a row make an event.
    """
    streak = status.streak
    is_normal = failure.is_expected or (status.observed_at is None and failure.is_final)
    if run_id is None or run_id in streak.runs or streak.is_reported or is_normal:
        return streak, None
    failed = (*streak.runs, run_id)
    if len(failed) < runs:
        return Streak(failed), None
    return Streak(failed, True), _failing(status, failure, run_id, len(failed))


def _failing(status: ScopeStatus, failure: Failure, run_id: str, runs: int) -> Event:
    since = status.error.since if status.error else failure.failed_at
    scope = failure.scope
    return Event(
        event_id=_id(status, EventType.SCOPE_FAILING, since),
        type=EventType.SCOPE_FAILING,
        severity=Severity.WARNING,
        summary=f"{scope} could not be listed in {_runs(runs)}: {failure.code}.",
        reason=failure.code,
        observed_at=failure.failed_at,
        previous_observed_at=status.observed_at,
        account_id=scope.account_id,
        region=scope.region,
        after={
            "error": failure.code,
            "message": failure.short_message,
            "failed_runs": runs,
            "since": format_time(since),
            "last_success": format_time(status.observed_at) if status.observed_at else None,
        },
        run_id=run_id,
    )


def after_success(status: ScopeStatus, observed_at: datetime, run_id: str | None) -> Event | None:
    """The event of a success that ends a reported failure; None if none was reported."""
    error, scope = status.error, status.scope
    if error is None or not status.streak.is_reported:
        return None
    return Event(
        event_id=_id(status, EventType.SCOPE_RECOVERED, error.since),
        type=EventType.SCOPE_RECOVERED,
        severity=Severity.GOOD,
        summary=f"{scope} is listed again after {span(observed_at - error.since)}.",
        reason="listed again",
        observed_at=observed_at,
        previous_observed_at=status.observed_at,
        account_id=scope.account_id,
        region=scope.region,
        before={"error": error.code, "since": format_time(error.since)},
        after={"error": None},
        run_id=run_id,
    )


def _id(status: ScopeStatus, kind: EventType, since: datetime) -> str:
    return event_id(str(status.scope), kind, None, {"since": format_time(since)}, None)


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} consecutive runs"
