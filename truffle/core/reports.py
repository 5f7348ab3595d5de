"""Reports: the last reported state of a reservation, and what a new listing adds.

Several collected accounts may list one reservation. Each compares its listing with one shared
report instead of with what the others list, so that a change is reported exactly once: whoever
reports it updates the report, and the next account finds no difference. The owner reports as long
as it answers; the others wait for it, and remember that they did.
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

NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Report:
    """The last reported state of a reservation.

    ``version`` counts the changes of the report, 0 where there is none, and ``news`` those of what
    it says. ``row`` is the reservation as last reported, None where it was not, or as vanished.
    ``looked_at`` is until when thresholds were looked at, ``idle_told`` when each length of being
    idle was reported last. ``members`` are the accounts that list the reservation. ``is_known`` is
    False while only first snapshots list it; ``baseline`` numbers the first snapshot that listed it
    before anyone reported it, 0 for none.
    """

    version: int = 0
    news: int = 0
    row: Reservation | None = None
    looked_at: datetime | None = None
    members: frozenset[str] = NOBODY
    is_known: bool = False
    baseline: int = 0
    idle_told: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reliance:
    """The account that a report was deferred to, the time of its last observation, and the number
    of the report's news at that time."""

    account_id: str
    seen: datetime | None
    news: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """One valid listing of a scope: what was read before it began.

    ``previous_at`` is None for a scope's first snapshot. ``previous_baseline`` is the number of the
    region's last first snapshot before the listing before this one; ``baseline`` is this listing's
    own number, where it is a first one. ``peers`` are the other accounts' statuses.
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

    def answers(self, account_id: str) -> bool:
        """Whether the other account was listed, and is not failing."""
        peer = self.peers.get(account_id)
        if peer is None or not self.collects(account_id):
            return False
        return peer.observed_at is not None and peer.error is None

    def has_waited(self, reliance: Reliance | None, account_id: str) -> bool:
        """Whether an account that was relied on has not been listed since."""
        if reliance is None or reliance.account_id != account_id:
            return False
        peer = self.peers.get(account_id)
        return peer is not None and peer.observed_at == reliance.seen


@dataclass(frozen=True, slots=True)
class Sight:
    """A reservation as a scope has stored it, and as it lists it now; None where it does not."""

    report: Report
    stored: Reservation | None = None
    listed: Reservation | None = None
    relied: Reliance | None = None

    @property
    def is_left_to_another(self) -> bool:
        """Whether the stored row was deferred to another account and has not been reported
        since."""
        return self.relied is not None and self.relied.news == self.report.news


@dataclass(frozen=True, slots=True)
class Verdict:
    """A listing's report of a reservation, and the report after that.

    ``relied`` is whom the rest is left to. ``is_gone`` says that nobody lists the reservation any
    more.
    """

    report: Report
    events: tuple[Event, ...] = ()
    relied: Reliance | None = None
    is_gone: bool = False


def facts(row: Reservation) -> tuple[Any, ...]:
    """The parts of a row that can cause an event by themselves, its billing request last."""
    rejected = row.adjustment if row.adjustment and row.adjustment.is_rejected else None
    dates = row.start_date, row.end_date, rejected
    return row.state, row.size, *dates, row.health, row.billing_request


def is_usable_late(sight: Sight, before: Report | None) -> bool:
    """Whether a listing may be compared with a report that was read after the listing began:
    the report has no other news than ``before``, the one read earlier, or the listing agrees with
    it."""
    report, listed = sight.report, sight.listed
    if before is not None:
        joined = replace(before, version=report.version, members=report.members)
        if joined == report:
            return True
    if sight.is_left_to_another:
        return False
    if listed is None:
        return report.row is None or report.row.state in TERMINAL_STATES
    if report.row is None or not report.is_known:
        return False
    return facts(report.row) == facts(listed.completed(report.row))


def decide(sight: Sight, look: Look) -> Verdict:
    """Compute what a scope's listing reports of one reservation."""
    sight = replace(sight, report=_as_stored(sight, look))
    if sight.listed is None:
        return _missing(sight, look)
    if look.previous_at is None:
        return _first(sight, sight.listed, look)
    return _listed(sight, sight.listed, look, look.previous_at)


def _as_stored(sight: Sight, look: Look) -> Report:
    """The report; where there is none of a stored row, the row counts as reported."""
    report = sight.report
    if report.version or sight.stored is None:
        return report
    return replace(
        report,
        news=1,
        row=sight.stored,
        looked_at=look.previous_at,
        members=report.members | {look.scope.account_id},
        is_known=look.previous_at is not None,
    )


# --- listed --------------------------------------------------------------------------------------


def _first(sight: Sight, listed: Reservation, look: Look) -> Verdict:
    """A first snapshot reports nothing; what differs from the report is for the next one."""
    account_id, report = look.scope.account_id, sight.report
    others = report.members - {account_id}
    joined = replace(report, members=report.members | {account_id})
    if not others and (report.row is None or not report.is_known):
        number = report.baseline or look.baseline
        return Verdict(
            _with_news(joined, listed, look, baseline=number),
        )
    if report.row is not None:
        after, since = listed.completed(report.row), report.looked_at or look.observed_at
        timed = _timed(sight, report.row, after, look, min(since, look.observed_at))
        if facts(report.row) == facts(after) and not timed:
            return Verdict(joined)
    return Verdict(joined, relied=Reliance(account_id, None, report.news))


def _listed(sight: Sight, listed: Reservation, look: Look, previous_at: datetime) -> Verdict:
    report, account_id = sight.report, look.scope.account_id
    # What is over when it comes into sight is no discovery, but may be a change.
    is_over = listed.state in TERMINAL_STATES
    is_unseen = sight.stored is None and report.baseline > look.previous_baseline
    is_new = is_unseen and not is_over
    before = None if is_new else report.row
    after = listed if before is None else listed.completed(before)
    steps = [before, *_left_to_another(sight, before), after]
    timed = _timed(sight, before, after, look, previous_at)
    joined = replace(report, members=report.members | {account_id}, is_known=True)
    if before is not None and facts(before) == facts(after) and not timed:
        return Verdict(joined)
    owner = listed.owner_id or account_id
    is_known_to_both = not timed and _is_billing_alone(before, after)
    if not is_new and not is_known_to_both and not may_report(sight, owner, look):
        return Verdict(joined, relied=_rely_on(owner, report, look))
    events = (*_changes(steps, listed, report, look, previous_at), *timed)
    updated = _with_news(
        joined,
        after,
        look,
        baseline=0 if before is None else report.baseline,
        idle_told={**report.idle_told, **_idle_told(timed)},
    )
    return Verdict(updated, events)


def _is_billing_alone(before: Reservation | None, after: Reservation) -> bool:
    """Whether only the billing request differs. Its sides see it alike, and the owner may be one
    that cannot ask for it, though it answers otherwise."""
    return before is not None and facts(before)[:-1] == facts(after)[:-1]


def _with_news(report: Report, row: Reservation | None, look: Look, **more: Any) -> Report:
    return replace(report, news=report.news + 1, row=row, looked_at=_now(report, look), **more)


def _now(report: Report, look: Look) -> datetime:
    """When thresholds are looked at: never before they last were, whatever the clocks of two
    functions show, since a listing begins after the report was read."""
    return max(look.observed_at, report.looked_at or look.observed_at)


def _rely_on(account_id: str, report: Report, look: Look) -> Reliance:
    return Reliance(account_id, look.peers[account_id].observed_at, report.news)


def may_report(sight: Sight, owner: str, look: Look) -> bool:
    """The owner may, and anyone while the owner does not answer, or was not listed since."""
    if owner == look.scope.account_id or not look.answers(owner):
        return True
    return look.has_waited(sight.relied, owner)


def _left_to_another(sight: Sight, before: Reservation | None) -> list[Reservation]:
    if not sight.is_left_to_another or sight.stored is None:
        return []
    return [sight.stored if before is None else sight.stored.completed(before)]


# --- not listed ----------------------------------------------------------------------------------


def _missing(sight: Sight, look: Look) -> Verdict:
    """A reservation has vanished if its owner, or no account at all, lists it any more."""
    report, account_id = sight.report, look.scope.account_id
    rest = replace(report, members=report.members - {account_id})
    others = sorted(member for member in rest.members if look.collects(member))
    last = sight.stored or report.row
    owner = (last and last.owner_id) or account_id
    if others and owner != account_id:
        relied = _rely_on(owner if owner in others else others[0], report, look)
        return _leave(sight, rest, owner, relied, look)
    steps = [report.row, *_left_to_another(sight, report.row), None]
    is_gone = any(step is not None for step in steps)
    if last is None or not is_gone or (sight.stored is None and sight.relied is None):
        return Verdict(rest)
    events: tuple[Event, ...] = ()
    if look.previous_at is not None or report.is_known:
        since = look.previous_at or report.looked_at or look.observed_at
        events = _changes(steps, last, report, look, min(since, look.observed_at))
    # What was over stays so, in case that another account lists it again.
    over = steps[-2] if steps[-2] and steps[-2].state in TERMINAL_STATES else None
    return Verdict(_with_news(rest, over, look, baseline=0, idle_told={}), events, is_gone=True)


def _leave(sight: Sight, rest: Report, owner: str, relied: Reliance, look: Look) -> Verdict:
    """Others still list it, or did when they last could: their next listing decides."""
    report = sight.report
    if report.row is None and sight.stored is None:
        return Verdict(rest)
    if sight.stored is None:
        # It left at an earlier look: over, once one of the others was listed after that.
        is_waiting = sight.relied is not None and look.has_waited(
            sight.relied, sight.relied.account_id
        )
        return Verdict(rest, relied=sight.relied if is_waiting else None)
    steps = [report.row, *_left_to_another(sight, report.row)]
    if len(steps) == 1 or look.previous_at is None or not may_report(sight, owner, look):
        return Verdict(rest, relied=relied)
    events = _changes(steps, sight.stored, report, look, look.previous_at)
    # Thresholds are for those who still list it: until when these were looked at stays.
    updated = replace(rest, news=rest.news + 1, row=steps[-1])
    return Verdict(updated, events, replace(relied, news=updated.news))


# --- events --------------------------------------------------------------------------------------


def _changes(
    steps: Iterable[Reservation | None],
    last: Reservation,
    report: Report,
    look: Look,
    previous_at: datetime,
) -> tuple[Event, ...]:
    """The events from each step to the next; ``last`` is the row with all that is known of it."""
    events: list[Event] = []
    rows = list(steps)
    for before, after in pairwise(rows):
        previous = Snapshot(look.scope, previous_at, _rows(before))
        events += compare(previous, Snapshot(look.scope, look.observed_at, _rows(after)))
    return tuple(_numbered(_with_details(event, last), report.news) for event in events)


def _rows(row: Reservation | None) -> tuple[Reservation, ...]:
    return () if row is None else (row,)


def _with_details(event: Event, last: Reservation) -> Event:
    """Tags are no news, and so as old as the report in it; the account is the one that reports."""
    row = event.reservation
    assert row is not None
    full = replace(row, tags=last.tags, account_id=last.account_id, seen_by=last.seen_by)
    return replace(event, reservation=full)


def _numbered(event: Event, news: int) -> Event:
    """Of two reports of one change, and back and forth between them, each is an event."""
    if news == 0:
        return event
    name = event_id(event.event_id, event.type, None, {"news": news}, None)
    return replace(event, event_id=name)


def _timed(
    sight: Sight,
    before: Reservation | None,
    after: Reservation,
    look: Look,
    previous_at: datetime,
) -> list[Event]:
    """The thresholds that were crossed since they were last looked at, by whichever account."""
    from truffle.core.timed_events import due  # functions that only read reports do not load it

    report = sight.report
    since = max(previous_at, report.looked_at or previous_at)
    if report.looked_at is not None and (sight.stored is None or sight.is_left_to_another):
        since = report.looked_at
    name = after.reservation_id
    events = due(
        Snapshot(look.scope, previous_at, (before or after,)),
        Snapshot(look.scope, _now(report, look), (after,)),
        look.thresholds,
        look.idle_since,
        {name: since},
    )
    began = look.idle_since.get(name)
    return [
        replace(event, observed_at=look.observed_at)
        for event in events
        if not _is_told(event, began, report)
    ]


def _is_told(event: Event, idle_since: datetime | None, report: Report) -> bool:
    """Whether another account reported this length of the same time of being idle."""
    if event.type is not EventType.IDLE or idle_since is None or event.after is None:
        return False
    reported_at = report.idle_told.get(event.after["threshold"])
    return reported_at is not None and reported_at >= idle_since


def _idle_told(events: Iterable[Event]) -> dict[str, datetime]:
    return {
        event.after["threshold"]: event.observed_at
        for event in events
        if event.type is EventType.IDLE and event.after is not None
    }
