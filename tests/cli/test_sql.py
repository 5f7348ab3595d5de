"""``truffle sql`` over a folder, as it is typed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.builders import NOON, an_odcr
from tests.sql.buckets import look
from truffle.cli.running import run


@pytest.fixture
def folder(tmp_path: Path) -> str:
    look(tmp_path, NOON, an_odcr(tags={"Team": "a, b"}))
    return str(tmp_path)


QUERY = "SELECT reservation_id AS id, total_capacity AS total, tags, end_date FROM snapshots"


def test_a_table(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sql", "--local", folder, QUERY]) == 0
    shown = capsys.readouterr().out
    assert '| cr-odcr |     8 | {"Team":"a, b"} |          |' in shown
    assert "1 row" in shown


def test_json(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(["sql", "--local", folder, "-o", "json", QUERY])
    assert json.loads(capsys.readouterr().out) == [
        {"id": "cr-odcr", "total": 8, "tags": {"Team": "a, b"}, "end_date": None}
    ]


def test_csv(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(["sql", "--local", folder, "-o", "csv", QUERY])
    assert capsys.readouterr().out.splitlines() == [
        "id,total,tags,end_date",
        'cr-odcr,8,"{""Team"":""a, b""}",',
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'QUERY'"),
        (["--copy", "x", "SELECT 1"], "--copy takes no query"),
        (["--since", "7d", "SELECT 1"], "--since requires --copy"),
        (["--copy", "x", "--since", "soon"], "'soon' must be a date"),
    ],
)
def test_bad_usage(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sql", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_without_the_extra_the_error_names_it(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("truffle.sql")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert run(["sql", "--local", folder, QUERY]) == 1
    assert "pip install 'truffle[sql]'" in capsys.readouterr().err
