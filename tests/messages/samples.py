"""An event of every type with what it carries, a digest and a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.builders import (
    DAY,
    HOME,
    HOUR,
    NOON,
    OHIO,
    OTHER,
    a_block,
    a_scope_event,
    a_status,
    an_event,
    an_odcr,
)
from truffle.alerts.market_sample import sample_market_events
from truffle.core.codec import plain_fields
from truffle.core.daily import Day, FailingScope, Idle, day
from truffle.core.diff import describe
from truffle.core.events import Event, EventType, Severity
from truffle.core.model import BillingRequest, FailureKind, Reservation, Scope
from truffle.core.status import ScopeError
from truffle.core.times import format_time

MINUTE = timedelta(minutes=1)


def a_timed_event(
    kind: EventType, row: Reservation, says: str, reason: str, after: Any, **facts: Any
) -> Event:
    """An event that time alone caused."""
    facts.setdefault("severity", Severity.WARNING)
    summary = f"{describe(row)} {says}"
    return an_event(
        row, type=kind, summary=summary, reason=reason, before=None, after=after, **facts
    )


def starting_soon(**facts: Any) -> Event:
    row = a_block("cr-0abc", tags={"Name": "llm-pretrain"})
    return a_timed_event(
        EventType.STARTING_SOON,
        row,
        "starts in 23 h 30 min.",
        "starts within 24 h",
        {"threshold": "24h", "start_date": "2026-11-25T11:30:00Z"},
        severity=Severity.INFO,
        **facts,
    )


def ending_soon(extension: Any = None, **facts: Any) -> Event:
    """A block of which two hours are left."""
    end = NOON + 2 * HOUR + 30 * MINUTE
    row = a_block("cr-0abc", state="active", start_date=end - 7 * DAY, end_date=end)
    deadline = {"deadline": format_time(end - HOUR), "on_offer": True, "error": None}
    return a_timed_event(
        EventType.ENDING_SOON,
        row,
        "ends in 2 h, when AWS terminates its instances.",
        "ends within 2 h",
        {
            "threshold": "2h",
            "effective_end": format_time(end - 30 * MINUTE),
            "extension": deadline | (extension or {}),
        },
        **facts,
    )


def payment_due() -> Event:
    row = a_block("cr-0abc", state="payment-pending", create_date=NOON - 11 * HOUR)
    return a_timed_event(
        EventType.PAYMENT_DUE,
        row,
        "is not paid yet: AWS releases it in 1 h.",
        "unpaid for 11 h",
        {"threshold": "11h"},
    )


def late_delivery() -> Event:
    row = a_block("cr-0abc", start_date=NOON - 20 * MINUTE)
    return a_timed_event(
        EventType.LATE_DELIVERY,
        row,
        "should have started 20 min ago but is still scheduled.",
        "scheduled 15 min after its start",
        {"threshold": "15m", "start_date": format_time(NOON - 20 * MINUTE)},
    )


def idle(**cost: Any) -> Event:
    row = a_block("cr-0abc", state="active", available_capacity=4, start_date=NOON - DAY)
    after = {
        "threshold": "2h",
        "idle_since": format_time(NOON - 2 * HOUR),
        "unused": 4,
        "usd_per_hour": 220.16,
        "usd_so_far": 440.32,
    }
    return a_timed_event(
        EventType.IDLE,
        row,
        "has had 4 unused instances for 2 h.",
        "idle for 2 h",
        after | cost,
    )


def billing_request(status: str = "pending") -> Event:
    """An ODCR's unused capacity, for which another account is asked to pay."""
    until = NOON + 12 * HOUR if status == "pending" else None
    request = BillingRequest(HOME, OTHER, status, NOON, until)
    return a_timed_event(
        EventType.BILLING_REQUEST,
        an_odcr("cr-0abc", billing_request=request),
        f"has a billing request: account {OTHER} must accept or reject to pay for unused capacity.",
        f"no request → {status}",
        {"billing_request": plain_fields(request)},
    )


def fleet_short(**after: Any) -> Event:
    sample = {
        "threshold": "1h",
        "short_since": format_time(NOON - 2 * HOUR),
        "fleet_id": "crf-0abc",
        "fleet_state": "partially_fulfilled",
        "target_capacity": 20,
        "fulfilled_capacity": 12.5,
    }
    return a_scope_event(
        type=EventType.FLEET_SHORT,
        summary="Capacity Reservation Fleet crf-0abc (us-east-2) has been below its target for "
        "2 h: 12.5 of 20.",
        reason="below its target for 1 h",
        before=None,
        after=sample | after,
    )


def scope_failing(**after: Any) -> Event:
    sample = {
        "error": "UnauthorizedOperation",
        "message": "You are not authorized to perform this operation.",
        "failed_runs": 3,
        "since": format_time(NOON - 2 * HOUR),
        "last_success": format_time(NOON - 3 * HOUR),
    }
    return a_scope_event(before=None, after=sample | after)


def scope_recovered() -> Event:
    return a_scope_event(
        type=EventType.SCOPE_RECOVERED,
        severity=Severity.GOOD,
        summary=f"{HOME}/us-east-2 is listed again.",
        reason="listed again",
        before={"error": "UnauthorizedOperation", "since": format_time(NOON - 2 * HOUR)},
        after={"error": None},
    )


def of_every_type() -> dict[EventType, Event]:
    """One event of each type."""
    block = a_block("cr-0abc", state="active", tags={"Name": "llm-pretrain"})
    sample = {
        EventType.DISCOVERED: (Severity.INFO, "was discovered in state scheduled.", "first seen"),
        EventType.STATE_CHANGED: (Severity.GOOD, "is active.", "scheduled → active"),
        EventType.VANISHED: (Severity.CRITICAL, "is gone before its end.", "no longer listed"),
        EventType.RESIZED: (Severity.WARNING, "shrank from 16 to 8 instances.", "16 → 8"),
        EventType.RESCHEDULED: (Severity.WARNING, "has new dates.", "start … → …"),
        EventType.EXTENDED: (Severity.GOOD, "is extended.", "end … → …"),
        EventType.CHANGE_REJECTED: (Severity.WARNING, "keeps its dates.", "requested → rejected"),
        EventType.HEALTH_CHANGED: (Severity.CRITICAL, "is unhealthy.", "ok → impaired"),
    }
    changes = {
        kind: a_timed_event(kind, block, says, reason, None, severity=severity)
        for kind, (severity, says, reason) in sample.items()
    }
    timed = (starting_soon, ending_soon, payment_due, late_delivery, idle, billing_request)
    scopes = (fleet_short, scope_failing, scope_recovered)
    others = [make() for make in (*timed, *scopes)]
    return changes | {event.type: event for event in (*others, *market_events())}


def market_events() -> list[Event]:
    """An offering of a watch that appears, gets cheaper and is gone, in Ohio."""
    return list(sample_market_events(OHIO, "p5.48xlarge", NOON))


def a_run_of(number: int) -> list[Event]:
    """The events of one run: every third is critical, every third information."""
    severities = (Severity.INFO, Severity.CRITICAL, Severity.WARNING)
    return [
        an_event(
            a_block(f"cr-{place:04}"),
            event_id=f"event-{place:04}",
            severity=severities[place % 3],
        )
        for place in range(number)
    ]


def a_full_day(name: str) -> Day:
    """A day with hundreds of lines in each of its lists; the rows' ids begin with the name."""
    ids = [f"{name}{number}" for number in range(200)]
    coming = tuple(a_block(row, start_date=NOON + HOUR) for row in ids)
    error = ScopeError("RequestExpired", name, FailureKind.ERROR, NOON)
    return a_day(
        starting=coming,
        ending=tuple(a_block(row, state="active", end_date=NOON + HOUR) for row in ids),
        late=coming,
        unpaid=coming,
        idle=tuple(Idle(an_odcr(row), 165.0) for row in ids),
        failed=tuple(a_run_of(200)),
        failing=tuple(FailingScope(Scope(row, "us-east-2"), error, NOON) for row in ids),
    )


def a_day(**facts: Any) -> Day:
    """A day with something in each of its lists."""
    rows = (
        a_block("cr-starts", start_date=NOON + 23 * HOUR),
        a_block("cr-ends", state="active", start_date=NOON - 6 * DAY, end_date=NOON + 5 * HOUR),
        a_block("cr-late", start_date=NOON - HOUR),
        a_block("cr-unpaid", state="payment-pending", create_date=NOON - HOUR),
        an_odcr("cr-idle", available_capacity=8),
        an_odcr("cr-plain", instance_type="m5.large", available_capacity=0),
    )
    broken = ScopeError(
        "UnauthorizedOperation", "You may not.", FailureKind.DENIED, NOON - 9 * HOUR
    )
    statuses = (
        a_status(),
        a_status(Scope(HOME, "us-west-2"), observed_at=NOON - 9 * HOUR, error=broken),
    )
    sample = day(rows, statuses, [an_event(observed_at=NOON - HOUR)], NOON, 2 * HOUR)
    return replace(sample, **facts)
