"""A made-up year of tables, asked every documented question by DuckDB: sizes and seconds.

``python -m benchmarks.sql [--reservations 10000] [--days 365] [--snapshot-days 5] [--runs 3]``

5 % of the reservations change in an hour. The tables are made by SQL, spread as ``compact`` makes
them; ``snapshots`` only for the last days, and their size over all days is computed from that.
Beside it, Python and pandas read the raw objects of one day of up to 1,000 reservations, made by
the collector's own archive. At the end, the goals.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas

from benchmarks.numbers import number
from lambdas.store.archive import Archive
from truffle.core.layout import table_key
from truffle.core.model import Odcr, Scope, Snapshot
from truffle.core.questions import CUR_TABLE, QUESTIONS
from truffle.core.tables import TABLES, duckdb_type
from truffle.sql.database import Database, connect
from truffle.sql.local import ask_folder

LAST = date(2026, 11, 30)
"""The last day; the questions ask about its month."""

REGIONS = 30
SECONDS = 1.0
"""The most that a question may take over a year of 10,000 reservations."""

MEGABYTES = 300
"""The most that a year of 10,000 reservations may have."""

RAW_RESERVATIONS = 1_000

Row = Mapping[str, str]

RESERVATION: Row = {
    "reservation_id": "printf('cr-%017x', id)",
    "reservation_arn": "printf('arn:aws:ec2:us-east-1:1:capacity-reservation/cr-%017x', id)",
    "type": "'odcr'",
    "account_id": "'123456789012'",
    "owner_id": "'123456789012'",
    "region": f"printf('region-%02d', id % {REGIONS})",
    "instance_type": "['p5.48xlarge', 'p4d.24xlarge', 'g6.xlarge'][id % 3 + 1]",
    "platform": "'Linux/UNIX'",
    "tenancy": "'default'",
    "state": "'active'",
    "total_capacity": "8",
    "used_capacity": "used",
    "available_capacity": "8 - used",
    "utilization": "used / 8",
    "create_date": "TIMESTAMP '2025-01-01 00:00:00'",
    "accelerator": "{'name': 'H100', 'manufacturer': 'NVIDIA', 'count': 8, 'total_count': 64}",
    "tags": "MAP {'Team': printf('team-%d', id % 40), 'team': 'x', 'Name': printf('n-%d', id)}",
    "seen_by": "['123456789012']",
}
"""The columns of a made-up reservation with a number ``id``, of which ``used`` are in use."""


@dataclass(frozen=True, slots=True)
class World:
    """So many reservations over so many days, in a folder."""

    folder: Path
    database: Database
    reservations: int
    days: int

    def day(self, back: int) -> date:
        return LAST - timedelta(days=back)

    def write(self, table: str, day: date, values: Row, source: str) -> int:
        """Write a table's file of a day; its bytes."""
        columns = ", ".join(
            f'CAST({values.get(it.name, "NULL")} AS {duckdb_type(it.type)}) AS "{it.name}"'
            for it in TABLES[table].columns
        )
        target = self.folder / table_key(table, day)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.database.execute(
            f"COPY (SELECT {columns} FROM {source} ORDER BY {', '.join(TABLES[table].order)}) "
            f"TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
        )
        return target.stat().st_size

    def write_spans(self, back: int) -> int:
        """Each hour, one reservation of twenty ends a span that began 20 hours before."""
        day = self.day(back)
        source = (
            "(SELECT id, hour, CAST(hash(id, hour // 20) % 9 AS BIGINT) AS used FROM "
            f"range({self.reservations}) AS r(id), "
            f"range({back * -24}, {back * -24 + 24}) AS h(hour)"
            f" WHERE (id + hour) % 20 = 0{' OR hour = 23' if back == 0 else ''})"
        )
        at = f"TIMESTAMP '{LAST}' + to_hours(CAST(hour AS INTEGER))"
        ends = f"CASE WHEN (id + hour) % 20 = 0 THEN {at} END" if back == 0 else at
        values = {
            **RESERVATION,
            "valid_from": f"{at} - INTERVAL 20 HOUR",
            "valid_to": ends,
            "known_until": at,
            "digest": "printf('%016x', hash(id, hour // 20))",
        }
        return self.write("spans", day, values, source)

    def write_snapshots(self, back: int) -> int:
        source = (
            "(SELECT id, hour, CAST(hash(id, (id + hour) // 20) % 9 AS BIGINT) AS used FROM "
            f"range({self.reservations}) AS r(id), range(24) AS h(hour))"
        )
        at = f"TIMESTAMP '{self.day(back)}' + to_hours(CAST(hour AS INTEGER))"
        return self.write("snapshots", self.day(back), {**RESERVATION, "observed_at": at}, source)

    def write_usage(self, back: int) -> int:
        hours = {
            "reserved_hours": "8 * 24",
            "used_hours": "used * 24",
            "idle_hours": "(8 - used) * 24",
            "unobserved_hours": "0",
        }
        source = (
            f"(SELECT id, CAST(hash(id, {back}) % 9 AS BIGINT) AS used FROM "
            f"range({self.reservations}) AS r(id))"
        )
        return self.write("usage", self.day(back), {**RESERVATION, **hours}, source)

    def write_others(self, back: int) -> int:
        """The listings, events and runs of a day."""
        day = self.day(back)
        at = f"TIMESTAMP '{day}' + to_hours(CAST(i % 24 AS INTEGER))"
        listings = {
            "account_id": "'123456789012'",
            "region": "printf('region-%02d', i // 24)",
            "observed_at": at,
            "outcome": "CASE WHEN hash(i) % 50 = 0 THEN 'failed' ELSE 'succeeded' END",
        }
        events = {
            "event_id": f"printf('%s-%d', '{day}', i)",
            "type": "'resized'",
            "severity": "'info'",
            "observed_at": at,
            "reservation_id": "printf('cr-%017x', i)",
        }
        runs = {"run_id": f"printf('%s-%02d', '{day}', i)", "started_at": at, "seconds": "i"}
        return (
            self.write("listings", day, listings, f"range({24 * REGIONS}) AS r(i)")
            + self.write("events", day, events, f"range({self.reservations // 20}) AS r(i)")
            + self.write("runs", day, runs, "range(24) AS r(i)")
        )


def sizes(world: World, snapshot_days: int) -> float:
    """Make the tables; print their sizes, and return megabytes of all days."""
    count = min(snapshot_days, world.days)
    snapshots = sum(map(world.write_snapshots, range(count))) / count * world.days
    spans = sum(map(world.write_spans, range(world.days)))
    usage = sum(map(world.write_usage, range(world.days)))
    others = sum(map(world.write_others, range(world.days)))
    for name, size in (
        ("snapshots", snapshots),
        ("spans", spans),
        ("usage", usage),
        ("others", others),
    ):
        print(f"{name:<10} {size / 1e6:8.1f} MB")
    return (snapshots + spans + usage + others) / 1e6


def asked(folder: Path, runs: int) -> Iterator[float]:
    """Print the seconds of each question, and yield the median."""
    for question in QUESTIONS:
        if CUR_TABLE in question.sql:
            continue
        sql = question.sql.replace("dt >= '2026-11-01'", "dt >= '2000-01-01'")
        took = [seconds(lambda sql=sql: ask_folder(folder, sql)) for _ in range(runs)]  # type: ignore[misc]
        median = statistics.median(took)
        print(f"{question.name:<24} {median:7.2f} s", flush=True)
        yield median


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@dataclass(frozen=True, slots=True)
class _Disk:
    """S3's put_object, into a folder."""

    path: Path

    def put_object(self, *, Key: str, Body: bytes, **more: Any) -> None:
        target = self.path / Key
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(Body)


def write_raw(folder: Path, reservations: int) -> None:
    """The objects of one day."""
    disk: Any = _Disk(folder)
    archive = Archive(disk, "bucket")
    for region in range(REGIONS):
        scope = Scope("123456789012", f"region-{region:02}")
        rows = [
            Odcr(f"cr-{number:017x}", account_id=scope.account_id, region=scope.region,
                 instance_type="p5.48xlarge", state="active", total_capacity=8, used_capacity=6,
                 tags={"Team": f"team-{number % 40}", "team": "x", "Name": f"n-{number}"})
            for number in range(region, reservations, REGIONS)
        ]  # fmt: skip
        for hour in range(24):
            at = datetime(LAST.year, LAST.month, LAST.day, hour, tzinfo=UTC)
            seen = tuple(replace(row, observed_at=at) for row in rows)
            archive.write_snapshots(f"{scope.region}/0", [Snapshot(scope, at, seen)])


def read_raw(folder: Path) -> None:
    """Use by team with pandas, which is what one does without tables."""
    rows = [
        json.loads(line)
        for path in folder.rglob("*.json.gz")
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    table = pandas.DataFrame([row for row in rows if "reservation_id" in row])
    table["team"] = [tags.get("Team") for tags in table["tags"]]
    table.groupby("team")[["total_capacity", "used_capacity"]].sum()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sql",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--reservations", type=number(int, 1), default=10_000)
    parser.add_argument("--days", type=number(int, 1), default=365)
    parser.add_argument("--snapshot-days", type=number(int, 1), default=5)
    parser.add_argument("--runs", type=number(int, 1), default=3, help="the median counts")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        tables, raw = Path(place, "tables-copy"), Path(place, "raw")
        database = connect()
        database.execute("SET threads = 2")
        megabytes = sizes(
            World(tables, database, chosen.reservations, chosen.days), chosen.snapshot_days
        )
        database.close()
        slowest = max(asked(tables, chosen.runs))
        few = min(chosen.reservations, RAW_RESERVATIONS)
        write_raw(raw, few)
        took = seconds(lambda: read_raw(raw))
        print(f"pandas over the raw objects of one day, {few:,} reservations: {took:.2f} s")
        print("\nGoals (a year of 10,000 reservations)")
        print(f"{'met' if slowest <= SECONDS else 'missed'}: slowest question {slowest:.2f} s")
        print(f"{'met' if megabytes <= MEGABYTES else 'missed'}: {megabytes:.0f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
