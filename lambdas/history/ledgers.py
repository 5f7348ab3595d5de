"""The ledgers of past days in the bucket, and their creation from snapshots."""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Self

from botocore.exceptions import ClientError

from lambdas.history.manifests import ManifestReader
from lambdas.history.moments import LONGEST_UNIT, PastReader
from lambdas.history.snapshots import SnapshotObject, SnapshotReader, days_below, fetch
from truffle.core.ledger import DAY, day_of, write_day
from truffle.core.ledger_reader import Ledger
from truffle.core.model import Scope, Snapshot
from truffle.core.other_fields import OtherFields
from truffle.core.spans import PERIODS_KNOWN, Span, merged, spans_of
from truffle.core.times import format_time, parse_time

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

PREFIX = "usage/"

RECHECKED = timedelta(days=3)
"""How long a closed day is checked again for late data."""


def ledger_key(day: datetime) -> str:
    return f"{PREFIX}dt={day:%Y-%m-%d}/usage.json.gz"


@dataclass(frozen=True, slots=True)
class SpanReader:
    """Reads the capacity held in a period of time from snapshots. ``period`` is the schedule's."""

    snapshots: SnapshotReader
    past: PastReader
    period: timedelta

    @classmethod
    def of(cls, client: S3Client, bucket: str, period: timedelta) -> Self:
        """The reader of a bucket, with a boto3 S3 client."""
        snapshots, manifests = SnapshotReader(client, bucket), ManifestReader(client, bucket)
        past = PastReader(snapshots, manifests, PERIODS_KNOWN * period)
        return cls(snapshots, past, period)

    def noting(self, others: OtherFields) -> Self:
        """The same reader, which notes the fields that this version does not know."""
        snapshots = replace(self.snapshots, others=others)
        return replace(self, snapshots=snapshots, past=replace(self.past, snapshots=snapshots))

    @property
    def known_for(self) -> timedelta:
        """How long a snapshot is valid."""
        return PERIODS_KNOWN * self.period

    def objects(self, start: datetime, end: datetime, now: datetime) -> list[SnapshotObject]:
        """The objects on which the spans from ``start`` to ``end`` depend, except those of scopes
        that have failed for a long time."""
        return self.snapshots.between(start - self.known_for - LONGEST_UNIT, self._until(end, now))

    def spans(self, start: datetime, end: datetime, now: datetime) -> Iterator[Span]:
        """Spans that overlap the time from ``start`` to ``end``, from one account for each
        reservation.

        Snapshots after ``end`` show whether the last observation still held. Raises Unreadable.
        """
        until = self._until(end, now)
        by_region: dict[str, dict[Scope, list[Snapshot]]] = defaultdict(lambda: defaultdict(list))
        for scope, snapshot in self.past.last_seen(start).items():
            by_region[scope.region][scope].append(snapshot)
        objects: dict[str, list[SnapshotObject]] = defaultdict(list)
        for one in self.snapshots.between(start - LONGEST_UNIT, until):
            objects[one.region].append(one)
        for region in sorted({*by_region, *objects}):
            known = by_region.pop(region, defaultdict(list))
            for listings in self.snapshots.read(objects[region]):
                for it in listings:
                    if isinstance(it, Snapshot) and start < it.observed_at <= until:
                        known[it.scope].append(it)
            yield from merged(
                span for seen in known.values() for span in self._of_scope(seen, start, end, until)
            )

    def _of_scope(
        self, seen: list[Snapshot], start: datetime, end: datetime, until: datetime
    ) -> Iterator[Span]:
        seen.sort(key=lambda it: it.observed_at)
        for span in spans_of(seen, until, self.period):
            if span.start < end and span.end > start:
                yield span

    def _until(self, end: datetime, now: datetime) -> datetime:
        return min(now, end + self.known_for)


@dataclass(frozen=True, slots=True)
class LedgerStore:
    """The ledgers of a bucket, with a boto3 S3 client."""

    client: S3Client
    bucket: str

    def days(self) -> list[str]:
        """The days (``2026-11-24``) with a ledger."""
        return days_below(self.client, self.bucket, PREFIX)

    def sizes(self, since: datetime, until: datetime) -> dict[str, int]:
        """The size of each ledger in this time, in bytes, by day."""
        first, last = ledger_key(since), ledger_key(until)
        pages = self.client.get_paginator("list_objects_v2")
        before = f"{PREFIX}dt={since - DAY:%Y-%m-%d}/~"
        found: dict[str, int] = {}
        for page in pages.paginate(Bucket=self.bucket, Prefix=PREFIX, StartAfter=before):
            for it in page.get("Contents", ()):
                if it["Key"] > last:
                    return found
                if it["Key"] >= first:
                    found[it["Key"].removeprefix(f"{PREFIX}dt=").partition("/")[0]] = it["Size"]
        return found

    def read(self, day: datetime) -> Ledger:
        """The ledger of a day. Raises Unreadable."""
        return Ledger(fetch(self.client, self.bucket, ledger_key(day)))

    def inputs(self, day: datetime) -> str | None:
        """The sources of the ledger of a day; None if it has no ledger."""
        try:
            head = self.client.head_object(Bucket=self.bucket, Key=ledger_key(day))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("404", "NoSuchKey"):
                return None
            raise
        return str(head["Metadata"].get("inputs", ""))

    def write(self, day: datetime, text: str, inputs: str) -> None:
        # No time stamp in the gzip header: the same lines are the same object.
        self.client.put_object(
            Bucket=self.bucket,
            Key=ledger_key(day),
            Body=gzip.compress(text.encode(), compresslevel=6, mtime=0),
            ContentType="application/x-ndjson",
            ContentEncoding="gzip",
            Metadata={"inputs": inputs},
        )


@dataclass(frozen=True, slots=True)
class DayCloser:
    """Writes the ledgers of past days, and rewrites those whose data has changed since."""

    spans: SpanReader
    ledgers: LedgerStore

    def due(self, now: datetime) -> list[datetime]:
        """The days to check, the newest first: those without a ledger, and those that ended
        recently."""
        today, made = day_of(now), set(self.ledgers.days())
        recent = today - RECHECKED - self.spans.known_for
        days = [parse_time(name) for name in self.spans.snapshots.days()]
        return sorted(
            (
                day
                for day in days
                if day < today and (day >= recent or f"{day:%Y-%m-%d}" not in made)
            ),
            reverse=True,
        )

    def close(self, day: datetime, now: datetime) -> bool:
        """Write the ledger of a day; False if it is up to date. Raises Unreadable."""
        inputs = self._inputs(day, now)
        if self.ledgers.inputs(day) == inputs:
            return False
        others = OtherFields()
        spans = self.spans.noting(others).spans(day, day + DAY, now)
        self.ledgers.write(day, write_day(spans, day, others), inputs)
        return True

    def _inputs(self, day: datetime, now: datetime) -> str:
        """The sources of a ledger: the objects, and how much of the time after the day has
        passed."""
        end = min(now, day + DAY + self.spans.known_for)
        names = [f"{it.name} {it.etag}" for it in self.spans.objects(day, day + DAY, now)]
        return sha256("\n".join([format_time(end), *names]).encode()).hexdigest()
