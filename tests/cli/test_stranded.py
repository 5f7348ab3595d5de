"""``truffle stranded`` and ``Truffle.stranded()``: what runs beside idle capacity."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lambdas.store.stranded import StrandedResult
from tests.builders import OHIO, an_odcr, an_on_demand_instance
from tests.cli.conftest import Run
from tests.cli.deployed import Deployed
from truffle import Truffle
from truffle.core.pricing import PriceBook
from truffle.core.stranded import stranded

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def beside(deployed: Deployed) -> Deployed:
    """Two instances that avoid an idle reservation."""
    row = an_odcr("cr-a", available_capacity=3)
    instances = [an_on_demand_instance("i-1"), an_on_demand_instance("i-2")]
    deployed.collected(OHIO, row)
    deployed.stranded = [StrandedResult(OHIO, AT, tuple(stranded([row], instances)))]
    return deployed


def test_the_table_has_the_cost_the_reason_and_the_fix(
    truffle: Run, beside: Deployed, api_url: str
) -> None:
    beside.prices = PriceBook({"p4d.*": 30.0})
    found = truffle("stranded", "--api-url", api_url)
    assert found.status == 0
    assert "2 instances beside idle capacity, $60.00 an hour" in found.out
    assert "preference-none: The instances avoid every reservation" in found.out


def test_without_a_price_the_cost_is_unknown(truffle: Run, beside: Deployed, api_url: str) -> None:
    found = truffle("stranded", "--api-url", api_url)
    assert "price unknown for 2 instances" in found.out
    (item,) = truffle("stranded", "--api-url", api_url, "-o", "json").json
    assert (item["usd_per_hour"], item["instances"]) == (None, 2)


def test_a_scope_that_was_not_asked_is_named(
    truffle: Run, deployed: Deployed, api_url: str
) -> None:
    deployed.collected(OHIO, an_odcr("cr-a"))
    deployed.stranded = [StrandedResult(OHIO, AT, error="Throttled", message="Slow down.")]
    found = truffle("stranded", "--api-url", api_url)
    assert (found.status, "instances not listed: Throttled" in found.err) == (3, True)


def test_python_has_the_findings(beside: Deployed, api_url: str) -> None:
    found = Truffle(api_url=api_url).stranded(instance_types="p4d.*")
    assert [each.stranded.instance_ids for each in found] == [("i-1", "i-2")]
    assert found[0].fix
    assert Truffle(api_url=api_url).stranded(instance_types="p5.*") == []
