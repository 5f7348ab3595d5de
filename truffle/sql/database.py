"""DuckDB as truffle uses it: in memory, in UTC, without extensions from anywhere."""

from __future__ import annotations

import duckdb

from truffle.core.tables import Column

Database = duckdb.DuckDBPyConnection


def connect(memory_megabytes: int | None = None) -> Database:
    """A new database; its memory is DuckDB's own choice where None is given."""
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    database.execute("SET autoinstall_known_extensions = false")
    database.execute("SET autoload_known_extensions = false")
    if memory_megabytes is not None:
        database.execute(f"SET memory_limit = '{memory_megabytes}MB'")
    return database


def literal(text: str) -> str:
    """A text as SQL spells it."""
    return "'" + text.replace("'", "''") + "'"


def name(column: Column) -> str:
    return f'"{column.name}"'
