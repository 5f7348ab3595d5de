"""Reservations, snapshots and events for tests: each call names only what its test is about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from truffle.core.accelerators import accelerator_of
from truffle.core.diff import describe
from truffle.core.events import Event, EventType, Severity
from truffle.core.model import (
    CapacityBlock,
    Odcr,
    Reservation,
    Scope,
    Snapshot,
    block_hours,
    effective_end,
    used_of,
    utilization_of,
)
from truffle.core.runs import Run, new_run, unit_name
from truffle.core.status import ScopeStatus
from truffle.core.stranded import OnDemandInstance

HOME = "123456789012"
OTHER = "210987654321"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
OHIO = Scope(HOME, "us-east-2")


def an_odcr(reservation_id: str = "cr-odcr", **facts: Any) -> Odcr:
    """An active ODCR, 8 × p4d.24xlarge of which 3 are free."""
    state = facts.setdefault("state", "active")
    total = facts.setdefault("total_capacity", 8)
    available = facts.setdefault("available_capacity", min(3, total or 0))
    used = facts.setdefault("used_capacity", used_of(state, total, available))
    facts.setdefault("utilization", utilization_of(used, total))
    instance_type = facts.setdefault("instance_type", "p4d.24xlarge")
    carried = accelerator_of(instance_type, {})
    facts.setdefault("accelerator", carried.times(total) if carried else None)
    return Odcr(**_placed(reservation_id, facts))


def a_block(reservation_id: str = "cr-block", **facts: Any) -> CapacityBlock:
    """A scheduled block, 16 × p5.48xlarge for a week from tomorrow 11:30 UTC."""
    state = facts.setdefault("state", "scheduled")
    count = facts.setdefault("instance_count", 16)
    total = facts.setdefault("total_capacity", count if state == "active" else 0)
    available = facts.setdefault("available_capacity", 2 if state == "active" else 0)
    used = facts.setdefault("used_capacity", used_of(state, total, available))
    facts.setdefault("utilization", utilization_of(used, total))
    start = facts.setdefault("start_date", datetime(2026, 11, 25, 11, 30, tzinfo=UTC))
    end = facts.setdefault("end_date", start and start + 7 * DAY)
    facts.setdefault("duration_hours", block_hours(start, end))
    facts.setdefault("effective_end", effective_end(end, "ultraserver_type" in facts))
    facts.setdefault("ultra_cluster_placement", True)
    facts.setdefault("capacity_block_id", reservation_id)
    facts.setdefault("reservation_ids", (reservation_id,))
    instance_type = facts.setdefault("instance_type", "p5.48xlarge")
    carried = accelerator_of(instance_type, {})
    facts.setdefault("accelerator", carried.times(count) if carried else None)
    return CapacityBlock(**_placed(reservation_id, facts))


def _placed(reservation_id: str, facts: dict[str, Any]) -> dict[str, Any]:
    facts.setdefault("account_id", HOME)
    facts.setdefault("owner_id", facts["account_id"])
    facts.setdefault("region", "us-east-2")
    facts.setdefault("availability_zone", f"{facts['region']}a")
    facts.setdefault("platform", "Linux/UNIX")
    facts.setdefault("tenancy", "default")
    facts.setdefault("create_date", NOON - 10 * DAY)
    facts.setdefault("seen_by", (facts["account_id"],))
    return {"reservation_id": reservation_id, **facts}


def a_snapshot(
    *reservations: Reservation, at: datetime = NOON, scope: Scope = OHIO, **facts: Any
) -> Snapshot:
    """A complete listing of a scope, at noon."""
    ordered = tuple(sorted(reservations, key=lambda row: row.reservation_id))
    return Snapshot(scope, at, ordered, **facts)


def an_on_demand_instance(instance_id: str = "i-1", **facts: Any) -> OnDemandInstance:
    """An instance that could run in ``an_odcr()``, but for its preference."""
    default = {
        "instance_type": "p4d.24xlarge",
        "availability_zone": "us-east-2a",
        "platform": "Linux/UNIX",
        "tenancy": "default",
        "preference": "none",
    }
    return OnDemandInstance(instance_id=instance_id, **{**default, **facts})


def an_event(reservation: Reservation | None = None, **facts: Any) -> Event:
    """A block's failed payment, observed at noon."""
    row = reservation or a_block("cr-0abc", instance_count=8, state="payment-failed")
    return Event(
        **{
            "event_id": "0123456789abcdef0123456789abcdef",
            "type": EventType.STATE_CHANGED,
            "severity": Severity.CRITICAL,
            "summary": f"{describe(row)} payment failed: the block is released.",
            "reason": "payment-pending → payment-failed",
            "observed_at": NOON,
            "previous_observed_at": NOON - HOUR,
            "account_id": HOME,
            "region": row.region,
            "reservation": row,
            "before": {"state": "payment-pending"},
            "after": {"state": "payment-failed"},
            **facts,
        }
    )


def a_scope_event(**facts: Any) -> Event:
    """A scope that can no longer be listed, observed at noon: an event without a reservation."""
    found = {
        "type": EventType.SCOPE_FAILING,
        "severity": Severity.WARNING,
        "summary": f"{OHIO} could not be listed in 3 consecutive runs: UnauthorizedOperation.",
        "reason": "UnauthorizedOperation",
        "region": OHIO.region,
        "reservation": None,
        "before": {"error": None},
        "after": {"error": "UnauthorizedOperation"},
    }
    return replace(an_event(), **{**found, **facts})


def a_status(scope: Scope = OHIO, **facts: Any) -> ScopeStatus:
    """A healthy scope, listed at noon."""
    facts.setdefault("observed_at", NOON)
    facts.setdefault("attempted_at", facts["observed_at"])
    return ScopeStatus(scope=scope, **facts)


def a_run(
    run_id: str = "20261124T120000Z-1a2b3c4d",
    started_at: datetime = NOON,
    regions: Sequence[str] = ("us-east-1", "us-east-2"),
    accounts: Sequence[str] = (HOME,),
    pending: Collection[str] = (),
    **facts: Any,
) -> Run:
    """A run over one account and two regions that began at noon; ``pending`` are regions."""
    coverage = dict.fromkeys(accounts, regions)
    made = new_run(run_id, started_at, coverage, dict.fromkeys(accounts, 0))
    names = frozenset(unit_name(region, 0) for region in pending)
    return replace(made, pending=names, **facts)
