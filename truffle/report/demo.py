"""A sample organization, for trying the report without AWS."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from truffle.core.accelerators import accelerator_of
from truffle.core.diff import describe
from truffle.core.events import Event, EventType, Facts, Severity
from truffle.core.model import (
    CapacityBlock,
    Health,
    Odcr,
    Reservation,
    block_hours,
    effective_end,
    used_of,
    utilization_of,
)
from truffle.core.pricing import PriceBook
from truffle.report.demo_market import demo_market
from truffle.report.inputs import FailedScope, Inputs

SOURCE = "made-up demo data"
PRICES = PriceBook(
    {"p5.48xlarge": 55.04, "p5en.48xlarge": 63.3, "p4d.24xlarge": 21.96, "g6e.12xlarge": 10.49}
)
"""Prices of the demo, in US dollars per instance and hour."""

_ACCOUNTS = {"research": "111122223333", "inference": "222233334444", "robotics": "333344445555"}


class _Planned(NamedTuple):
    """A block of the demo; ``first`` is its first day, counted from today."""

    name: str
    team: str
    instance_type: str
    region: str
    instances: int
    first: int
    days: int
    state: str
    idle: int


_BLOCKS = (
    _Planned("llm-pretrain-05", "research", "p5.48xlarge", "us-east-1", 16, -27, 7, "expired", 0),
    _Planned("llm-pretrain-06", "research", "p5.48xlarge", "us-east-1", 16, -17, 10, "expired", 0),
    _Planned("llm-pretrain-07", "research", "p5.48xlarge", "us-east-1", 32, -3, 7, "active", 0),
    _Planned("llm-pretrain-08", "research", "p5.48xlarge", "us-east-1", 32, 4, 14, "scheduled", 0),
    _Planned("llm-finetune-02", "research", "p5en.48xlarge", "us-west-2", 8, 1, 7, "scheduled", 0),
    _Planned("vla-train-11", "robotics", "p5en.48xlarge", "us-east-2", 16, -9, 14, "active", 4),
    _Planned("vla-train-12", "robotics", "p5en.48xlarge", "us-east-2", 16, 9, 14, "scheduled", 0),
    _Planned("vla-eval-03", "robotics", "p4d.24xlarge", "us-west-2", 4, 2, 1, "payment-pending", 0),
    _Planned(
        "speech-rlhf-01", "research", "trn2.48xlarge", "us-east-2", 16, 12, 28, "scheduled", 0
    ),
    _Planned("speech-rlhf-00", "research", "trn2.48xlarge", "us-east-2", 16, -6, 8, "active", 0),
    _Planned(
        "rank-distill-01", "inference", "p4d.24xlarge", "eu-north-1", 8, 3, 2, "payment-failed", 0
    ),
)
# name, team, type, region, instances, used, state, last day
_ODCRS = (
    ("serving-eu", "inference", "g6e.12xlarge", "eu-west-1", 24, 21, "active", None),
    ("serving-us", "inference", "g6e.12xlarge", "us-east-1", 40, 40, "active", None),
    ("embeddings", "inference", "g5.12xlarge", "us-east-1", 12, 9, "active", 5),
    ("eval-on-demand", "research", "p4d.24xlarge", "us-west-2", 4, 0, "active", None),
    ("speech-serving", "inference", "inf2.24xlarge", "eu-central-1", 10, 0, "active", 21),
    ("launch-week", "inference", "g6e.12xlarge", "us-west-2", 16, 0, "scheduled", 30),
)


def demo(now: datetime) -> Inputs:
    """The inputs of a report about the sample organization."""
    midnight = now.replace(hour=11, minute=30, second=0, microsecond=0)
    blocks = [_block(now, midnight, planned) for planned in _BLOCKS]
    unhealthy = next(row for row in blocks if row.tags["Name"] == "speech-rlhf-00")
    blocks[blocks.index(unhealthy)] = replace(unhealthy, health=Health("impaired", 1))
    odcrs = [_odcr(now, midnight, *facts) for facts in _ODCRS]
    lost = _odcr(
        now, midnight, "batch-eval", "research", "g5.48xlarge", "us-east-2", 6, 2, "active"
    )
    observed_at = now - timedelta(minutes=12)
    failed = FailedScope(
        _ACCOUNTS["robotics"],
        "ap-northeast-1",
        "UnauthorizedOperation",
        "You are not authorized to perform: ec2:DescribeCapacityReservations.",
        now - timedelta(hours=9),
    )
    return Inputs(
        rows=[*blocks, *odcrs],
        now=now,
        observed_at=observed_at,
        scopes=51,
        source=SOURCE,
        failed=[failed],
        events=_events(observed_at, blocks, odcrs, lost),
        prices=PRICES,
        market=demo_market(observed_at),
    )


def _id(name: str) -> str:
    return f"cr-0{sha256(name.encode()).hexdigest()[:16]}"


def _block(now: datetime, midnight: datetime, planned: _Planned) -> CapacityBlock:
    name, state, region = planned.name, planned.state, planned.region
    account = _ACCOUNTS[planned.team]
    start = midnight + timedelta(days=planned.first)
    end = start + timedelta(days=planned.days)
    total = planned.instances if state == "active" else 0
    used = used_of(state, total, planned.idle)
    carried = accelerator_of(planned.instance_type, {})
    bought = now - timedelta(hours=3) if state == "payment-pending" else start - timedelta(days=20)
    return CapacityBlock(
        capacity_block_id=_id(name).replace("cr-", "cb-"),
        reservation_id=_id(name),
        reservation_ids=(_id(name),),
        account_id=account,
        owner_id=account,
        region=region,
        availability_zone=f"{region}b",
        instance_type=planned.instance_type,
        instance_count=planned.instances,
        duration_hours=block_hours(start, end),
        start_date=start,
        end_date=end,
        effective_end=effective_end(end, False),
        state=state,
        total_capacity=total,
        available_capacity=planned.idle,
        used_capacity=used,
        utilization=utilization_of(used, total),
        create_date=bought,
        accelerator=carried.times(planned.instances) if carried else None,
        tags={"Name": name, "Team": planned.team},
        observed_at=now,
        seen_by=(account,),
    )


def _odcr(
    now: datetime,
    midnight: datetime,
    name: str,
    team: str,
    instance_type: str,
    region: str,
    instances: int,
    used: int,
    state: str,
    last: int | None = None,
) -> Odcr:
    is_active = state == "active"
    carried = accelerator_of(instance_type, {})
    return Odcr(
        reservation_id=_id(name),
        account_id=_ACCOUNTS[team],
        owner_id=_ACCOUNTS[team],
        region=region,
        availability_zone=f"{region}a",
        instance_type=instance_type,
        state=state,
        total_capacity=instances,
        available_capacity=instances - used if is_active else 0,
        used_capacity=used if is_active else None,
        utilization=utilization_of(used, instances) if is_active else None,
        start_date=midnight + timedelta(days=-40 if is_active else 6),
        end_date=None if last is None else midnight + timedelta(days=last),
        end_date_type="unlimited" if last is None else "limited",
        create_date=now - timedelta(days=41),
        accelerator=carried.times(instances) if carried else None,
        tags={"Name": name, "Team": team},
        observed_at=now,
        seen_by=(_ACCOUNTS[team],),
    )


def _events(
    at: datetime, blocks: list[CapacityBlock], odcrs: list[Odcr], lost: Reservation
) -> list[Event]:
    rows: list[Reservation] = [*blocks, *odcrs]
    named = {row.tags["Name"]: row for row in rows}
    offer: Facts = {"extension": {"on_offer": True}}

    def event(
        hours: int,
        row: Reservation,
        kind: EventType,
        severity: Severity,
        predicate: str,
        after: Facts | None = None,
    ) -> Event:
        moment = at - timedelta(hours=hours)
        name = sha256(f"{row.reservation_id}{kind}".encode()).hexdigest()[:32]
        summary = f"{describe(row)} {predicate}"
        account = row.account_id or ""
        return Event(
            event_id=name,
            type=kind,
            severity=severity,
            summary=summary,
            reason="",
            observed_at=moment,
            previous_observed_at=None,
            account_id=account,
            region=row.region,
            reservation=row,
            before=None,
            after=after,
        )

    ending, failed = named["llm-pretrain-07"], named["rank-distill-01"]
    unhealthy, idle = named["speech-rlhf-00"], named["eval-on-demand"]
    gone = "is no longer listed by EC2, and had not reached its end."
    return [
        event(2, ending, EventType.ENDING_SOON, Severity.WARNING, "ends in 4 days.", offer),
        event(
            5,
            unhealthy,
            EventType.HEALTH_CHANGED,
            Severity.CRITICAL,
            "has an impaired interconnect.",
        ),
        event(7, failed, EventType.STATE_CHANGED, Severity.CRITICAL, "could not be paid."),
        event(26, idle, EventType.IDLE, Severity.WARNING, "has had no instances in use for a day."),
        event(49, lost, EventType.VANISHED, Severity.CRITICAL, gone),
    ]
