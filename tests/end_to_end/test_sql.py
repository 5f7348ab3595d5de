"""The saved queries over the sandbox's data: Athena and DuckDB give the same rows."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lambdas.history.ledgers import LedgerStore
from sandbox.box import Sandbox
from tests.builders import an_odcr
from tests.core.market.builders import an_answer, an_offering
from tests.end_to_end.conftest import restore, rows
from truffle import BillExport, Truffle
from truffle.cli.running import run
from truffle.core.ledger import day_of, write_day
from truffle.core.market.answers import answers_key, answers_to_lines
from truffle.core.saved_queries import CUR_TABLE, SAVED_QUERIES, SavedQuery
from truffle.core.spans import Span
from truffle.core.tables import TABLES
from truffle.sql.athena import Athena
from truffle.sql.copying import Copy
from truffle.sql.database import connect
from truffle.sql.local import ask_folder

CUR_COLUMNS = {
    "line_item_usage_start_date": "timestamp",
    "line_item_unblended_cost": "double",
    "line_item_currency_code": "string",
    "capacity_reservation_capacity_reservation_arn": "string",
    "capacity_reservation_capacity_reservation_status": "string",
}
"""Of CUR 2.0 (AWS Data Exports User Guide, table dictionary, "Capacity reservation columns")."""


@pytest.fixture(autouse=True)
def healthy() -> None:
    """Nothing is changed here, so nothing has to be collected before each test."""


@pytest.fixture(scope="module")
def copy(box: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the bucket after three runs."""
    restore(box)
    box.collect()
    box.compact()
    box.collect()
    box.compact()
    folder = tmp_path_factory.mktemp("copy")
    make_bill(box, folder)
    make_ledger(box)
    make_market(box)
    box.compact()
    Copy(box.client("s3"), box.outputs["BucketName"], folder).run()
    yield folder
    box.client("glue").delete_table(DatabaseName="truffle", Name=CUR_TABLE)


def make_bill(box: Sandbox, folder: Path) -> None:
    """An export of CUR 2.0 in which one reservation was half used, in the bucket and the copy."""
    row = rows(box, "/odcrs", state="active")[0]
    at = box.now().replace(day=1, hour=5).strftime("%Y-%m-%d %H:00:00")
    target = folder / "tables" / CUR_TABLE / "part-0.parquet"
    target.parent.mkdir(parents=True)
    lines = ", ".join(
        f"(TIMESTAMP '{at}', {cost}e0, 'USD', '{row['reservation_arn']}', '{status}')"
        for cost, status in ((12.5, "Used"), (7.5, "Unused"))
    )
    with connect() as database:
        database.execute(
            f"COPY (SELECT * FROM (VALUES {lines}) AS t({', '.join(CUR_COLUMNS)})) TO '{target}'"
        )
    bucket, key = box.outputs["BucketName"], f"exports/{CUR_TABLE}/part-0.parquet"
    box.client("s3").upload_fileobj(io.BytesIO(target.read_bytes()), bucket, key)
    box.client("glue").create_table(
        DatabaseName="truffle",
        TableInput={
            "Name": CUR_TABLE,
            "Parameters": {"classification": "parquet"},
            "StorageDescriptor": {
                "Location": f"s3://{bucket}/exports/{CUR_TABLE}/",
                "Columns": [{"Name": name, "Type": kind} for name, kind in CUR_COLUMNS.items()],
                "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                "SerdeInfo": {
                    "SerializationLibrary": (
                        "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
                    )
                },
            },
        },
    )


def make_ledger(box: Sandbox) -> None:
    """A ledger of yesterday: eight instances all day, of which five were used."""
    day = day_of(box.now()) - timedelta(days=1)
    spans = [Span(an_odcr(tags={"Team": "research"}), day, day + timedelta(days=1))]
    LedgerStore(box.client("s3"), box.outputs["BucketName"]).write(day, write_day(spans, day), "")


def make_market(box: Sandbox) -> None:
    """Two answers of yesterday to a watch: a block on sale, then none."""
    at = day_of(box.now()) - timedelta(hours=2)
    answers = [an_answer(an_offering(40), at=at), an_answer(at=at + timedelta(hours=1))]
    content = answers_to_lines(answers)
    box.client("s3").put_object(
        Bucket=box.outputs["BucketName"],
        Key=answers_key("us-east-2", at, content),
        Body=gzip.compress(content),
    )


def athena(box: Sandbox) -> Athena:
    return Athena(box.client("athena"), box.outputs["WorkgroupName"], box.outputs["DatabaseName"])


def of_now(saved: SavedQuery, copy: Path) -> str:
    """The query with the month and the moment of the sandbox's data."""
    ((moment, month),) = ask_folder(
        copy, "SELECT max(observed_at), date_trunc('month', max(observed_at)) FROM listings"
    ).rows
    first = datetime.fromisoformat(month)
    following = (first + timedelta(days=31)).replace(day=1)
    before = datetime.fromisoformat(moment) - timedelta(seconds=1)
    changes = {
        "TIMESTAMP '2026-11-24 12:00:00'": f"TIMESTAMP '{before:%Y-%m-%d %H:%M:%S}'",
        "2026-11-24": f"{before:%Y-%m-%d}",
        "2026-12-01": f"{following:%Y-%m-%d}",
        "2026-11-30": f"{following:%Y-%m-%d}",
        "2026-11-01": f"{first:%Y-%m-%d}",
    }
    anything = "|".join(map(re.escape, changes))
    return re.sub(anything, lambda found: changes[found[0]], saved.sql)


def comparable(answers: Any) -> list[list[Any]]:
    """Numbers without their type: the embedded Athena returns sums as text."""

    def plain(value: Any) -> Any:
        if isinstance(value, bool) or value is None:
            return value
        try:
            return round(float(value), 6)
        except ValueError:
            return value

    return [[plain(value) for value in row] for row in answers]


@pytest.mark.parametrize("saved", SAVED_QUERIES, ids=lambda it: it.name)
def test_both_engines_answer_alike(box: Sandbox, copy: Path, saved: SavedQuery) -> None:
    sql = of_now(saved, copy)
    by_athena, by_duckdb = athena(box).ask(sql, 60), ask_folder(copy, sql)
    assert by_athena.columns == by_duckdb.columns
    assert comparable(by_athena.rows) == comparable(by_duckdb.rows)


@pytest.mark.parametrize("table", [name for name in TABLES if name != "events"])
def test_every_table_has_rows(box: Sandbox, copy: Path, table: str) -> None:
    count = f"SELECT count(*) AS n FROM {table}"
    ((by_athena,),) = athena(box).ask(count, 60).rows
    ((by_duckdb,),) = ask_folder(copy, count).rows
    assert by_athena == by_duckdb > 0


def test_the_newest_rows_are_those_of_the_api(box: Sandbox, copy: Path) -> None:
    query = "SELECT reservation_id FROM spans WHERE valid_to IS NULL"
    held = {row[0] for row in ask_folder(copy, query).rows}
    assert held == {item["reservation_id"] for item in rows(box)}


@pytest.fixture
def typed(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are typed as ``python -m sandbox env`` prepares them."""
    for name, value in box.environment().items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("typed", "copy")
def test_the_command_asks_athena(capsys: pytest.CaptureFixture[str]) -> None:
    query = "SELECT region, outcome FROM listings ORDER BY observed_at LIMIT 1"
    assert run(["sql", query, "-o", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["outcome"] in ("succeeded", "failed")


@pytest.mark.usefixtures("typed", "copy")
def test_a_query_that_athena_refuses_is_an_error_with_its_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["sql", "SELECT nothing FROM spans"]) == 1
    assert "The query failed: " in capsys.readouterr().err


@pytest.mark.usefixtures("typed", "copy")
def test_the_command_copies_the_bucket_of_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TRUFFLE_BUCKET")
    assert run(["sql", "--copy", str(tmp_path)]) == 0
    capsys.readouterr()
    query = "SELECT count(*) AS n FROM spans"
    answers = []
    for arguments in (["sql", "--local", str(tmp_path), query], ["sql", query]):
        assert run([*arguments, "-o", "json"]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0] == answers[1]


def test_a_bill_stands_beside_what_was_seen(box: Sandbox, copy: Path) -> None:
    (saved,) = [it for it in SAVED_QUERIES if CUR_TABLE in it.sql]
    answers = ask_folder(copy, of_now(saved, copy)).objects()
    (billed,) = [row for row in answers if row["billed_usd"] is not None]
    assert (billed["billed_usd"], billed["unused_usd"]) == (20.0, 7.5)
    assert billed["reservation_id"] is not None


@pytest.mark.usefixtures("typed")
def test_a_bill_stands_beside_usage_from_both_engines(box: Sandbox, copy: Path) -> None:
    client = Truffle(api_url=box.environment()["TRUFFLE_API_URL"])
    month, day = box.now().replace(day=1), day_of(box.now()) + timedelta(days=1)
    by_both = [
        client.usage(month.date().isoformat(), day, "total", "reservation", bill=export)
        for export in (CUR_TABLE, BillExport(CUR_TABLE, copy))
    ]
    for usage in by_both:
        billed = {row.group["reservation"]: row.to_json()["billed_cost"] for row in usage}
        assert sum(filter(None, billed.values())) + sum(usage.billed_elsewhere.values()) == 20
        assert len(billed) > 1
