"""A run: one pass over all scopes, unit by unit, and its manifest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from truffle.core.calls import Calls
from truffle.core.expected import NOTHING_EXPECTED, ExpectedDenials
from truffle.core.groups import Groups
from truffle.core.model import Scope
from truffle.core.status import STALE, ScopeStatus
from truffle.core.times import format_time

SCHEMA_VERSION = 1
"""Of manifests; those of releases before they named it have the same."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One message of work: a region of a group of accounts, whose failures are retried together.

    ``run_id`` is None if an EC2 event or a one-time schedule requested it outside of runs.
    ``group`` is None in messages and runs that are older than groups. ``opened_at`` is when the run
    opened that covers exactly these accounts of the group; None if that is unknown, in which case
    no other account of the group may be retired.
    """

    run_id: str | None
    region: str
    accounts: tuple[str, ...]
    group: int | None = 0
    opened_at: datetime | None = None

    @property
    def name(self) -> str:
        return self.region if self.group is None else unit_name(self.region, self.group)

    @property
    def scopes(self) -> list[Scope]:
        return [Scope(account_id, self.region) for account_id in self.accounts]


def unit_name(region: str, group: int) -> str:
    """``us-east-1/0``."""
    return f"{region}/{group}"


@dataclass(frozen=True, slots=True)
class Finish:
    """A message of work: close a run that lost a unit."""

    run_id: str


@dataclass(frozen=True, slots=True)
class WriteLatest:
    """A message of work: write ``latest/`` and the report after a run was closed."""

    run_id: str
    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as it is stored; ``pending`` are the names of units without an attempt so far.

    ``units`` are read only when a run is opened or closed, and empty elsewhere; ``scope_count`` is
    always present. ``is_complete`` means that discovery was complete, so other scopes must be
    retired. ``finished_at`` is when it was first closed, ``closed_at`` when it was last closed, and
    ``latest_at`` when ``latest/`` was written for it. ``changes`` counts the units that found
    something new after every unit had an attempt. ``calls`` are those of the run so far.
    """

    run_id: str
    started_at: datetime
    pending: frozenset[str]
    scope_count: int
    units: tuple[Unit, ...] = ()
    is_complete: bool = True
    finished_at: datetime | None = None
    succeeded: int = 0
    failed: int = 0
    closed: int = 0
    closed_at: datetime | None = None
    latest_at: datetime | None = None
    changes: int = 0
    calls: Calls = field(default=Calls(), compare=False)

    @property
    def has_all_attempts(self) -> bool:
        """Whether every unit has had its first attempt."""
        return not self.pending

    @property
    def scopes(self) -> list[Scope]:
        return sorted(scope for unit in self.units for scope in unit.scopes)

    @property
    def pending_units(self) -> list[Unit]:
        return [unit for unit in self.units if unit.name in self.pending]

    @property
    def pending_regions(self) -> list[str]:
        return sorted({name.partition("/")[0] for name in self.pending})


def new_run(
    run_id: str,
    started_at: datetime,
    coverage: Mapping[str, Collection[str]],
    groups: Groups,
    is_complete: bool = True,
) -> Run:
    """A run over the regions of each account, with the accounts of a group and region in a unit."""
    members: dict[tuple[int, str], list[str]] = {}
    for account_id in sorted(coverage):
        for region in coverage[account_id]:
            members.setdefault((groups[account_id], region), []).append(account_id)
    opened_at = started_at if is_complete else None
    units = tuple(
        Unit(run_id, region, tuple(accounts), group, opened_at)
        for (group, region), accounts in sorted(members.items())
    )
    pending = frozenset(unit.name for unit in units)
    scope_count = sum(len(unit.accounts) for unit in units)
    return Run(
        run_id=run_id,
        started_at=started_at,
        pending=pending,
        scope_count=scope_count,
        units=units,
        is_complete=is_complete,
    )


def to_retire(run: Run, stored: Iterable[str]) -> list[Unit]:
    """Units without accounts for the stored units that a complete run no longer covers: collecting
    such a unit retires its scopes."""
    if not run.is_complete:
        return []
    names = sorted(set(stored) - {unit.name for unit in run.units})
    split = [name.partition("/") for name in names]
    return [Unit(None, region, (), int(group), run.started_at) for region, _, group in split]


def lost_after(period: timedelta) -> timedelta:
    """How long a run may be open before it counts as lost; short enough for the next run to find
    it."""
    return period / 2


def is_lost(run: Run, now: datetime, period: timedelta) -> bool:
    """Whether a run is open and has lost a unit, with this period of the schedule."""
    return run.finished_at is None and now - run.started_at > lost_after(period)


SCHEDULED = "scheduled"
"""The suffix of the ids of runs that the schedule started."""

_START = "%Y%m%dT%H%M%SZ"


def run_id_of(moment: datetime, suffix: str) -> str:
    """``20261124T110000Z-1a2b3c4d``: run ids sort by their start."""
    return f"{moment:{_START}}-{suffix}"


def scheduled_at(run_id: str) -> datetime | None:
    """The start of a scheduled run; None for any other id."""
    start, _, suffix = run_id.partition("-")
    if suffix != SCHEDULED:
        return None
    try:
        moment = datetime.strptime(start, _START).replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment if run_id_of(moment, SCHEDULED) == run_id else None


def run_to_json(run: Run) -> dict[str, Any]:
    """One run of ``GET /status``; seconds from its start to its end. ``closed`` scopes are denied
    or not enabled, as expected, and neither succeeded nor failed."""
    return {
        "run_id": run.run_id,
        "started_at": format_time(run.started_at),
        "finished_at": run.finished_at and format_time(run.finished_at),
        "seconds": run.finished_at and round((run.finished_at - run.started_at).total_seconds(), 3),
        "scopes": run.scope_count,
        "succeeded": run.succeeded,
        "failed": run.failed,
        "closed": run.closed,
        "pending_regions": run.pending_regions,
    }


def manifest(
    run: Run,
    statuses: Mapping[Scope, ScopeStatus],
    finished_at: datetime,
    warnings: Sequence[str] = (),
    expected: ExpectedDenials = NOTHING_EXPECTED,
    discovery: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The content of ``runs/dt=…/<run id>.json``: scopes, counts, failures, timings (seconds).

    ``latest_written_at`` is null until ``latest/`` is as of this run; then the manifest is written
    again. ``warnings`` name objects of the bucket that could not be read or written. Scopes with an
    ``expected`` denial are ``closed``: neither succeeded nor failed. ``discovery`` has the age of
    the list of the organization's accounts; None if there is none. ``calls`` and ``dynamodb_items``
    are the cost of the run, this document included: the requests of its opening, each attempt at a
    unit, each close and the writing of ``latest/``. They do not include cleaning up after earlier
    runs, messages that return a unit to its queue, Lambda's polling of the queue, and other
    services.
    """
    scopes = [_outcome(scope, statuses.get(scope), run, expected) for scope in run.scopes]
    failures = [scope for scope in scopes if scope["outcome"] == "failed"]
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run.run_id,
        "started_at": format_time(run.started_at),
        "finished_at": format_time(finished_at),
        "seconds": round((finished_at - run.started_at).total_seconds(), 3),
        "latest_written_at": run.latest_at and format_time(run.latest_at),
        "counts": _counts(scopes),
        "discovery": discovery,
        **run.calls.to_json(),
        "scopes": scopes,
        "failures": [
            {"account_id": scope["account_id"], "region": scope["region"], **scope["error"]}
            for scope in failures
        ],
        **({"warnings": list(warnings)} if warnings else {}),
    }


def _outcome(
    scope: Scope, status: ScopeStatus | None, run: Run, expected: ExpectedDenials
) -> dict[str, Any]:
    """The outcome of one scope: its status, if this run or a later attempt wrote it."""
    is_attempted = status is not None and (
        status.run_id == run.run_id
        or (status.attempted_at is not None and status.attempted_at >= run.started_at)
    )
    is_closed = False
    if status is None or not is_attempted:
        message = "The run ended before this scope was collected."
        error: dict[str, str] | None = {"code": STALE, "message": message}
        status = status or ScopeStatus(scope=scope)
    else:
        failure = status.error
        error = {"code": failure.code, "message": failure.message} if failure else None
        is_closed = failure is not None and expected.covers(
            scope.account_id, scope.region, failure.kind
        )
    return {
        "account_id": scope.account_id,
        "region": scope.region,
        "outcome": "closed" if is_closed else "failed" if error else "succeeded",
        "error": error,
        "observed_at": status.observed_at and format_time(status.observed_at),
        "seconds": status.seconds,
        "reservations": status.reservations,
        "changed": 0 if error else status.changed,
        "events": 0 if error else status.events,
        "unanswered": list(status.unanswered),
    }


def _counts(scopes: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {
        "scopes": len(scopes),
        **{name: _number(scopes, name) for name in ("succeeded", "failed", "closed")},
        **{name: _total(scopes, name) for name in ("reservations", "changed", "events")},
    }


def _number(scopes: Sequence[Mapping[str, Any]], outcome: str) -> int:
    return sum(scope["outcome"] == outcome for scope in scopes)


def _total(scopes: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum(scope[name] for scope in scopes)
