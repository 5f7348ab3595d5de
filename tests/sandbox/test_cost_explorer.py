"""The sandbox's Cost Explorer, asked by botocore's own client."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import botocore.session
import pytest

from sandbox.ec2.fleet import Fleet, Region, Reservation
from sandbox.ec2.server import RunningServer
from sandbox.ec2.simulator import Simulator
from truffle.core.billed import BilledFee
from truffle.ec2 import cost_explorer
from truffle.ec2.cost_explorer import OverBudget, list_billed_fees

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SINCE, UNTIL = date(2026, 10, 1), date(2026, 11, 24)
ACCOUNT = "111122223333"


def a_block(region: str, name: str, days_ago: int, hours: int = 24) -> Region:
    start = NOW - timedelta(days=days_ago)
    fields = {
        "CapacityReservationId": name,
        "OwnerId": ACCOUNT,
        "InstanceType": "p5.48xlarge",
        "TotalInstanceCount": 2,
        "ReservationType": "capacity-block",
        "StartDate": start,
        "EndDate": start + timedelta(hours=hours),
    }
    return Region(name=region).with_reservation(Reservation(fields=fields, since=NOW))


@pytest.fixture
def client() -> Iterator[Any]:
    regions = (
        a_block("us-east-1", "cr-1", 3),
        a_block("us-east-2", "cr-2", 40, hours=48),
        a_block("us-west-2", "cr-3", -2),
    )
    fleet = Fleet().with_regions(regions)
    with RunningServer(Simulator(fleet, clock=lambda: NOW)) as server:
        yield botocore.session.Session().create_client(
            "ce",
            region_name="eu-west-1",
            endpoint_url=server.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )


def test_fees_have_day_account_region_and_type(client: Any) -> None:
    """Also where the usage type names no region, on a later page, and beside other charges."""
    type_ = "p5.48xlarge"
    early, late = Decimal("3020.54"), Decimal("1510.27")
    assert list_billed_fees(client, SINCE, UNTIL) == [
        BilledFee(
            day=date(2026, 10, 15),
            account_id=ACCOUNT,
            region="us-east-2",
            instance_type=type_,
            amount=early,
            currency="USD",
        ),
        BilledFee(
            day=date(2026, 11, 21),
            account_id=ACCOUNT,
            region="us-east-1",
            instance_type=type_,
            amount=late,
            currency="USD",
        ),
    ]


def test_a_question_costs_at_most_so_many_requests(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost_explorer, "MOST_REQUESTS", 5)
    with pytest.raises(OverBudget):
        list_billed_fees(client, SINCE, UNTIL)


def test_another_operation_is_refused(client: Any) -> None:
    with pytest.raises(client.exceptions.ClientError):
        client.get_dimension_values(
            TimePeriod={"Start": "2026-11-01", "End": "2026-11-02"}, Dimension="REGION"
        )
