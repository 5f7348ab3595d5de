"""The changes of a listing: rows, their reports, and what is deferred to other accounts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lambdas.store.reports import ReportStore
from lambdas.store.scopes import KnownRows, Reported, ScopeStore, StoredStatus, Write
from lambdas.store.statuses import NO_ROWS
from truffle.core.diff import is_same
from truffle.core.events import Event
from truffle.core.idle import IdleSince, idle_since, watch
from truffle.core.model import Reservation, Scope, Snapshot
from truffle.core.reports import (
    ListingContext,
    Report,
    ReservationView,
    Verdict,
    decide,
    facts,
    is_usable_late,
)
from truffle.core.status import ScopeStatus
from truffle.core.thresholds import Thresholds
from truffle.core.timed_events import due

MEMBERS_AT_ONCE = 10
"""How many statuses are read together: a thousand accounts may list a reservation, and the first
collected one is enough."""

Reports = Mapping[str, Report]


class Outdated(Exception):
    """Another account changed a report since this one last read it, perhaps after the listing
    began: read ``reports``, then list again."""

    def __init__(self, reports: Reports) -> None:
        super().__init__(f"{len(reports)} reports were read after the listing")
        self.reports = reports


@dataclass(frozen=True, slots=True)
class PriorState:
    """The state read before a listing began, with which the listing may be compared.

    ``baseline`` is the number of the region's last first snapshot, or of this one if it is a first.
    ``peers`` are the statuses of other accounts, as far as they were read. ``is_contended`` means
    that other accounts wrote some of the reports since.
    """

    status: StoredStatus
    baseline: int = 0
    reports: Reports = field(default_factory=dict)
    peers: Mapping[str, ScopeStatus] = field(default_factory=dict)
    is_contended: bool = False


@dataclass(frozen=True, slots=True)
class Reporter:
    """Compares listings with the table."""

    scopes: ScopeStore
    thresholds: Thresholds

    @property
    def reports(self) -> ReportStore:
        return ReportStore(self.scopes.client, self.scopes.table)

    def read_noted(self, status: StoredStatus) -> Reports:
        """Read the reports that a scope depends on, whatever it lists."""
        noted = noted_names(status)
        return self.reports.get(noted) if noted else {}

    def write_of(self, prior: PriorState, snapshot: Snapshot, digest: str) -> Write:
        """Compute the writes of a listing; a scope's first snapshot is its baseline and reports
        nothing.

        Raises Outdated, or what DynamoDB does.
        """
        status = prior.status
        if status.observed_at is None or not self._is_unchanged(status, snapshot, digest):
            return self._changes(prior, snapshot)
        unchanged = replace(snapshot, observed_at=status.observed_at)
        names = _subjects(due(unchanged, snapshot, self.thresholds)) | noted_names(status)
        write = Write(baselines=prior.baseline)
        if not names:
            return write
        known = self.scopes.known(status, names)
        rows = tuple(row for row in snapshot.reservations if row.reservation_id in names)
        part = replace(snapshot, reservations=rows)
        since = idle_since(replace(unchanged, reservations=rows), part, known.idle_since)
        return self._reported(write, sorted(names), prior, known, part, since)

    def _is_unchanged(self, status: StoredStatus, snapshot: Snapshot, digest: str) -> bool:
        """Whether no row changed and no idle one is due, so few rows need to be read, if any."""
        if status.digest != digest or not status.has_reports:
            return False
        if digest == NO_ROWS:
            return True
        if status.idle is None:
            return False
        return status.idle.is_quiet(snapshot.observed_at, self.thresholds)

    def _changes(self, prior: PriorState, snapshot: Snapshot) -> Write:
        known = self.scopes.known(prior.status)
        before = prior.status.observed_at or snapshot.observed_at
        previous = Snapshot(snapshot.scope, before, known.reservations)
        since = idle_since(previous, snapshot, known.idle_since)
        changed, left = _difference(known.reservations, snapshot.reservations)
        stored = known.idle_since.keys() | {row.reservation_id for row in changed}
        write = Write(
            changed=changed,
            left=left,
            newly_idle=[
                row for row in snapshot.reservations if row.reservation_id in since.keys() - stored
            ],
            idle_since=since,
            idle=watch(snapshot, since, self.thresholds),
            baselines=prior.baseline,
        )
        names = self._relevant(prior.status, previous, snapshot, since)
        return self._reported(write, names, prior, known, snapshot, since)

    def _relevant(
        self, status: StoredStatus, previous: Snapshot, snapshot: Snapshot, since: IdleSince
    ) -> list[str]:
        """The reservations whose reports must be read: new, gone, changed, due, or noted."""
        before = {row.reservation_id: row for row in previous.reservations}
        after = {row.reservation_id: row for row in snapshot.reservations}
        names = before.keys() ^ after.keys()
        if status.observed_at is None or not status.has_reports:
            return sorted(names | after.keys() | noted_names(status))
        both = before.keys() & after.keys()
        names |= {name for name in both if facts(before[name]) != facts(after[name])}
        names |= _subjects(due(previous, snapshot, self.thresholds, since))
        return sorted(names | noted_names(status))

    def _reported(
        self,
        write: Write,
        names: Sequence[str],
        prior: PriorState,
        known: KnownRows,
        snapshot: Snapshot,
        since: IdleSince,
    ) -> Write:
        """Add the events of these reservations to the write, and the resulting reports."""
        reports = self.valid(names, prior, known, snapshot)
        views = self._views(reports, known, snapshot, prior.status)
        context = self._context(prior, snapshot, since, views)
        verdicts = {name: decide(view, context) for name, view in views.items()}
        return replace(
            write,
            gone=[row for name in names if (row := _gone(views[name], verdicts[name]))],
            events=[event for verdict in verdicts.values() for event in verdict.events],
            reports={
                name: update
                for name, verdict in verdicts.items()
                if (update := _to_write(views[name], verdict, snapshot.scope))
            },
            versions={**known.versions, **{name: it.version for name, it in reports.items()}},
            deferrals={name: it.deferral for name, it in verdicts.items() if it.deferral},
        )

    def valid(
        self, names: Sequence[str], prior: PriorState, known: KnownRows, snapshot: Snapshot
    ) -> Reports:
        """The reports with which the listing may be compared: as of before it began, or unaffected
        by what was written since. A report that does not exist never did; one with the version that
        the scope's own row names has not changed since."""
        is_late = prior.is_contended
        unread = [it for it in names if is_late or _is_older(prior.reports.get(it), known, it)]
        read = self.reports.get(unread) if unread else {}
        reports = {name: read.get(name) or prior.reports[name] for name in names}
        changed = {
            name: it for name, it in read.items() if it.version not in (0, known.versions.get(name))
        }
        views = _seen(changed, known, snapshot, prior.status)
        if any(not is_usable_late(it, prior.reports.get(name)) for name, it in views.items()):
            raise Outdated(reports)
        return reports

    def _views(
        self, reports: Reports, known: KnownRows, snapshot: Snapshot, status: StoredStatus
    ) -> dict[str, ReservationView]:
        if not status.has_reports:
            stored = {row.reservation_id for row in known.reservations}
            came_or_left = stored ^ {row.reservation_id for row in snapshot.reservations}
            looked_up = {
                name: self._with_holders(name, report, snapshot.scope)
                for name, report in reports.items()
                if name in came_or_left
            }
            reports = {**reports, **looked_up}
        return _seen(reports, known, snapshot, status)

    def _with_holders(self, name: str, report: Report, scope: Scope) -> Report:
        """Rows stored before reports existed: look up which other accounts have one."""
        if report.version:
            return report
        others = self.scopes.holders(name, scope.region) - {scope.account_id}
        if not others:
            return report
        (first, *_) = sorted(others)
        row = self.scopes.row(Scope(first, scope.region), name)
        return replace(report, row=row, members=others, is_known=True)

    def _context(
        self,
        prior: PriorState,
        snapshot: Snapshot,
        since: IdleSince,
        views: Mapping[str, ReservationView],
    ) -> ListingContext:
        status = prior.status
        peers = self._peers(views.values(), snapshot.scope)
        return ListingContext(
            scope=snapshot.scope,
            observed_at=snapshot.observed_at,
            previous_at=status.observed_at,
            previous_baseline=status.baselines or 0,
            baseline=prior.baseline,
            thresholds=self.thresholds,
            idle_since=since,
            peers={name: _as_of_both(prior.peers.get(name), it) for name, it in peers.items()},
        )

    def _peers(self, views: Collection[ReservationView], scope: Scope) -> dict[str, ScopeStatus]:
        """The statuses of the other accounts that a decision depends on: the owners and, if an
        owner does not list what is missing, the members up to the first collected one."""
        peers = self._statuses({owner for it in views if (owner := _owner(it))}, scope)
        for view in views:
            owner, members = _owner(view), sorted(view.report.members - {scope.account_id})
            if view.listed is not None or owner == scope.account_id:
                continue
            if owner in members and _is_collected(peers.get(owner)):
                continue
            for first in range(0, len(members), MEMBERS_AT_ONCE):
                some = members[first : first + MEMBERS_AT_ONCE]
                peers |= self._statuses(set(some) - peers.keys(), scope)
                if any(_is_collected(peers.get(it)) for it in some):
                    break
        return peers

    def _statuses(self, accounts: Collection[str], scope: Scope) -> dict[str, ScopeStatus]:
        """The statuses of other accounts in a scope's region."""
        wanted = [Scope(it, scope.region) for it in accounts if it != scope.account_id]
        read = self.scopes.statuses_of(wanted) if wanted else {}
        return {scope.account_id: it for scope, it in read.items()}


def _owner(view: ReservationView) -> str | None:
    row = view.listed or view.stored or view.report.row
    return row.owner_id if row else None


def _seen(
    reports: Reports, known: KnownRows, snapshot: Snapshot, status: StoredStatus
) -> dict[str, ReservationView]:
    """The reservations of these reports, as the scope has stored them and as it lists them."""
    stored = {row.reservation_id: row for row in known.reservations}
    listed = {row.reservation_id: row for row in snapshot.reservations}
    return {
        name: ReservationView(
            report, stored.get(name), listed.get(name), status.deferrals.get(name)
        )
        for name, report in reports.items()
    }


def _is_collected(peer: ScopeStatus | None) -> bool:
    return peer is not None and not peer.is_retired


def _is_older(report: Report | None, known: KnownRows, name: str) -> bool:
    """Whether a report must be read: it was not yet, or only before the stored row was written."""
    return report is None or report.version < known.versions.get(name, 0)


def _as_of_both(before: ScopeStatus | None, now: ScopeStatus) -> ScopeStatus:
    """Another account whose first snapshot came during the listing does not report it."""
    if before is not None and before.observed_at is None:
        return replace(now, observed_at=None)
    return now


def noted_names(status: StoredStatus) -> frozenset[str]:
    return status.rechecks | status.deferrals.keys()


def _subjects(events: Iterable[Event]) -> frozenset[str]:
    return frozenset(row.reservation_id for event in events if (row := event.reservation))


def _to_write(view: ReservationView, verdict: Verdict, scope: Scope) -> Reported | None:
    """The report to write; None if it stays as it is."""
    before, after = view.report, verdict.report
    if after == before:
        return None
    others: list[str] = []
    if _facts(after.row) != _facts(before.row):
        row = after.row or before.row
        owner = row and row.owner_id
        members = after.members - {scope.account_id}
        others = sorted(members, key=lambda it: (it != owner, it))
    return Reported(before.version, after, others)


def _facts(row: Reservation | None) -> object:
    return None if row is None else facts(row)


def _gone(view: ReservationView, verdict: Verdict) -> Reservation | None:
    return (view.stored or view.report.row) if verdict.is_gone else None


def _difference(
    stored: Iterable[Reservation], present: Iterable[Reservation]
) -> tuple[list[Reservation], list[Reservation]]:
    """The rows to write, and those that left."""
    before = {row.reservation_id: row for row in stored}
    after = {row.reservation_id: row for row in present}
    changed = [
        row for name, row in after.items() if name not in before or not is_same(before[name], row)
    ]
    return changed, [row for name, row in before.items() if name not in after]
