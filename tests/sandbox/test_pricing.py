"""The sandbox's price list, asked by botocore's own client."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest

from lambdas.prices import fetch
from sandbox.ec2.fleet import Fleet
from sandbox.ec2.server import RunningServer
from sandbox.ec2.simulator import Simulator


@pytest.fixture
def client() -> Iterator[Any]:
    simulator = Simulator(Fleet(), clock=lambda: datetime(2026, 11, 24, tzinfo=UTC))
    with RunningServer(simulator) as server:
        yield botocore.session.Session().create_client(
            "pricing",
            region_name="us-east-1",
            endpoint_url=server.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )


def test_a_type_has_a_price_for_each_platform_and_tenancy(client: Any) -> None:
    found = {
        (product.platform, product.tenancy): float(rate.amount)
        for product, rate in fetch(client, ("p4d.24xlarge", "us-east-2")).items()
    }
    assert found == {
        ("Linux/UNIX", "default"): 32.7726,
        ("Linux/UNIX", "dedicated"): pytest.approx(36.04986),
        ("Windows", "default"): pytest.approx(39.32712),
        ("Windows", "dedicated"): pytest.approx(43.259832),
    }


def test_a_type_without_a_price_has_no_product(client: Any) -> None:
    assert fetch(client, ("u-12tb1.112xlarge", "us-east-2")) == {}


def test_another_operation_is_refused(client: Any) -> None:
    with pytest.raises(client.exceptions.InvalidParameterException):
        client.describe_services()
