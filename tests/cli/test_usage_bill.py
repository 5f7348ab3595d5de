"""``truffle usage --bill`` and ``tf.usage(bill=…)``: what a CUR 2.0 export bills beside the use."""

from __future__ import annotations

import csv
import io
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.builders import OHIO, an_odcr
from tests.cli.conftest import Run
from tests.cli.deployed import Deployed
from truffle import BillExport, Truffle
from truffle.core.pricing import PriceBook
from truffle.core.spans import Span
from truffle.errors import TruffleError
from truffle.query import BadArgument
from truffle.sql.database import connect

DAY = datetime(2026, 11, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
ASKED = ("--since", "2026-11-03", "--until", "2026-11-05", "--by", "reservation")
LINES = (
    ("2026-11-03 00:00:00", 100.10, "cr-a", "Used"),
    ("2026-11-03 05:00:00", 50.05, "cr-a", "Unused"),
    ("2026-11-04 00:00:00", 7.00, "cr-a", "Used"),
    ("2026-11-05 00:00:00", 9000.0, "cr-a", "Used"),
    ("2026-11-03 00:00:00", 12.34, "cr-gone", "Used"),
)


@pytest.fixture
def stack(deployed: Deployed) -> Deployed:
    """Two ODCRs on 3 November, at 30 USD an instance-hour by the list."""
    deployed.collected(OHIO, an_odcr("cr-a"), an_odcr("cr-b"))
    deployed.spans = [
        Span(an_odcr(name), DAY, DAY + hours * HOUR) for name, hours in (("cr-a", 24), ("cr-b", 1))
    ]
    deployed.prices = PriceBook(settings={"p4d.*": 30.0})
    return deployed


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the bucket, with an export of the bill beside the tables."""
    target = tmp_path / "tables" / "cur2" / "part-0.parquet"
    target.parent.mkdir(parents=True)
    arn = "arn:aws:ec2:us-east-2:111122223333:capacity-reservation/"
    lines = ", ".join(
        f"(TIMESTAMP '{at}', {cost}e0, 'USD', '{arn}{name}', '{status}')"
        for at, cost, name, status in LINES
    )
    names = (
        "line_item_usage_start_date, line_item_unblended_cost, line_item_currency_code, "
        "capacity_reservation_capacity_reservation_arn, "
        "capacity_reservation_capacity_reservation_status"
    )
    with connect() as database:
        database.execute(f"COPY (SELECT * FROM (VALUES {lines}) AS t({names})) TO '{target}'")
    return tmp_path


def test_a_row_has_what_is_billed_for_its_reservation_and_day(
    api_url: str, stack: Deployed, copy: Path
) -> None:
    usage = Truffle(api_url=api_url).usage(
        "2026-11-03", "2026-11-05", by="reservation", bill=BillExport("cur2", copy)
    )
    found = [(row.group["reservation"], row.to_json()["billed_cost"]) for row in usage]
    assert found == [("cr-a", 150.15), ("cr-b", None)]
    assert [row.reserved_cost for row in usage] == [5760, 240]


@pytest.mark.parametrize("interval", ["day", "week", "month", "total"])
def test_rows_and_the_rest_add_up_to_the_bill(
    api_url: str, stack: Deployed, copy: Path, interval: str
) -> None:
    usage = Truffle(api_url=api_url).usage(
        "2026-11-03", "2026-11-05", interval, "reservation", bill=BillExport("cur2", copy)
    )
    rows = sum(row.to_json()["billed_cost"] or 0 for row in usage)
    assert round(rows + usage.billed_elsewhere["USD"], 2) == 169.49


def test_the_table_labels_list_price_and_bill(
    truffle: Run, api_url: str, stack: Deployed, copy: Path
) -> None:
    asked = ("--bill", "cur2", "--local", str(copy))
    out = truffle("usage", "--api-url", api_url, *ASKED, *asked, "-o", "wide").out
    assert "Cost:              $6,000.00" in out
    assert "Billed:            $150.15 unblended (cur2)" in out
    assert "Without a bill:    1 row" in out
    assert "Billed elsewhere:  $19.34" in out
    table = [line.strip("| ").split("|") for line in out.splitlines() if line.startswith("|")]
    assert [row[-1].strip() for row in table] == ["Billed", "$150.15", "-"]


def test_csv_has_the_bill(truffle: Run, api_url: str, stack: Deployed, copy: Path) -> None:
    asked = ("--bill", "cur2", "--local", str(copy), "-o", "csv")
    rows = list(
        csv.DictReader(io.StringIO(truffle("usage", "--api-url", api_url, *ASKED, *asked).out))
    )
    assert [(row["billed_cost"], row["billed_currency"]) for row in rows] == [
        ("150.15", "USD"),
        ("", ""),
    ]


def test_without_a_bill_no_row_mentions_one(truffle: Run, api_url: str, stack: Deployed) -> None:
    rows = truffle("usage", "--api-url", api_url, *ASKED, "-o", "json").json
    assert not any("billed_cost" in row for row in rows)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--bill", "cur2; DROP TABLE x", "--by", "reservation"], "--bill: invalid value"),
        (["--bill", "cur2", "--by", "owner"], "--by: invalid value 'owner'"),
        (["--bill", "cur2"], "--by: invalid value 'type'"),
        (
            ["--bill", "cur2", "--by", "reservation", "--interval", "hour"],
            "day, week, month, total",
        ),
        (["--local", "copy", "--by", "reservation"], "--local requires --bill"),
    ],
)
def test_what_no_bill_can_stand_beside_is_refused_before_any_call(
    truffle: Run, api_url: str, stack: Deployed, arguments: list[str], text: str
) -> None:
    result = truffle("usage", "--api-url", api_url, *arguments)
    assert result.status == 2
    assert text in result.err
    assert stack.requests == []


def test_a_part_of_a_day_has_no_bill(api_url: str, stack: Deployed, copy: Path) -> None:
    with pytest.raises(BadArgument, match=r"since.*midnight"):
        Truffle(api_url=api_url).usage(
            DAY + 5 * HOUR, DAY + 24 * HOUR, by="reservation", bill=BillExport("cur2", copy)
        )


def test_a_table_that_is_not_in_the_copy_is_an_error(
    truffle: Run, api_url: str, stack: Deployed, copy: Path
) -> None:
    asked = ("--bill", "nothing", "--local", str(copy))
    result = truffle("usage", "--api-url", api_url, *ASKED, *asked)
    assert result.status == 1
    assert "There is no table nothing" in result.err


def test_a_copy_without_the_extra_names_it(
    api_url: str, stack: Deployed, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("truffle.sql")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    export = BillExport("cur2", copy)
    with pytest.raises(TruffleError, match=r"package duckdb: pip install 'truffle\[sql\]'"):
        Truffle(api_url=api_url).usage(DAY, by="reservation", bill=export)
