"""Processor time of ``as_of`` and of usage over a bucket in memory, with the objects read.

    .venv/bin/python -m benchmarks.history

Every hour 5 % of the reservations change their use. The bucket costs no time of its own: what is
measured is the function's work, and the number of objects says what S3 adds to it.
"""

from __future__ import annotations

import argparse
import gzip
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from lambdas.api.usage import answer, to_question
from lambdas.history.ledgers import LedgerStore, SpanReader, ledger_key
from lambdas.history.usage import UsageReader
from lambdas.store.archive import Archive
from truffle.core.accelerators import accelerator_of
from truffle.core.ledger import DAY, write_day
from truffle.core.model import Odcr, Scope, Snapshot
from truffle.core.pricing import PriceBook
from truffle.core.spans import Span
from truffle.core.times import format_time

_ABOUT = "Processor time of usage and as_of over a bucket in memory, and the objects read."

HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)
TYPES = ("p5.48xlarge", "p4d.24xlarge", "g6.xlarge", "inf2.xlarge")
REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-south-1")
RUNS = 5
CHANGING = 0.05
"""Of the reservations, every hour."""


@dataclass
class Bucket:
    """An S3 client over a dictionary, which counts what is read."""

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
                f"cr-{number:017x}",
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
    """The stretches of a day in which the use stays the same."""
    for row in rows:
        begun, present = day, row
        for hour in range(1, 24):
            if chance.random() < CHANGING:
                yield Span(present, begun, day + hour * HOUR)
                used = chance.randint(0, 8)
                present = replace(row, used_capacity=used, available_capacity=8 - used)
                begun = day + hour * HOUR
        yield Span(present, begun, day + DAY)


def with_ledgers(count: int, days: int) -> Bucket:
    bucket, chance, rows = Bucket(), random.Random(1), reservations(count)
    for number in range(days):
        day = datetime(2026, 11, 1, tzinfo=UTC) - (number + 1) * DAY
        text = write_day(spans_of_day(rows, day, chance), day)
        bucket.objects[ledger_key(day)] = gzip.compress(text.encode(), 6, mtime=0)
    return bucket


def usage_seconds(bucket: Bucket, days: int, by: str, has_totals: bool = True) -> float:
    """Seconds of one question, of a function that has answered none before.

    Without totals every stretch of a day is read, as an interval of an hour needs it.
    """
    since = datetime(2026, 11, 1, tzinfo=UTC) - days * DAY
    question = to_question(
        {"since": [since], "until": [since + days * DAY], "by": by.split(",")}, NOW
    )
    reader = UsageReader(SpanReader.of(bucket, "b", HOUR), LedgerStore(bucket, "b"))
    is_total = question.is_total if has_totals else lambda day: False
    begun = time.process_time()
    spans = reader.between(question.period.since, question.period.until, NOW, is_total)
    answer(question, spans, PriceBook(settings={"p5*": 98.32, "g6*": 0.8}))
    return time.process_time() - begun


def _compared(bucket: Bucket, days: int, by: str) -> str:
    """The medians of a question from the totals of days and from their stretches, in turns."""
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


def with_snapshots(count: int, hours: int) -> Bucket:
    """Hourly snapshots, an object for each region, as ``collect`` writes them."""
    bucket, rows = Bucket(), reservations(count)
    client: Any = bucket
    archive = Archive(client, "b")
    for hour in range(hours):
        at = NOW - (hours - hour) * HOUR
        for region in REGIONS:
            held: dict[Scope, list[Odcr]] = {}
            for row in rows:
                if row.region == region:
                    scope = Scope(str(row.account_id), region)
                    held.setdefault(scope, []).append(replace(row, observed_at=at))
            listings = [Snapshot(scope, at, tuple(it)) for scope, it in held.items()]
            archive.write_snapshots(f"{region}/0", listings)
    return bucket


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=_ABOUT)
    parser.parse_args()
    print("usage, interval=day; processor time, the median of some runs")
    for count, days in ((500, 30), (10_000, 2)):
        bucket = with_ledgers(count, days)
        size = sum(map(len, bucket.objects.values()))
        for by in ("type", "owner,tag:Team", "reservation"):
            print(
                f"{count:>7,} reservations × {days:>2} d  {by:<15} "
                f"{_compared(bucket, days, by)}  {size / 1e6:.2f} MB"
            )
    bucket = with_snapshots(5_000, 6)
    for moment in (NOW, NOW - 3 * HOUR):
        bucket.reads = 0
        begun = time.process_time()
        found = SpanReader.of(bucket, "b", HOUR).past.as_of(moment)
        seconds = time.process_time() - begun
        print(
            f"as_of {format_time(moment)}: {len(found.rows):,} rows, {seconds * 1000:.0f} ms, "
            f"{bucket.reads} objects"
        )


if __name__ == "__main__":
    main()
