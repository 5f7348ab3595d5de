"""Build a table's file of one day, sorted Parquet, from the day's objects.

The same objects give the same bytes, in any order.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from types import MappingProxyType

from truffle.core.json_text import json_object
from truffle.core.ledger import lines_of
from truffle.core.market.answers import Answer, answers_of_lines
from truffle.core.market.rows import rows_of
from truffle.core.tables import OTHER_FIELDS, TABLES, TEAM, SqlColumn, Table, duckdb_type
from truffle.core.tag_text import TEAM_TAG
from truffle.core.times import format_time
from truffle.core.validity import ValidSpan
from truffle.sql.database import Database, literal
from truffle.sql.listings import Damaged, ListedScope, ListingContents, read_listings, read_text

SCHEMA_VERSION = 1
"""The schema version in the metadata of the tables' files."""

_KEYS = {"events": "event_id", "runs": "run_id"}
"""The columns that identify a row of a table; of the same row in several objects, one is used."""

_NUMBER = "#"
"""The key of a row's number among the distinct rows; no field has this name."""

_LARGEST_DOCUMENT = 256 * 2**20
"""The maximum size in bytes; the manifest of 30,000 scopes has 10 MB."""


_LARGEST_DICTIONARY = 2_000
"""The maximum number of values. Sorted repeated texts compress well directly, but not as packed
numbers of a large dictionary: without this limit, the names in tags made ``snapshots`` 2.8 times
larger."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """Writes files with a database. Its methods raise duckdb.Error, OSError and Damaged."""

    database: Database

    def write_listings(self, table: str, objects: Iterable[Path], target: Path) -> None:
        """Write a file of ``snapshots`` or ``listings`` from the objects of a day."""
        with tempfile.TemporaryDirectory() as folder:
            contents, observations = Path(folder, "contents.json"), Path(folder, "looks.csv")
            found = _part(objects, contents, observations)
            if table == "listings":
                self._write(TABLES[table], map(_listing_line, found), target)
            else:
                rows = _snapshot_rows(
                    contents, observations, is_empty=not any(it.rows for it in found)
                )
                self._copy(TABLES[table], rows, target)

    def write_spans(self, spans: Sequence[ValidSpan], target: Path) -> None:
        """Write a file of ``spans``."""
        self._write(TABLES["spans"], map(_span_line, spans), target)

    def write_answers(self, objects: Iterable[Path], target: Path) -> None:
        """Write a file of ``offerings`` from the answers of a day."""
        lines = (
            json.dumps(row)
            for path in sorted(objects)
            for answer in _answers(path)
            for row in rows_of(answer)
        )
        self._write(TABLES["offerings"], lines, target)

    def write_documents(self, table: str, objects: Iterable[Path], target: Path) -> None:
        """Write a file of ``usage``, ``events`` or ``runs`` from a day's objects: JSON Lines."""
        key, documents = _KEYS.get(table), {}
        for path in sorted(objects):
            for line in lines_of(read_text(path)):
                documents[json.loads(line)[key] if key else line] = line
        self._write(TABLES[table], documents.values(), target)

    def _write(self, table: Table, lines: Iterable[str], target: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "rows.json")
            with path.open("w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in lines)
            self._copy(table, _json_rows(table, path), target)

    def _copy(self, table: Table, rows: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        names = ", ".join(map(_written, table.columns))
        self.database.execute(
            f"COPY (SELECT {names} FROM ({rows}) ORDER BY {', '.join(table.order)}) "
            f"TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 9, "
            f"DICTIONARY_SIZE_LIMIT {_LARGEST_DICTIONARY}, "
            f"KV_METADATA {{schema_version: '{SCHEMA_VERSION}'}})"
        )


def _written(column: SqlColumn) -> str:
    """A column of a file: of the rows, or derived from one of theirs."""
    name = f'"{column.name}"'
    return f"tags[{literal(TEAM_TAG)}] AS {name}" if column is TEAM else name


def _answers(path: Path) -> list[Answer]:
    """Raises Damaged."""
    try:
        return answers_of_lines(read_text(path).encode())
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{path} is damaged: {error}") from error


def _part(objects: Iterable[Path], contents: Path, observations: Path) -> list[ListedScope]:
    """Write the distinct rows with their numbers, and the number and time of each row."""
    with contents.open("w", encoding="utf-8") as lines, observations.open("w") as pairs:
        numbers = count()

        def take(text: str) -> None:
            lines.write(f'{{"{_NUMBER}": {next(numbers)}, {text[1:]}\n')

        found = list(read_listings(objects, ListingContents(take)))
        pairs.writelines(f"{row},{it.observed_at}\n" for it in found for row in it.rows)
    return found


def _listing_line(listing: ListedScope) -> str:
    row = {
        "account_id": listing.account_id,
        "region": listing.region,
        "observed_at": listing.observed_at,
        "outcome": listing.outcome,
        "error": listing.error,
        "reservations": len(listing.rows) if listing.outcome == "succeeded" else None,
    }
    return json.dumps(row)


def _json_rows(table: Table, path: Path, more: Mapping[str, str] = MappingProxyType({})) -> str:
    """The rows of a JSON Lines file; a field with another type than declared is null."""
    declared = [column for column in table.columns if column not in (OTHER_FIELDS, TEAM)]
    structure = json.dumps(
        {column.name: duckdb_type(column.type) for column in declared} | {**more}
    )
    others = f", {_other_fields(table)} AS other_fields" if OTHER_FIELDS in table.columns else ""
    return (
        f"SELECT unnest(from_json(json, {literal(structure)})){others} "
        f"FROM read_ndjson_objects({literal(str(path))}, "
        f"maximum_object_size = {_LARGEST_DOCUMENT})"
    )


def _snapshot_rows(contents: Path, observations: Path, is_empty: bool) -> str:
    """Each row with the time of each listing that contains it."""
    rows = _json_rows(TABLES["snapshots"], contents, {_NUMBER: "BIGINT"})
    if is_empty:
        return rows
    return (
        f"SELECT rows.* REPLACE (look.observed_at AS observed_at) FROM ({rows}) AS rows "
        f"JOIN read_csv({literal(str(observations))}, header = false, "
        f"columns = {{number: 'BIGINT', observed_at: 'TIMESTAMP'}}) AS look "
        f'ON rows."{_NUMBER}" = look.number'
    )


def _other_fields(table: Table) -> str:
    """JSON of the undeclared fields; a merge patch with nulls removes the others (RFC 7386)."""
    known = [_NUMBER, *(it.name for it in table.columns if it is not OTHER_FIELDS)]
    nulls = literal(json.dumps(dict.fromkeys(known)))
    names = ", ".join(map(literal, known))
    return (
        f"CASE WHEN len(list_filter(json_keys(json), lambda name: name NOT IN ({names}))) > 0 "
        f"THEN CAST(json_merge_patch(json, {nulls}) AS VARCHAR) END"
    )


def _span_line(span: ValidSpan) -> str:
    more = {
        "valid_from": format_time(span.valid_from),
        "valid_to": span.valid_to and format_time(span.valid_to),
        "known_until": format_time(span.known_until),
        "digest": span.digest,
        "other_fields": json.dumps(span.others) if span.others else None,
    }
    row = replace(span.row, observed_at=span.valid_from)
    return f"{json_object(row)[:-1]}, {json.dumps(more)[1:]}"
