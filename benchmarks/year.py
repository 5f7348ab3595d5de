"""A year of tables: one day created by the product's own code, and repeated.

The collector's archive writes the objects of two equal days: each hour 5 % of the reservations
change their use, at the same hours on both days. ``compact`` and ``ledger`` build the tables of the
second day. Each day of the year gets a copy of its files, for ``spans`` with moved times: a change
on one day ends the span that began with the last change on the previous day.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.history import HOUR, Bucket, reservations
from lambdas.history.ledgers import LedgerStore, SpanReader
from lambdas.store.archive import Archive
from truffle.core.layout import table_key
from truffle.core.ledger import DAY, write_day
from truffle.core.market.answers import Answer, Outcome, answers_key, answers_to_lines
from truffle.core.market.watches import Question
from truffle.core.model import Odcr, Scope, Snapshot
from truffle.core.offerings import Offering
from truffle.core.regions import KNOWN_REGIONS
from truffle.core.saved_queries import CUR_TABLE
from truffle.core.tables import TABLES
from truffle.core.times import format_time
from truffle.sql.compaction import Compaction
from truffle.sql.database import connect, literal
from truffle.sql.folder import Folder

LAST = datetime(2026, 11, 30, tzinfo=UTC)
"""The last day; the queries are about its month."""

REGIONS = KNOWN_REGIONS[:30]
CHANCE = 0.064
"""The probability of a change in an hour. Since a single change a day has no effect, 5 % change."""

COPIED = [name for name in TABLES if name not in ("spans", "snapshots")]
"""Tables whose files of a day are copied unchanged. No query reads ``snapshots``."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The day ``LAST`` of a number of reservations: its objects, and its tables' files."""

    folder: Path
    reservations: int

    def file(self, table: str) -> Path:
        return self.folder / table_key(table, LAST.date())

    @property
    def raw(self) -> list[Path]:
        """The objects of its listings."""
        return sorted(self.folder.glob(f"snapshots/dt={LAST:%Y-%m-%d}/*/*.json.gz"))


def make_sample(folder: Path, count: int) -> Sample:
    """A sample whose tables were built by the product's code."""
    bucket = Bucket()
    _write_listings(bucket, count)
    client: Any = bucket
    spans = SpanReader.of(client, "b", HOUR).spans(LAST, LAST + DAY, LAST + DAY)
    LedgerStore(client, "b").write(LAST, write_day(spans, LAST), "")
    for key, content in [*bucket.objects.items(), *_others(count)]:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(content)
    with connect() as database:
        maker = Folder(folder, Compaction(database), HOUR)
        maker.make("spans", [(LAST - DAY).date(), LAST.date()])
        for table in ("snapshots", *COPIED):
            maker.make(table, [LAST.date()])
    return Sample(folder, count)


def _write_listings(bucket: Bucket, count: int) -> None:
    """Write hourly listings of two days, an object for each region and hour."""
    client: Any = bucket
    archive = Archive(client, "b")
    for region, scopes in _lives(count).items():
        for hour in range(24):
            at = LAST - DAY + hour * HOUR
            listings = []
            for scope, lives in scopes.items():
                rows = tuple(replace(life[hour], observed_at=at) for life in lives)
                listings.append(Snapshot(scope, at, rows))
            archive.write_snapshots(f"{region}/0", listings)
    before, after = (f"{day:%Y-%m-%d}" for day in (LAST - DAY, LAST))
    for key, content in list(bucket.objects.items()):
        text = gzip.decompress(content).replace(before.encode(), after.encode())
        bucket.objects[key.replace(before, after)] = gzip.compress(text, 6)


def _lives(count: int) -> dict[str, dict[Scope, list[list[Odcr]]]]:
    """The reservations of each scope by region, at every hour of a day."""
    regions: dict[str, dict[Scope, list[list[Odcr]]]] = {name: {} for name in REGIONS}
    for number, row in enumerate(reservations(count)):
        placed = replace(row, region=REGIONS[number % len(REGIONS)])
        scope = Scope(str(placed.account_id), placed.region)
        regions[scope.region].setdefault(scope, []).append(_life(placed, Random(number)))
    return regions


def _life(row: Odcr, chance: Random) -> list[Odcr]:
    """A reservation at each hour of a day; before its first change it equals its state after the
    last."""
    changes = [hour for hour in range(24) if chance.random() < CHANCE]
    if len(changes) < 2:  # There is nothing to change back to.
        changes = []
    used = chance.randint(0, 8)
    at = {hour: _using(row, (used + number) % 9) for number, hour in enumerate(changes)}
    present = at[changes[-1]] if changes else _using(row, used)
    life = []
    for hour in range(24):
        present = at.get(hour, present)
        life.append(present)
    return life


def _using(row: Odcr, used: int) -> Odcr:
    return replace(row, used_capacity=used, available_capacity=8 - used, utilization=used / 8)


def _others(count: int) -> Iterator[tuple[str, bytes]]:
    """The objects of a day's events, runs and answers to watches."""
    day = f"dt={LAST:%Y-%m-%d}"
    for number in range(count // 20):
        at = format_time(LAST + number % 24 * HOUR)
        event = {
            "event_id": f"e-{number}",
            "type": "resized",
            "severity": "info",
            "observed_at": at,
            "reservation_id": f"cr-{number:017x}",
        }
        yield f"events/{day}/{number}.json", json.dumps(event).encode()
    for hour in range(24):
        at = format_time(LAST + hour * HOUR)
        run = {"run_id": at, "started_at": at, "seconds": 60.5 + hour}
        yield f"runs/{day}/{hour}.json", json.dumps(run).encode()
        for region in REGIONS[:6]:
            content = answers_to_lines(_answers(region, LAST + hour * HOUR))
            yield answers_key(region, LAST + hour * HOUR, content), gzip.compress(content)


def _answers(region: str, at: datetime) -> Iterator[Answer]:
    """The answers of a region to five watches: four blocks each."""
    for number in range(5):
        offered = tuple(
            Offering(
                offering_id=f"cbo-{number}{region}{at:%H}{days}",
                instance_type="p5.48xlarge",
                instance_count=number + 1,
                region=region,
                availability_zone=f"{region}a",
                start_date=LAST + days * DAY,
                end_date=LAST + 2 * days * DAY,
                duration_hours=24.0 * days,
                upfront_fee=f"{900.0 * days}",
                currency_code="USD",
            )
            for days in (1, 7, 14, 28)
        )
        question = Question("p5.48xlarge", number + 1, 24)
        yield Answer(
            watch=f"watch-{number}",
            region=region,
            account_id="1",
            question=question,
            outcome=Outcome.OFFERED,
            observed_at=at,
            offerings=offered,
        )


def repeat(sample: Sample, folder: Path, days: int) -> dict[str, int]:
    """Build a year from the sample, and the monthly bill; return the bytes of each table. The size
    of ``snapshots``, which has no files, is the sample's times the days."""
    sizes: dict[str, int] = defaultdict(int)
    sizes["snapshots"] = sample.file("snapshots").stat().st_size * days
    with connect() as database:
        for back in range(days):
            day = (LAST - back * DAY).date()
            for table in COPIED:
                target = folder / table_key(table, day)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(sample.file(table), target)
                sizes[table] += target.stat().st_size
            target = folder / table_key("spans", day)
            target.parent.mkdir(parents=True, exist_ok=True)
            database.execute(_moved(sample.file("spans"), target, back, days))
            sizes["spans"] += target.stat().st_size
        bill = folder / "tables" / CUR_TABLE / "part-0.parquet"
        bill.parent.mkdir()
        database.execute(_bill(sample.file("spans"), bill))
    return dict(sizes)


def _moved(source: Path, target: Path, back: int, days: int) -> str:
    """The spans of a day. Open spans are only in the last day; a reservation listed from the
    sample's first hour on counts as listed all year."""
    if back:
        changes = f"- INTERVAL {back} DAY"
        is_of_day = "WHERE valid_to IS NOT NULL"
        began = f"valid_from {changes}"
    else:
        changes = is_of_day = ""
        always = f"valid_from <= TIMESTAMP '{LAST - DAY:%Y-%m-%d}' AND valid_to IS NULL"
        began = f"CASE WHEN {always} THEN valid_from - INTERVAL {days} DAY ELSE valid_from END"
    moved = (
        f"{began} AS valid_from, {began} AS observed_at, valid_to {changes} AS valid_to, "
        f"known_until {changes} AS known_until"
    )
    return (
        f"COPY (SELECT * REPLACE ({moved}) FROM read_parquet({literal(str(source))}, "
        f"hive_partitioning = false) {is_of_day}) "
        f"TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 9)"
    )


def _bill(source: Path, target: Path) -> str:
    """A daily export of CUR 2.0 for the month of ``LAST``: used and unused cost of each
    reservation."""
    return (
        f"COPY (SELECT day AS line_item_usage_start_date, 12.5e0 AS line_item_unblended_cost, "
        f"printf('arn:aws:ec2:us-east-1:1:capacity-reservation/%s', reservation_id) "
        f"AS capacity_reservation_capacity_reservation_arn, "
        f"status AS capacity_reservation_capacity_reservation_status "
        f"FROM (SELECT DISTINCT reservation_id FROM {literal(str(source))}), "
        f"(VALUES ('Used'), ('Unused')) AS statuses(status), "
        f"range(TIMESTAMP '{LAST:%Y-%m-01}', TIMESTAMP '{LAST + DAY:%Y-%m-%d}', INTERVAL 1 DAY) "
        f"AS days(day)) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)"
    )
