"""DuckDB in memory, in UTC, without installing extensions."""

from __future__ import annotations

import duckdb

Database = duckdb.DuckDBPyConnection


def connect(memory_megabytes: int | None = None) -> Database:
    """Open a new database; DuckDB chooses its memory limit if None."""
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    database.execute("SET autoinstall_known_extensions = false")
    database.execute("SET autoload_known_extensions = false")
    if memory_megabytes is not None:
        database.execute(f"SET memory_limit = '{memory_megabytes}MB'")
    return database


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
