"""``docs/sql.md`` has the tables, columns and saved queries that the code declares."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from truffle.core.saved_queries import CUR_TABLE, SAVED_QUERIES, SavedQuery
from truffle.core.tables import PARTITION, TABLES, Table

PAGE = (Path(__file__).parent.parent.parent / "docs" / "sql.md").read_text("utf-8")


def section(title: str) -> str:
    (found,) = re.findall(rf"^### {re.escape(title)}\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S)
    return str(found)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_is_documented_column_by_column(table: Table) -> None:
    text = section(f"`{table.name}`")
    assert " ".join(text.split()).startswith(f"{table.meaning} `dt`: {table.day}")
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \| (.+) \|$", text, re.M)
    assert rows == [(it.name, it.type, it.meaning) for it in (*table.columns, PARTITION)]


def test_every_saved_query_is_documented() -> None:
    assert len(SAVED_QUERIES) >= 10
    assert re.findall(r"^### ([^`].*)$", PAGE, re.M) == [saved.title for saved in SAVED_QUERIES]


@pytest.mark.parametrize("saved", SAVED_QUERIES, ids=lambda it: it.name)
def test_a_query_is_documented_as_it_is_saved(saved: SavedQuery) -> None:
    text = section(saved.title)
    assert re.findall(r"^```sql\n(.*?)\n```$", text, re.M | re.S) == [saved.sql]
    assert saved.hint in text


@pytest.mark.parametrize("dialect", ["athena", "trino"])
@pytest.mark.parametrize("saved", SAVED_QUERIES, ids=lambda it: it.name)
def test_a_query_is_valid_in_each_dialect(saved: SavedQuery, dialect: str) -> None:
    parsed = sqlglot.parse_one(saved.sql, read=dialect)
    assert isinstance(parsed, exp.Select)
    names = {table.name for table in parsed.find_all(exp.Table)}
    own = {cte.alias_or_name for cte in parsed.find_all(exp.CTE)}
    assert names - own <= {*TABLES, CUR_TABLE}


@pytest.mark.parametrize("saved", SAVED_QUERIES, ids=lambda it: it.name)
def test_a_query_reads_tags_and_quotients_as_both_engines_do(saved: SavedQuery) -> None:
    """Trino fails for a tag that is not there, and cuts the quotient by a decimal to its scale."""
    assert "tags[" not in saved.sql.replace("try(tags[", "")
    assert not re.search(r"\d\.\d+(?!e)\b", saved.sql)
