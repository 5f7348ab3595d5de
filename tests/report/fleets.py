"""Fleets of any size for the report, always the same ones."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from tests.builders import a_block, an_odcr
from truffle.core.model import Reservation, used_of
from truffle.report.inputs import FailedScope, Inputs

TYPES = ("p5.48xlarge", "p5en.48xlarge", "p4d.24xlarge", "trn2.48xlarge", "p6-b200.48xlarge")
INFERENCE = ("g6e.12xlarge", "g5.12xlarge", "inf2.24xlarge", "m7i.4xlarge")
REGIONS = ("us-east-1", "us-east-2", "us-west-2", "eu-north-1", "ap-south-1")
TEAMS = ("research", "robotics", "speech", "ranking", "platform")
DAY = timedelta(days=1)


def fleet(size: int, now: datetime) -> Inputs:
    """That many reservations, three quarters of them blocks."""
    draw = Random(size)
    rows = [_row(draw, number, now) for number in range(size)]
    failed = [
        FailedScope("123456789012", "ap-northeast-3", "UnauthorizedOperation", "Not authorized."),
        FailedScope("210987654321", "sa-east-1", "RequestLimitExceeded", last_success=now - DAY),
    ]
    observed_at = now - timedelta(minutes=20)
    return Inputs(
        rows=rows,
        now=now,
        observed_at=observed_at,
        scopes=102,
        source="a fleet for tests",
        failed=failed if size > 5 else (),
    )


def _row(draw: Random, number: int, now: datetime) -> Reservation:
    team, region = draw.choice(TEAMS), draw.choice(REGIONS)
    facts = {
        "region": region,
        "account_id": f"{100000000000 + draw.randrange(8) * 11111111:012}",
        "tags": {"Name": f"{team}-{number:04}", "Team": team},
    }
    name = f"cr-{number:017x}"
    if number % 4 == 3:
        total = draw.choice((1, 2, 8, 24))
        return an_odcr(
            name,
            **facts,
            instance_type=draw.choice(INFERENCE),
            total_capacity=total,
            available_capacity=draw.choice((0, 0, 0, total // 2, total)),
            start_date=now - 20 * DAY,
        )
    start = now.replace(hour=11, minute=30) + draw.randrange(-35, 40) * DAY
    end = start + draw.choice((1, 2, 7, 7, 14, 28)) * DAY
    state = "expired" if end < now else "active" if start < now else "scheduled"
    if state == "scheduled" and draw.random() < 0.05:
        state = draw.choice(("payment-pending", "payment-failed"))
    count = draw.choice((1, 2, 4, 8, 16, 32))
    is_active = state == "active"
    idle = draw.choice((0, 0, 0, count // 2)) if is_active else 0
    total = count if is_active else 0
    return a_block(
        name,
        **facts,
        state=state,
        instance_type=draw.choice(TYPES),
        instance_count=count,
        total_capacity=total,
        available_capacity=idle,
        used_capacity=used_of(state, total, idle),
        start_date=start,
        end_date=end,
        create_date=start - 20 * DAY,
    )
