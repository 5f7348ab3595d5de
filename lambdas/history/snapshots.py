"""The snapshot objects of the bucket: their keys and their content.

An object has the listings of a unit's scopes at one time (``lambdas/store/archive.py``). Objects of
releases before units are read too: each has the reservations of one successful scope, named in its
key, and there is none for a failure.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from lambdas.parallel import PARALLEL_REQUESTS
from lambdas.store.archive import DAMAGES, REFUSALS, SCHEMA_VERSION, Unreadable
from truffle.core.codec import Json, decode
from truffle.core.model import Failure, Reservation, Scope, Snapshot
from truffle.core.other_fields import OtherFields
from truffle.core.times import parse_time
from truffle.ec2.errors import kind_of

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

PREFIX = "snapshots/"

HOUR = timedelta(hours=1)

_NAME = re.compile(
    r"snapshots/dt=(?P<day>\d{4}-\d\d-\d\d)/hour=\d\d/"
    r"(?:(?P<account>\d{12})-)?(?P<region>[a-z]+(?:-[a-z]+)+-\d+)(?:-\d+)?"
    r"-(?P<time>\d{6})(?:-[0-9a-f]{8})?\.json\.gz"
)


@dataclass(frozen=True, slots=True)
class SnapshotObject:
    """An object in the bucket. ``at`` is the second in which its first listing began, ``account``
    the account of an object with a single scope."""

    name: str
    at: datetime
    region: str
    account: str | None
    etag: str
    size: int


def parse_name(name: str, etag: str = "", size: int = 0) -> SnapshotObject | None:
    """The parts of a snapshot's key; None for any other key."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    at = datetime.strptime(f"{match['day']} {match['time']}Z", "%Y-%m-%d %H%M%S%z")
    return SnapshotObject(name, at.astimezone(UTC), match["region"], match["account"], etag, size)


@dataclass(frozen=True, slots=True)
class SnapshotReader:
    """The snapshots of a bucket, with a boto3 S3 client."""

    client: S3Client
    bucket: str
    others: OtherFields | None = None
    """Takes note of the fields that this version does not know."""

    def between(self, start: datetime, end: datetime) -> list[SnapshotObject]:
        """The objects whose first listing began in this time, both seconds included, in order of
        time."""
        hours = list(_hours(start, end))
        prefixes = [f"{PREFIX}dt={hour:%Y-%m-%d}/hour={hour:%H}/" for hour in hours]
        if len(hours) > 24:
            days = dict.fromkeys(f"{PREFIX}dt={hour:%Y-%m-%d}/" for hour in hours)
            prefixes = list(days)
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            listed = [it for found in pool.map(self._listed, prefixes) for it in found]
        first = start.replace(microsecond=0)
        return sorted(
            (it for it in listed if first <= it.at <= end), key=lambda it: (it.at, it.name)
        )

    def first(self) -> list[SnapshotObject]:
        """The objects of the first hour with any."""
        answer = self.client.list_objects_v2(Bucket=self.bucket, Prefix=PREFIX, MaxKeys=1)
        for each in answer.get("Contents", ()):
            found = self._listed(each["Key"].rpartition("/")[0] + "/")
            return sorted(found, key=lambda it: it.at)
        return []

    def days(self) -> list[str]:
        """The days (``2026-11-24``) with snapshots, in order."""
        return days_below(self.client, self.bucket, PREFIX)

    def read(self, objects: Iterable[SnapshotObject]) -> Iterator[list[Snapshot | Failure]]:
        """The listings of each object, in the order of the objects. Raises Unreadable."""
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            yield from pool.map(self.read_one, objects)

    def read_one(self, one: SnapshotObject) -> list[Snapshot | Failure]:
        """The listings in an object. Raises Unreadable."""
        packed = fetch(self.client, self.bucket, one.name)
        try:
            lines = gzip.decompress(packed).split(b"\n")
            found: list[Json] = json.loads(b"[" + b",".join(filter(None, lines)) + b"]")
            return _old(one, self._rows(found)) if one.account else self._listings(found)
        except DAMAGES as error:
            raise Unreadable(f"{one.name} is damaged: {error}") from error

    def _listings(self, lines: Sequence[Json]) -> list[Snapshot | Failure]:
        """A line for each scope, then one for each reservation."""
        scopes = [line for line in lines if "outcome" in line]
        rows = self._rows(lines[len(scopes) :])
        held: dict[Scope, tuple[Reservation, ...]] = {
            scope: tuple(members)
            for scope, members in groupby(rows, lambda row: Scope(str(row.account_id), row.region))
        }
        return [_listing(line, held) for line in scopes]

    def _rows(self, lines: Sequence[Json]) -> tuple[Reservation, ...]:
        rows = tuple(map(decode, lines))
        if self.others is not None:
            for line, row in zip(lines, rows, strict=True):
                self.others.note(line, row)
        return rows

    def _listed(self, prefix: str) -> list[SnapshotObject]:
        pages = self.client.get_paginator("list_objects_v2")
        found = (
            parse_name(it["Key"], it["ETag"], it["Size"])
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix)
            for it in page.get("Contents", ())
        )
        return [it for it in found if it is not None]


def days_below(client: S3Client, bucket: str, prefix: str) -> list[str]:
    """The days of the partitions ``dt=…`` below a prefix, in order."""
    pages = client.get_paginator("list_objects_v2")
    found = (
        it["Prefix"]
        for page in pages.paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
        for it in page.get("CommonPrefixes", ())
    )
    return sorted(name.removeprefix(f"{prefix}dt=").rstrip("/") for name in found)


def fetch(client: S3Client, bucket: str, name: str) -> bytes:
    """The bytes of an object. Raises Unreadable."""
    try:
        return bytes(client.get_object(Bucket=bucket, Key=name)["Body"].read())
    except REFUSALS as error:
        raise Unreadable(f"{name}: {error}") from error


def _hours(start: datetime, end: datetime) -> Iterator[datetime]:
    hour = start.replace(minute=0, second=0, microsecond=0)
    while hour <= end:
        yield hour
        hour += HOUR


def _listing(line: Json, held: dict[Scope, tuple[Reservation, ...]]) -> Snapshot | Failure:
    if line["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"its schema version is {line['schema_version']}")
    scope, at = Scope(line["account_id"], line["region"]), parse_time(line["observed_at"])
    if line["outcome"] != "succeeded":
        code = line["error"] or "Unknown"
        return Failure(scope=scope, failed_at=at, kind=kind_of(code), code=code, message="")
    rows = held.get(scope, ())
    if len(rows) != line["reservations"]:
        raise ValueError(f"{scope} has {len(rows)} reservations and not {line['reservations']}")
    return Snapshot(scope, at, rows)


def _old(one: SnapshotObject, rows: tuple[Reservation, ...]) -> list[Snapshot | Failure]:
    """The reservations of the scope that the key names."""
    at = rows[0].observed_at if rows else None
    return [Snapshot(Scope(str(one.account), one.region), at or one.at, rows)]
