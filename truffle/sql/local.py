"""Queries with DuckDB over a folder that is a copy of the bucket."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from truffle.core.layout import (
    SOURCES,
    STATE_KEY,
    TABLES_PREFIX,
    Source,
    State,
    day_of_key,
    days_to_make,
    fingerprint,
    period_of,
    state_of,
    state_text,
    with_days,
)
from truffle.core.suggest import nearest
from truffle.core.tables import PARTITION, TABLES, duckdb_type
from truffle.errors import TruffleError
from truffle.sql.answer import SqlResult, answer
from truffle.sql.compaction import Compaction
from truffle.sql.database import Database, connect, literal
from truffle.sql.folder import Folder
from truffle.sql.listings import Damaged


class SqlError(TruffleError):
    """An invalid query or folder; the text is the reason."""


def ask_folder(folder: Path, query: str) -> SqlResult:
    """Run a SELECT over a copy of the bucket.

    Files of new objects are built in the folder first. Raises SqlError.
    """
    if not any((folder / name).is_dir() for name in {TABLES_PREFIX, *SOURCES.values()}):
        raise SqlError(
            f"{folder} has no copy of the bucket: make one with truffle sql --copy {folder}."
        )
    database = connect()
    try:
        named = _tables_of(database, query)
        _bring_up_to_date(folder, database, named)
        _lock(database, folder)
        try:
            return _asked(database, folder, named, query)
        except (duckdb.BinderException, duckdb.InvalidInputException):
            return _asked(database, folder, named, query, has_older_files=True)
    except (duckdb.Error, Damaged, OSError) as error:
        raise SqlError(_sentence(error, folder)) from error
    finally:
        database.close()


def _asked(
    database: Database,
    folder: Path,
    named: Collection[str],
    query: str,
    has_older_files: bool = False,
) -> SqlResult:
    """The result from a database that reads only the tables.

    Files of earlier releases lack columns. To detect that, DuckDB must open each file before the
    query, which takes longer than most queries, so this is done only if some file lacks columns of
    the newest one.
    """
    _make_views(database, folder, named, has_older_files)
    result = database.execute(query)
    columns = [str(column[0]) for column in result.description or ()]
    return answer(columns, result.fetchall())


def _tables_of(database: Database, query: str) -> set[str]:
    """The tables that a query names, in lower case. Raises SqlError unless it is one SELECT."""
    row = database.execute("SELECT json_serialize_sql(?)", [query]).fetchone()
    parsed = json.loads(row[0]) if row else {}
    if parsed.get("error"):
        raise SqlError(f"The query must be one SELECT: {parsed['error_message']}")
    if len(parsed["statements"]) != 1:
        raise SqlError(f"The query must be one SELECT, not {len(parsed['statements'])} statements.")
    return set(_named(parsed))


def _named(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if node.get("type") == "BASE_TABLE":
            yield str(node["table_name"]).lower()
        for value in node.values():
            yield from _named(value)
    elif isinstance(node, list):
        for value in node:
            yield from _named(value)


def _bring_up_to_date(folder: Path, database: Database, named: Collection[str]) -> None:
    """Build the files of the tables that a query names, for the days whose objects have changed."""
    state = read_state(folder)
    marks = {prefix: _fingerprints(folder, prefix) for prefix in set(SOURCES.values())}
    maker = Folder(folder, Compaction(database), period_of(state))
    for table in sorted(named & TABLES.keys()):
        now = marks[SOURCES[table]]
        days = days_to_make(table, now, state)
        if days:
            made = maker.make(table, days)
            state = with_days(state, table, {day: now[day] for day in made})
            write_state(folder, state)


def _fingerprints(folder: Path, prefix: str) -> dict[date, str]:
    """The fingerprints of the days whose objects are in the folder."""
    sources: dict[date, list[Source]] = defaultdict(list)
    for place, _, names in os.walk(folder / prefix):
        for name in names:
            path = Path(place, name)
            key = path.relative_to(folder).as_posix()
            day = day_of_key(key)
            if day is not None:
                found = path.stat()
                sources[day].append(Source(key, found.st_size, found.st_mtime))
    return {day: fingerprint(members) for day, members in sources.items()}


def read_state(folder: Path) -> State:
    path = folder / STATE_KEY
    return state_of(path.read_text("utf-8")) if path.exists() else {}


def write_state(folder: Path, state: State) -> None:
    path = folder / STATE_KEY
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(state_text(state), "utf-8")


def _make_views(
    database: Database, folder: Path, named: Collection[str], has_older_files: bool
) -> None:
    """Create a view for each table, and for each other folder of Parquet files beside them. Only
    tables that a query names have rows, since each file of a view is opened."""
    tables = folder / TABLES_PREFIX
    others = {path.name for path in tables.iterdir() if path.is_dir()} if tables.is_dir() else set()
    for name in sorted(TABLES.keys() | others):
        paths = sorted(map(str, tables.glob(f"{name}/**/*.parquet")), reverse=True)
        if paths and (name.lower() in named or name not in TABLES):
            rows = _parquet(name, paths, has_older_files)
        elif name in TABLES:
            rows = _nothing(name)
        else:
            continue
        database.execute(f'CREATE OR REPLACE VIEW "{name}" AS {rows}')


def _parquet(name: str, paths: list[str], has_older_files: bool) -> str:
    """The rows of a table's files, the newest first, whose columns apply to all."""
    files = ", ".join(map(literal, paths))
    if name not in TABLES:
        return f"SELECT * FROM read_parquet([{files}], union_by_name = true)"
    columns = ", ".join(f'"{it.name}"' for it in (*TABLES[name].columns, PARTITION))
    by_day = f"hive_partitioning = true, hive_types = {{'{PARTITION.name}': VARCHAR}}"
    if not has_older_files:
        return f"SELECT {columns} FROM read_parquet([{files}], {by_day})"
    return (
        f"SELECT {columns} FROM (({_nothing(name)}) UNION ALL BY NAME "
        f"SELECT * FROM read_parquet([{files}], union_by_name = true, {by_day}))"
    )


def _nothing(name: str) -> str:
    columns = (*TABLES[name].columns, PARTITION)
    nulls = ", ".join(f'CAST(NULL AS {duckdb_type(it.type)}) AS "{it.name}"' for it in columns)
    return f"SELECT {nulls} WHERE false"


def _lock(database: Database, folder: Path) -> None:
    """Restrict queries to the tables from here on (DuckDB, "Securing DuckDB")."""
    database.execute(f"SET allowed_directories = [{literal(str(folder / TABLES_PREFIX))}]")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")


def _sentence(error: Exception, folder: Path) -> str:
    if isinstance(error, OSError):
        return f"{folder} cannot be used: {error}."
    text = str(error)
    if isinstance(error, duckdb.CatalogException) and "Table with name" in text:
        name = text.partition("Table with name ")[2].partition(" ")[0]
        near = nearest(name, TABLES)
        hint = f" Did you mean {near}?" if near else ""
        return f"There is no table {name}: the tables are {', '.join(TABLES)}.{hint}"
    return text
