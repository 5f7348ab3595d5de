"""``truffle usage`` and ``tf.usage()``: the usage of a period, from a deployed stack."""

from __future__ import annotations

import asyncio
import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.builders import HOME, OHIO, a_block, an_odcr
from tests.cli.conftest import Run
from tests.cli.deployed import Deployed
from truffle import AsyncTruffle, Truffle
from truffle.core.billed import Bill, BilledFee
from truffle.core.pricing import PriceBook
from truffle.core.spans import Span
from truffle.query import BadArgument

DAY = datetime(2026, 11, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
ASKED = ("--since", "2026-11-03", "--until", "2026-11-04")


@pytest.fixture
def stack(deployed: Deployed) -> Deployed:
    """Two ODCRs on 3 November: one of the vision team without a price, one without a team."""
    tagged = an_odcr("cr-a", tags={"Team": "vision"}, instance_type="g6.xlarge")
    deployed.collected(OHIO, tagged)
    deployed.spans = [
        Span(tagged, DAY, DAY + 10 * HOUR),
        Span(an_odcr("cr-b", available_capacity=8), DAY, DAY + 5 * HOUR),
        Span(an_odcr("cr-b"), DAY + 5 * HOUR, DAY + 9 * HOUR, is_observed=False),
    ]
    deployed.prices = PriceBook(settings={"p4d.*": 30.0})
    return deployed


def test_a_table_has_totals_and_a_row_for_each_group(
    truffle: Run, api_url: str, stack: Deployed
) -> None:
    result = truffle("usage", "--api-url", api_url, *ASKED, "--by", "tag:Team")
    assert result.status == 0
    assert "120.0 reserved, 50.0 used (41.7%), 70.0 idle" in result.out
    assert "32.0 instance-hours, not counted above" in result.out
    assert "$1,200.00, of which $1,200.00 idle" in result.out
    assert "Without a price:   80.0 instance-hours" in result.out
    vision, untagged = [line for line in result.out.splitlines() if "2026-11-03 " in line][-2:]
    assert "vision" in vision
    assert "██████░░░░" in vision
    assert "(untagged)" in untagged


def test_the_totals_name_what_was_billed_for_blocks(
    truffle: Run, api_url: str, stack: Deployed
) -> None:
    """The fee of one block, and a sum whose parts are unknown."""
    block = a_block("cr-c", state="active", owner_id=HOME, region="us-east-2")
    stack.spans.append(Span(block, DAY, DAY + HOUR))
    alone = BilledFee(
        day=DAY.date(),
        account_id=HOME,
        region="us-east-2",
        instance_type=block.instance_type,
        amount=Decimal(900),
        currency="USD",
        capacity_block_id="cb",
    )
    shared = replace(alone, amount=Decimal(100), capacity_block_id=None)
    before = replace(alone, day=DAY.date() - timedelta(days=1))
    stack.prices = PriceBook(bill=Bill((alone, shared, before)))
    result = truffle("usage", "--api-url", api_url, *ASKED)
    assert (
        "$1,000.00 for capacity blocks (Cost Explorer), $100.00 of it not attributable"
        in result.out
    )
    usage = Truffle(api_url=api_url).usage("2026-11-03", "2026-11-04")
    assert [fee["amount"] for fee in usage.billed_fees] == [900, 100]


def test_json_is_the_rows_of_the_api(truffle: Run, api_url: str, stack: Deployed) -> None:
    rows = truffle("usage", "--api-url", api_url, *ASKED, "-o", "json", "--interval", "total").json
    assert [(row["group"], row["reserved_hours"]) for row in rows] == [({"type": "odcr"}, 120)]


def test_csv_has_a_column_for_each_key(truffle: Run, api_url: str, stack: Deployed) -> None:
    asked = ("usage", "--api-url", api_url, *ASKED, "--by", "reservation,tag:Team", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(truffle(*asked).out)))
    assert [(row["reservation"], row["tag:Team"]) for row in rows] == [
        ("cr-a", "vision"),
        ("cr-b", ""),
    ]
    assert [row["reserved_cost"] for row in rows] == ["", "1200.0"]


def test_prices_name_their_source(truffle: Run, api_url: str, stack: Deployed) -> None:
    asked = ("usage", "--api-url", api_url, *ASKED, "--prices")
    table = truffle(*asked).out
    assert "$30.00" in table
    assert "settings" in table
    assert "unknown" in table
    prices = truffle(*asked, "-o", "json").json
    assert {it["instance_type"]: it["per_instance_hour"] for it in prices} == {
        "g6.xlarge": None,
        "p4d.24xlarge": 30.0,
    }


def test_days_without_snapshots_are_named(truffle: Run, api_url: str, stack: Deployed) -> None:
    stack.missing_days = ["2026-11-03"]
    assert "the first of them 2026-11-03" in truffle("usage", "--api-url", api_url, *ASKED).err


def test_filters_reach_the_stack(truffle: Run, api_url: str, stack: Deployed) -> None:
    asked = ("usage", "--api-url", api_url, *ASKED, "-o", "json")
    assert truffle(*asked, "--blocks").json == []
    (row,) = truffle(*asked, "--tags", "Team=vision").json
    assert row["reserved_hours"] == 80


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--by", "colour"), ("--interval", "hours"), ("--since", "soon"), ("--until", "2026-11-01")],
)
def test_bad_usage(truffle: Run, api_url: str, stack: Deployed, flag: str, value: str) -> None:
    asked = {"--since": "2026-11-03", "--until": "2026-11-04", flag: value}
    arguments = [text for pair in asked.items() for text in pair]
    result = truffle("usage", "--api-url", api_url, *arguments)
    assert result.status == 2
    assert flag in result.err


def test_without_a_stack_there_is_no_usage(truffle: Run) -> None:
    result = truffle("usage")
    assert result.status == 2
    assert "--api-url" in result.err


def test_python_has_the_rows_and_what_they_rest_on(api_url: str, stack: Deployed) -> None:
    usage = Truffle(api_url=api_url).usage(DAY, DAY + 24 * HOUR, "total", ["type", "tag:Team"])
    assert [(row.group["tag:Team"], row.reserved_hours) for row in usage] == [
        ("vision", 80),
        (None, 40),
    ]
    assert (usage.since, usage.until) == (DAY, DAY + 24 * HOUR)
    assert usage[0].reserved_cost is None
    assert usage[0].unpriced_hours == 80


def test_a_gzipped_answer_is_the_same(api_url: str, stack: Deployed) -> None:
    whole = [row.to_json() for row in Truffle(api_url=api_url).usage()]
    stack.gzips = True
    assert [row.to_json() for row in Truffle(api_url=api_url).usage()] == whole


def test_asyncio_has_the_same(api_url: str, stack: Deployed) -> None:
    usage = asyncio.run(AsyncTruffle(api_url=api_url).usage("2026-11-03", "2026-11-04"))
    assert [row.reserved_hours for row in usage] == [120]


def test_python_without_a_stack_has_no_usage() -> None:
    with pytest.raises(BadArgument, match="usage"):
        Truffle().usage()
