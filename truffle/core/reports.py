"""Reports: the last reported state of a reservation, and what a new listing adds.

Several collected accounts may list one reservation. Each compares its listing with one shared
report instead of with the other listings, so a change is reported exactly once: the account that
reports it updates the report, and the next one finds no difference. The owner reports as long as it
can be listed; the other accounts defer to it, and record that they did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from truffle.core.diff import compare
from truffle.core.events import Event, EventType, event_id
from truffle.core.idle import IdleSince
from truffle.core.model import TERMINAL_STATES, Reservation, Scope, Snapshot
from truffle.core.status import ScopeStatus
from truffle.core.thresholds import Thresholds

NO_ACCOUNTS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The last reported state of a reservation.

    ``version`` counts the writes of the report, 0 if there is none, and ``revision`` the changes of
    its content. ``row`` is the reservation as last reported; None if it was not, or as vanished.
    ``checked_at`` is the time up to which thresholds were checked, ``idle_reported`` when each idle
    length was last reported. ``members`` are the accounts that list the reservation. ``is_known``
    is False while only first snapshots list it; ``baseline`` is the number of the first snapshot
    that listed it before anyone reported it, 0 for none.
    """

    version: int = 0
    revision: int = 0
    row: Reservation | None = None
    checked_at: datetime | None = None
    members: frozenset[str] = NO_ACCOUNTS
    is_known: bool = False
    baseline: int = 0
    idle_reported: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deferral:
    """The account that a report was deferred to, the time of its last observation, and the report's
    revision at that time."""

    account_id: str
    seen: datetime | None
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingContext:
    """The context of a valid listing of a scope: the state read before it began.

    ``previous_at`` is None for a scope's first snapshot. ``previous_baseline`` is the number of the
    region's last first snapshot before the previous listing; ``baseline`` is this listing's own
    number, if it is a first one. ``peers`` are the statuses of the other accounts.
    """

    scope: Scope
    observed_at: datetime
    previous_at: datetime | None
    previous_baseline: int
    baseline: int
    thresholds: Thresholds
    idle_since: IdleSince
    peers: Mapping[str, ScopeStatus]

    def collects(self, account_id: str) -> bool:
        """Whether runs cover this scope's region in another account."""
        peer = self.peers.get(account_id)
        return peer is not None and not peer.is_retired and account_id != self.scope.account_id

    def responds(self, account_id: str) -> bool:
        """Whether the other account was listed, and is not failing."""
        peer = self.peers.get(account_id)
        if peer is None or not self.collects(account_id):
            return False
        return peer.observed_at is not None and peer.error is None

    def has_waited(self, deferral: Deferral | None, account_id: str) -> bool:
        """Whether the deferral was to this account, and it has not been listed since."""
        if deferral is None or deferral.account_id != account_id:
            return False
        peer = self.peers.get(account_id)
        return peer is not None and peer.observed_at == deferral.seen


@dataclass(frozen=True, slots=True)
class ReservationView:
    """A reservation as a scope has stored it and as it lists it now; None if it does not."""

    report: Report
    stored: Reservation | None = None
    listed: Reservation | None = None
    deferral: Deferral | None = None

    @property
    def is_deferred(self) -> bool:
        """Whether the stored row was deferred to another account and has not been reported
        since."""
        return self.deferral is not None and self.deferral.revision == self.report.revision


@dataclass(frozen=True, slots=True)
class Verdict:
    """The events of a listing about a reservation, and the report after them.

    ``deferral`` names the account that other changes are deferred to. ``is_gone`` means that no
    account lists the reservation any more.
    """

    report: Report
    events: tuple[Event, ...] = ()
    deferral: Deferral | None = None
    is_gone: bool = False


def facts(row: Reservation) -> tuple[Any, ...]:
    """The fields of a row whose change causes an event, its billing request last."""
    rejected = row.adjustment if row.adjustment and row.adjustment.is_rejected else None
    dates = row.start_date, row.end_date, rejected
    return row.state, row.size, *dates, row.health, row.billing_request


def is_usable_late(view: ReservationView, before: Report | None) -> bool:
    """Whether a listing may be compared with a report that was read after the listing began: the
    report has the same content as ``before``, the one read earlier, or the listing agrees with
    it."""
    report, listed = view.report, view.listed
    if before is not None:
        joined = replace(before, version=report.version, members=report.members)
        if joined == report:
            return True
    if view.is_deferred:
        return False
    if listed is None:
        return report.row is None or report.row.state in TERMINAL_STATES
    if report.row is None or not report.is_known:
        return False
    return facts(report.row) == facts(listed.completed(report.row))


def decide(view: ReservationView, context: ListingContext) -> Verdict:
    """Compute what a scope's listing reports about one reservation."""
    view = replace(view, report=_as_stored(view, context))
    if view.listed is None:
        return _missing(view, context)
    if context.previous_at is None:
        return _first(view, view.listed, context)
    return _listed(view, view.listed, context, context.previous_at)


def _as_stored(view: ReservationView, context: ListingContext) -> Report:
    """The report; if a stored row has none, the row counts as reported."""
    report = view.report
    if report.version or view.stored is None:
        return report
    return replace(
        report,
        revision=1,
        row=view.stored,
        checked_at=context.previous_at,
        members=report.members | {context.scope.account_id},
        is_known=context.previous_at is not None,
    )


# --- listed --------------------------------------------------------------------------------------


def _first(view: ReservationView, listed: Reservation, context: ListingContext) -> Verdict:
    """A first snapshot reports nothing; the next one reports what differs."""
    account_id, report = context.scope.account_id, view.report
    others = report.members - {account_id}
    joined = replace(report, members=report.members | {account_id})
    if not others and (report.row is None or not report.is_known):
        number = report.baseline or context.baseline
        return Verdict(
            _revised(joined, listed, context, baseline=number),
        )
    if report.row is not None:
        after, since = listed.completed(report.row), report.checked_at or context.observed_at
        timed = _timed(view, report.row, after, context, min(since, context.observed_at))
        if facts(report.row) == facts(after) and not timed:
            return Verdict(joined)
    return Verdict(joined, deferral=Deferral(account_id, None, report.revision))


def _listed(
    view: ReservationView, listed: Reservation, context: ListingContext, previous_at: datetime
) -> Verdict:
    report, account_id = view.report, context.scope.account_id
    # A reservation that is over when first listed is not a discovery, but may be a change.
    is_over = listed.state in TERMINAL_STATES
    is_unseen = view.stored is None and report.baseline > context.previous_baseline
    is_new = is_unseen and not is_over
    before = None if is_new else report.row
    after = listed if before is None else listed.completed(before)
    steps = [before, *_deferred_row(view, before), after]
    timed = _timed(view, before, after, context, previous_at)
    joined = replace(report, members=report.members | {account_id}, is_known=True)
    if before is not None and facts(before) == facts(after) and not timed:
        return Verdict(joined)
    owner = listed.owner_id or account_id
    is_known_to_both = not timed and _is_billing_alone(before, after)
    if not is_new and not is_known_to_both and not may_report(view, owner, context):
        return Verdict(joined, deferral=_defer_to(owner, report, context))
    events = (*_changes(steps, listed, report, context, previous_at), *timed)
    updated = _revised(
        joined,
        after,
        context,
        baseline=0 if before is None else report.baseline,
        idle_reported={**report.idle_reported, **_idle_reported(timed)},
    )
    return Verdict(updated, events)


def _is_billing_alone(before: Reservation | None, after: Reservation) -> bool:
    """Whether only the billing request differs. Both sides see the same request, and an owner that
    is listed may still be unable to list it."""
    return before is not None and facts(before)[:-1] == facts(after)[:-1]


def _revised(
    report: Report, row: Reservation | None, context: ListingContext, **more: Any
) -> Report:
    return replace(
        report, revision=report.revision + 1, row=row, checked_at=_now(report, context), **more
    )


def _now(report: Report, context: ListingContext) -> datetime:
    """When thresholds are checked: never before their last check, even if the clocks of two
    functions disagree, since a listing begins after the report was read."""
    return max(context.observed_at, report.checked_at or context.observed_at)


def _defer_to(account_id: str, report: Report, context: ListingContext) -> Deferral:
    return Deferral(account_id, context.peers[account_id].observed_at, report.revision)


def may_report(view: ReservationView, owner: str, context: ListingContext) -> bool:
    """Whether the account may report: the owner always may, others while the owner is not listed or
    fails."""
    if owner == context.scope.account_id or not context.responds(owner):
        return True
    return context.has_waited(view.deferral, owner)


def _deferred_row(view: ReservationView, before: Reservation | None) -> list[Reservation]:
    if not view.is_deferred or view.stored is None:
        return []
    return [view.stored if before is None else view.stored.completed(before)]


# --- not listed ----------------------------------------------------------------------------------


def _missing(view: ReservationView, context: ListingContext) -> Verdict:
    """A reservation has vanished if its owner, or every account, has stopped listing it."""
    report, account_id = view.report, context.scope.account_id
    rest = replace(report, members=report.members - {account_id})
    others = sorted(member for member in rest.members if context.collects(member))
    last = view.stored or report.row
    owner = (last and last.owner_id) or account_id
    if others and owner != account_id:
        deferral = _defer_to(owner if owner in others else others[0], report, context)
        return _listed_elsewhere(view, rest, owner, deferral, context)
    steps = [report.row, *_deferred_row(view, report.row), None]
    is_gone = any(step is not None for step in steps)
    if last is None or not is_gone or (view.stored is None and view.deferral is None):
        return Verdict(rest)
    events: tuple[Event, ...] = ()
    if context.previous_at is not None or report.is_known:
        since = context.previous_at or report.checked_at or context.observed_at
        events = _changes(steps, last, report, context, min(since, context.observed_at))
    # What was over stays so, in case another account lists it again.
    over = steps[-2] if steps[-2] and steps[-2].state in TERMINAL_STATES else None
    return Verdict(
        _revised(rest, over, context, baseline=0, idle_reported={}), events, is_gone=True
    )


def _listed_elsewhere(
    view: ReservationView, rest: Report, owner: str, deferral: Deferral, context: ListingContext
) -> Verdict:
    """Others still list it, or did when last listed: their next listing decides."""
    report = view.report
    if report.row is None and view.stored is None:
        return Verdict(rest)
    if view.stored is None:
        # It left in an earlier listing: done, once another account was listed after that.
        is_waiting = view.deferral is not None and context.has_waited(
            view.deferral, view.deferral.account_id
        )
        return Verdict(rest, deferral=view.deferral if is_waiting else None)
    steps = [report.row, *_deferred_row(view, report.row)]
    if len(steps) == 1 or context.previous_at is None or not may_report(view, owner, context):
        return Verdict(rest, deferral=deferral)
    events = _changes(steps, view.stored, report, context, context.previous_at)
    # Thresholds concern the accounts that still list it, so ``checked_at`` stays.
    updated = replace(rest, revision=rest.revision + 1, row=steps[-1])
    return Verdict(updated, events, replace(deferral, revision=updated.revision))


# --- events --------------------------------------------------------------------------------------


def _changes(
    steps: Iterable[Reservation | None],
    last: Reservation,
    report: Report,
    context: ListingContext,
    previous_at: datetime,
) -> tuple[Event, ...]:
    """The events from each step to the next; ``last`` is the row with all its known values."""
    events: list[Event] = []
    rows = list(steps)
    for before, after in pairwise(rows):
        previous = Snapshot(context.scope, previous_at, _rows(before))
        events += compare(previous, Snapshot(context.scope, context.observed_at, _rows(after)))
    return tuple(_numbered(_with_details(event, last), report.revision) for event in events)


def _rows(row: Reservation | None) -> tuple[Reservation, ...]:
    return () if row is None else (row,)


def _with_details(event: Event, last: Reservation) -> Event:
    """Add the present tags, which cause no event and so are outdated in a report, and the reporting
    account."""
    row = event.reservation
    assert row is not None
    full = replace(row, tags=last.tags, account_id=last.account_id, seen_by=last.seen_by)
    return replace(event, reservation=full)


def _numbered(event: Event, revision: int) -> Event:
    """A change that is reported again, after one back to the old value, is a separate event."""
    if revision == 0:
        return event
    name = event_id(event.event_id, event.type, None, {"news": revision}, None)
    return replace(event, event_id=name)


def _timed(
    view: ReservationView,
    before: Reservation | None,
    after: Reservation,
    context: ListingContext,
    previous_at: datetime,
) -> list[Event]:
    """The thresholds that were crossed since any account last checked them."""
    from truffle.core.timed_events import due  # functions that only read reports do not load it

    report = view.report
    since = max(previous_at, report.checked_at or previous_at)
    if report.checked_at is not None and (view.stored is None or view.is_deferred):
        since = report.checked_at
    name = after.reservation_id
    events = due(
        Snapshot(context.scope, previous_at, (before or after,)),
        Snapshot(context.scope, _now(report, context), (after,)),
        context.thresholds,
        context.idle_since,
        {name: since},
    )
    began = context.idle_since.get(name)
    return [
        replace(event, observed_at=context.observed_at)
        for event in events
        if not _is_reported(event, began, report)
    ]


def _is_reported(event: Event, idle_since: datetime | None, report: Report) -> bool:
    """Whether another account reported this length of the same idle time."""
    if event.type is not EventType.IDLE or idle_since is None or event.after is None:
        return False
    reported_at = report.idle_reported.get(event.after["threshold"])
    return reported_at is not None and reported_at >= idle_since


def _idle_reported(events: Iterable[Event]) -> dict[str, datetime]:
    return {
        event.after["threshold"]: event.observed_at
        for event in events
        if event.type is EventType.IDLE and event.after is not None
    }
