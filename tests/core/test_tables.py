"""The declaration of the tables: complete, and spelled as Glue and DuckDB take it."""

from __future__ import annotations

import duckdb
import pytest

from truffle.core.codec import FIELD_NAMES
from truffle.core.layout import SOURCES
from truffle.core.tables import TABLES, duckdb_type


@pytest.mark.parametrize("table", ["snapshots", "spans"])
def test_every_field_of_a_reservation_is_a_column(table: str) -> None:
    names = {column.name for column in TABLES[table].columns}
    assert names >= {*FIELD_NAMES["Odcr"], *FIELD_NAMES["CapacityBlock"]}


def test_every_table_has_objects_to_be_made_from() -> None:
    assert TABLES.keys() == SOURCES.keys()


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_duckdb_takes_every_type(table: object) -> None:
    with duckdb.connect() as database:
        for column in table.columns:  # type: ignore[attr-defined]
            database.execute(f"SELECT CAST(NULL AS {duckdb_type(column.type)})")
