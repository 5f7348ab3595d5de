"""A sample event, for testing a route."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from truffle.alerts.market_sample import sample_market_events
from truffle.alerts.routing import matches
from truffle.alerts.settings import EVERYTHING, Route, When
from truffle.core.accelerators import accelerator_of, bundled
from truffle.core.diff import describe
from truffle.core.events import Event, EventType, Facts, Severity, event_id
from truffle.core.filters import matches_globs
from truffle.core.kinds.parts import REQUEST_LIFETIME
from truffle.core.kinds.registry import CLASSES, KINDS, PREPAID_TYPES
from truffle.core.model import (
    BillingRequest,
    Reservation,
    Scope,
    used_of,
    utilization_of,
)
from truffle.core.regions import KNOWN_REGIONS

RESERVATION_ID = "cr-0123456789abcdef0"
ACCOUNT = "123456789012"
REGION = "us-east-1"
INSTANCE_TYPE = "p5.48xlarge"
INSTANCES = 8
BILLING_OWNER = "210987654321"
SAMPLE_TYPE = PREPAID_TYPES[0]
"""The type of the sample reservation if the conditions name none."""

_BILLED_TYPES = tuple(name for name, kind in KINDS.items() if kind.bills_unused)

_OF_ODCRS = (EventType.BILLING_REQUEST, EventType.CHANGE_REJECTED)

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    """A sample event of a reservation: its state, and the time before or after its start."""

    type: EventType
    severity: Severity
    state: str
    starts_in: timedelta
    predicate: str
    reason: str
    before: Facts | None = None
    after: Facts | None = None


_STORIES = (
    _Story(
        type=EventType.STATE_CHANGED,
        severity=Severity.CRITICAL,
        state="payment-failed",
        starts_in=_DAY,
        predicate="payment failed: the block is released.",
        reason="payment-pending → payment-failed",
        before={"state": "payment-pending"},
        after={"state": "payment-failed"},
    ),
    _Story(
        type=EventType.STATE_CHANGED,
        severity=Severity.GOOD,
        state="active",
        starts_in=timedelta(),
        predicate="is active: instances can be launched.",
        reason="scheduled → active",
        before={"state": "scheduled"},
        after={"state": "active"},
    ),
    _Story(
        type=EventType.LATE_DELIVERY,
        severity=Severity.WARNING,
        state="scheduled",
        starts_in=-timedelta(minutes=15),
        predicate="should have started 15 min ago but is still scheduled.",
        reason="still scheduled 15 min after its start",
        after={"threshold": "15m"},
    ),
    _Story(
        type=EventType.STARTING_SOON,
        severity=Severity.INFO,
        state="scheduled",
        starts_in=_DAY,
        predicate="starts in 24 h.",
        reason="starts within 24 h",
        after={"threshold": "24h"},
    ),
    _Story(
        type=EventType.ENDING_SOON,
        severity=Severity.WARNING,
        state="active",
        starts_in=-6 * _DAY,
        predicate="ends in 24 h, when AWS terminates its instances.",
        reason="ends within 24 h",
        after={"threshold": "24h"},
    ),
    _Story(
        type=EventType.PAYMENT_DUE,
        severity=Severity.WARNING,
        state="payment-pending",
        starts_in=_DAY,
        predicate="is not paid yet: AWS releases it in 1 h.",
        reason="unpaid for 11 h",
        after={"threshold": "11h"},
    ),
    _Story(
        type=EventType.IDLE,
        severity=Severity.WARNING,
        state="active",
        starts_in=-_DAY,
        predicate=f"has had {INSTANCES} unused instances for 2 h.",
        reason="idle for 2 h",
        after={"threshold": "2h", "unused": INSTANCES},
    ),
    _Story(
        type=EventType.BILLING_REQUEST,
        severity=Severity.WARNING,
        state="active",
        starts_in=-_DAY,
        predicate=f"has a billing request: account {BILLING_OWNER} must accept or reject to pay "
        "for unused capacity.",
        reason="no request → pending",
    ),
    _Story(
        type=EventType.CHANGE_REJECTED,
        severity=Severity.WARNING,
        state="scheduled",
        starts_in=_DAY,
        predicate="keeps its dates: EC2 rejected the change.",
        reason="requested → rejected",
    ),
    _Story(
        type=EventType.DISCOVERED,
        severity=Severity.INFO,
        state="scheduled",
        starts_in=_DAY,
        predicate="was discovered in state scheduled.",
        reason="first seen in state scheduled",
        after={"state": "scheduled"},
    ),
    _Story(
        type=EventType.VANISHED,
        severity=Severity.CRITICAL,
        state="active",
        starts_in=-_DAY,
        predicate="disappeared before its end: EC2 no longer lists it.",
        reason="active → no longer listed",
        before={"state": "active"},
    ),
    _Story(
        type=EventType.RESIZED,
        severity=Severity.WARNING,
        state="active",
        starts_in=-_DAY,
        predicate=f"shrank from 16 to {INSTANCES} instances.",
        reason=f"16 → {INSTANCES} instances",
    ),
    _Story(
        type=EventType.RESCHEDULED,
        severity=Severity.WARNING,
        state="scheduled",
        starts_in=_DAY,
        predicate="was rescheduled: it starts a day later.",
        reason="a day later",
    ),
    _Story(
        type=EventType.EXTENDED,
        severity=Severity.GOOD,
        state="active",
        starts_in=-_DAY,
        predicate="was extended: it ends a day later.",
        reason="a day later",
    ),
    _Story(
        type=EventType.HEALTH_CHANGED,
        severity=Severity.CRITICAL,
        state="active",
        starts_in=-_DAY,
        predicate="is unhealthy: interconnect impaired, 1 instance unavailable.",
        reason="ok → impaired, 1 unavailable",
    ),
)
_SCOPE_STORIES = (
    _Story(
        type=EventType.FLEET_SHORT,
        severity=Severity.WARNING,
        state="",
        starts_in=timedelta(),
        predicate="belongs to a fleet below its target: 12 of 20.",
        reason="below its target for 1 h",
        after={
            "threshold": "1h",
            "fleet_id": "crf-0123456789abcdef0",
            "fleet_state": "partially_fulfilled",
            "target_capacity": 20,
            "fulfilled_capacity": 12,
        },
    ),
    _Story(
        type=EventType.SCOPE_FAILING,
        severity=Severity.WARNING,
        state="",
        starts_in=timedelta(),
        predicate="could not be listed in 3 consecutive runs: RequestLimitExceeded.",
        reason="RequestLimitExceeded",
        after={"error": "RequestLimitExceeded"},
    ),
    _Story(
        type=EventType.SCOPE_RECOVERED,
        severity=Severity.GOOD,
        state="",
        starts_in=timedelta(),
        predicate="is listed again.",
        reason="listed again",
        before={"error": "RequestLimitExceeded"},
    ),
)


def sample_event(route: Route, now: datetime) -> Event:
    """An event that a route passes, as far as its conditions can be met together.

    Without conditions it is a block's failed payment. Its id depends on the time.
    """
    when = route.when or EVERYTHING
    events = list(_events(when, now))
    for wanted in (when, replace(when, severities=())):
        found = next((event for event in events if matches(event, wanted)), None)
        if found is not None:
            break
    sample = found or events[0]
    if when.severities and sample.severity not in when.severities:
        return replace(sample, severity=when.severities[0])
    return sample


def _events(when: When, now: datetime) -> Iterator[Event]:
    """All sample events that fit the conditions, the most informative first."""
    scope = Scope(_first(when.accounts, ACCOUNT), _region_of(when.regions))
    for kind in when.reservation_types or (SAMPLE_TYPE, *_BILLED_TYPES):
        for story in _stories(when):
            if story.type in _OF_ODCRS and kind not in _BILLED_TYPES:
                continue
            row = _reservation(kind, story, scope, when, now)
            yield _event(story, scope, describe(row), row, now)
    for story in _SCOPE_STORIES:
        yield _event(story, scope, str(scope), None, now)
    yield from sample_market_events(scope, _type_of(when.instance_types, INSTANCE_TYPE), now)


def _stories(when: When) -> Iterator[_Story]:
    """The stories, then additional ones for the states of the conditions."""
    yield from _STORIES
    for state in when.states:
        predicate, reason = f"is now in state {state}.", f"scheduled → {state}"
        before, after = Facts(state="scheduled"), Facts(state=state)
        kind = EventType.STATE_CHANGED
        yield _Story(
            type=kind,
            severity=Severity.WARNING,
            state=state,
            starts_in=_DAY,
            predicate=predicate,
            reason=reason,
            before=before,
            after=after,
        )
        yield from (replace(story, state=state) for story in _STORIES)


def _event(
    story: _Story, scope: Scope, subject: str, row: Reservation | None, now: datetime
) -> Event:
    return Event(
        event_id=event_id("sample", story.type, story.before, story.after, now),
        type=story.type,
        severity=story.severity,
        summary=f"{subject} {story.predicate}",
        reason=story.reason,
        observed_at=now,
        previous_observed_at=now - _HOUR,
        account_id=scope.account_id,
        region=scope.region,
        reservation=row,
        before=story.before,
        after=story.after,
    )


def _reservation(kind: str, story: _Story, scope: Scope, when: When, now: datetime) -> Reservation:
    start = now + story.starts_in
    end = start + 7 * _DAY
    cls = CLASSES[kind]
    instance_type = _type_of(when.instance_types, cls.kind.sample_type)
    carried = accelerator_of(instance_type, {})
    total = INSTANCES if not cls.kind.is_prepaid or story.state == "active" else 0
    available = total if story.type is EventType.IDLE else 0
    used = used_of(story.state, total, available)
    facts: dict[str, Any] = {
        "reservation_id": RESERVATION_ID,
        "account_id": scope.account_id,
        "owner_id": scope.account_id,
        "region": scope.region,
        "availability_zone": f"{scope.region}a",
        "instance_type": instance_type,
        "platform": "Linux/UNIX",
        "tenancy": "default",
        "state": story.state,
        "total_capacity": total,
        "available_capacity": available,
        "used_capacity": used,
        "utilization": utilization_of(used, total),
        "start_date": start,
        "end_date": end,
        "create_date": now - 11 * _HOUR,
        "accelerator": carried and carried.times(INSTANCES),
        "tags": {"Name": "truffle-sample"} | {key: each[0] for key, each in when.tags.items()},
        "observed_at": now,
        "seen_by": (scope.account_id,),
    }
    if story.type is EventType.BILLING_REQUEST:
        until = now + REQUEST_LIFETIME
        facts["billing_request"] = BillingRequest(
            scope.account_id, BILLING_OWNER, "pending", now, until
        )
    names = {field.name for field in fields(cls) if field.init}
    known = {name: value for name, value in facts.items() if name in names}
    return cls(**known, **cls.sample_facts(RESERVATION_ID, INSTANCES, start, end))


def _type_of(globs: Sequence[str], usual: str) -> str:
    """A type that the globs allow: the usual one, else one with an accelerator, else the glob's
    text."""
    if not globs or matches_globs(usual, globs):
        return usual
    known: Mapping[str, object] = bundled()
    return next((name for name in sorted(known) if matches_globs(name, globs)), globs[0])


def _region_of(globs: Sequence[str]) -> str:
    """A region that the globs allow, else the glob's text."""
    if not globs or matches_globs(REGION, globs):
        return REGION
    return next((name for name in KNOWN_REGIONS if matches_globs(name, globs)), globs[0])


def _first(values: Sequence[str], default: str) -> str:
    return values[0] if values else default
