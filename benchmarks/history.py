"""CPU time of ``as_of`` and of usage over a bucket in memory, with the objects read.

    .venv/bin/python -m benchmarks.history

Every hour 5 % of the reservations change their use. The bucket in memory takes no time, so the
function's work is measured; the number of objects determines what S3 adds to it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from lambdas.api.usage import answer, to_usage_query
from lambdas.history.ledgers import LedgerStore, SpanReader, ledger_key
from lambdas.history.usage import UsageReader
from lambdas.store.archive import Archive, Rows, manifest_key
from truffle.core import ledger_reader
from truffle.core.accelerators import accelerator_of
from truffle.core.ledger import DAY, write_day
from truffle.core.merging import merge
from truffle.core.model import Odcr, Reservation, Scope, Snapshot
from truffle.core.pricing import PriceBook
from truffle.core.runs import Run, run_id_of
from truffle.core.spans import Span
from truffle.core.times import format_time

_ABOUT = "CPU time of usage and as_of over a bucket in memory, and the objects read."

HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)
TYPES = ("p5.48xlarge", "p4d.24xlarge", "g6.xlarge", "inf2.xlarge")
REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-south-1")
RUNS = 5
CHANGING = 0.05
"""The share of reservations that change every hour."""


@dataclass
class Bucket:
    """An S3 client over a dictionary, which counts reads."""

    objects: dict[str, bytes] = field(default_factory=dict)
    reads: int = 0

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:
        self.reads += 1
        return {"Body": self._body(self.objects[Key])}

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:
        self.objects[Key] = Body

    def get_paginator(self, _: str) -> Bucket:
        return self

    def paginate(
        self,
        *,
        Prefix: str,
        Delimiter: str | None = None,
        **_: Any,
    ) -> Iterator[dict[str, Any]]:
        names = sorted(name for name in self.objects if name.startswith(Prefix))
        if Delimiter:
            folders = {name[: name.index(Delimiter, len(Prefix)) + 1] for name in names}
            yield {"CommonPrefixes": [{"Prefix": it} for it in folders]}
            return
        yield {"Contents": [{"Key": it, "ETag": "", "Size": len(self.objects[it])} for it in names]}

    @dataclass
    class _body:
        content: bytes

        def read(self) -> bytes:
            return self.content


def reservations(count: int) -> list[Odcr]:
    """ODCRs with three tags, over four regions and four types."""
    made = []
    for number in range(count):
        name, region = TYPES[number % 4], REGIONS[number // 4 % 4]
        carried = accelerator_of(name, {})
        account = f"{number % 50:012}"
        made.append(
            Odcr(
                reservation_id=f"cr-{number:017x}",
                account_id=account,
                owner_id=account,
                region=region,
                availability_zone=f"{region}a",
                instance_type=name,
                platform="Linux/UNIX",
                tenancy="default",
                state="active",
                total_capacity=8,
                available_capacity=3,
                used_capacity=5,
                utilization=5 / 8,
                start_date=NOW - 400 * DAY,
                create_date=NOW - 400 * DAY,
                accelerator=carried.times(8) if carried else None,
                tags={"Team": f"team-{number % 20}", "Name": f"r-{number}", "Stage": "prod"},
                seen_by=(account,),
            )
        )
    return made


def spans_of_day(rows: list[Odcr], day: datetime, chance: random.Random) -> Iterator[Span]:
    """The stretches of a day with the same use. Each hour, the scopes are listed one after the
    other."""
    for row in rows:
        started, present = day, row
        late = timedelta(seconds=1.37 * int(str(row.account_id)))
        for hour in range(1, 24):
            if chance.random() < CHANGING:
                yield Span(present, started, day + hour * HOUR + late)
                used = chance.randint(0, 8)
                present = replace(row, used_capacity=used, available_capacity=8 - used)
                started = day + hour * HOUR + late
        yield Span(present, started, day + DAY)


def with_ledgers(count: int, days: int) -> Bucket:
    bucket, chance, rows = Bucket(), random.Random(1), reservations(count)
    for number in range(days):
        day = datetime(2026, 11, 1, tzinfo=UTC) - (number + 1) * DAY
        text = write_day(spans_of_day(rows, day, chance), day)
        bucket.objects[ledger_key(day)] = gzip.compress(text.encode(), 6, mtime=0)
    return bucket


def usage_seconds(bucket: Any, days: int, by: str, has_totals: bool = True) -> float:
    """The seconds of one request to a cold function, until the text of its response.

    Without totals, every stretch of a day is read, as for an interval of an hour.
    """
    ledger_reader.moment.cache_clear()
    since = datetime(2026, 11, 1, tzinfo=UTC) - days * DAY
    question = to_usage_query(
        {"since": [since], "until": [since + days * DAY], "by": by.split(",")}, NOW
    )
    reader = UsageReader(SpanReader.of(bucket, "b", HOUR), LedgerStore(bucket, "b"))
    is_total = question.is_total if has_totals else lambda day: False
    started = time.process_time()
    spans = reader.between(question.period.since, question.period.until, NOW, is_total)
    answer(question, spans, PriceBook(settings={"p5*": 98.32, "g6*": 0.8})).text()
    return time.process_time() - started


def _compared(bucket: Bucket, days: int, by: str) -> str:
    """The medians of a request from the totals of days and from their stretches, alternating."""
    bucket.reads = 0
    usage_seconds(bucket, days, by)
    reads, pairs = bucket.reads, []
    for _ in range(RUNS):
        pairs.append([usage_seconds(bucket, days, by, totals) for totals in (True, False)])
    totals, stretches = (median(times) for times in zip(*pairs, strict=True))
    return (
        f"{totals * 1000:6.0f} ms from totals, {stretches * 1000:6.0f} ms from stretches "
        f"({stretches / totals:.1f}×)  {reads:>3} objects"
    )


def with_runs(count: int, hours: int) -> Bucket:
    """Write hourly runs: an object for each region, as ``collect`` does, the manifest of each run,
    and the objects that a cold query reads."""
    bucket, rows = Bucket(), reservations(count)
    client: Any = bucket
    archive = Archive(client, "b")
    held: dict[str, dict[Scope, list[Odcr]]] = {}
    for row in rows:
        scope = Scope(str(row.account_id), row.region)
        held.setdefault(row.region, {}).setdefault(scope, []).append(row)
    for hour in range(hours):
        at = NOW - (hours - hour) * HOUR
        for region, scopes in held.items():
            listings = [
                Snapshot(scope, at, tuple(replace(row, observed_at=at) for row in its))
                for scope, its in scopes.items()
            ]
            archive.write_snapshots(f"{region}/0", listings)
        name, manifest = _manifest(at, [scope for scopes in held.values() for scope in scopes])
        bucket.objects[name] = manifest
    for region, scopes in held.items():
        archive.write_region(region, {scope: Rows(1, [*its]) for scope, its in scopes.items()})
    return bucket


def _manifest(at: datetime, scopes: list[Scope]) -> tuple[str, bytes]:
    """The key and content of the manifest of a run that took five minutes."""
    run = Run(
        run_id=run_id_of(at, "0"), started_at=at, pending=frozenset(), scope_count=len(scopes)
    )
    content = {
        "started_at": format_time(at),
        "finished_at": format_time(at + HOUR / 12),
        "scopes": [
            {
                "account_id": scope.account_id,
                "region": scope.region,
                "observed_at": format_time(at),
                "error": None,
            }
            for scope in scopes
        ],
    }
    return manifest_key(run), json.dumps(content).encode()


def cold_load(bucket: Bucket) -> list[Reservation]:
    """Read all present rows, as a query does from the bucket when it starts."""
    client: Any = bucket
    archive = Archive(client, "b")
    found = [archive.read_region(region) for region in REGIONS]
    return merge(row for scopes in found for rows in scopes.values() for row in rows.rows)


def _compare_moments(count: int) -> None:
    """Print the time of a past moment beside that of the present."""
    bucket: Any = with_runs(count, 6)
    times: list[tuple[float, float]] = []
    for _ in range(RUNS):
        bucket.reads = 0
        past = SpanReader.of(bucket, "b", HOUR).past
        times.append(
            (
                _processor_seconds(lambda past=past: past.as_of(NOW - 2.5 * HOUR)),  # type: ignore[misc]
                _processor_seconds(lambda: cold_load(bucket)),
            )
        )
    then, present = (median(each) for each in zip(*times, strict=True))
    print(
        f"{count:>7,} reservations: as_of {then * 1000:.0f} ms, a cold load of the present "
        f"{present * 1000:.0f} ms ({then / present:.2f}×), {bucket.reads} objects in both"
    )


def _processor_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=_ABOUT)
    parser.parse_args()
    print("usage, interval=day; CPU time, the median of some runs")
    for count, days in ((500, 30), (10_000, 2)):
        bucket = with_ledgers(count, days)
        size = sum(map(len, bucket.objects.values()))
        for by in ("type", "owner,tag:Team", "reservation"):
            print(
                f"{count:>7,} reservations × {days:>2} d  {by:<15} "
                f"{_compared(bucket, days, by)}  {size / 1e6:.2f} MB"
            )
    _compare_moments(5_000)


if __name__ == "__main__":
    main()
