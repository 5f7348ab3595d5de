"""The answers of regions to watches in the bucket."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lambdas.history.exceptions import TooLarge
from lambdas.history.snapshots import fetch
from lambdas.parallel import PARALLEL_REQUESTS
from lambdas.store.archive import DAMAGES, Unreadable
from truffle.core.filters import matches_globs
from truffle.core.market.answers import OFFERINGS_PREFIX, Answer, answers_of_lines

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

MOST_OBJECTS = 5_000
"""Objects that one request may read: a month of hourly answers from seven regions."""

DAY = timedelta(days=1)

LONGEST_VISIT = timedelta(minutes=15)
"""The maximum time between the answer that names an object and its others."""

_NAME = re.compile(
    rf"{OFFERINGS_PREFIX}/dt=(?P<day>\d{{4}}-\d\d-\d\d)/hour=\d\d/"
    r"(?P<region>[a-z0-9-]+)-(?P<time>\d{6})-[0-9a-f]{8}\.json\.gz"
)


_Question = tuple[datetime, datetime, frozenset[str]]


@dataclass(slots=True)
class AnswerReader:
    """Reads answers from a bucket, with a boto3 S3 client. The last ones stay in memory: the pages
    of a list request the same time again."""

    client: S3Client
    bucket: str
    _kept: tuple[_Question, list[Answer]] | None = None

    def between(
        self, since: datetime, until: datetime, regions: frozenset[str] = frozenset()
    ) -> list[Answer]:
        """The answers of this time, ``until`` excluded, in order of time; ``regions`` are names or
        globs, empty for all. Raises TooLarge, and Unreadable."""
        period = since, until, regions
        if self._kept is None or self._kept[0] != period:
            self._kept = period, self._load(*period)
        return self._kept[1]

    def _load(self, since: datetime, until: datetime, regions: frozenset[str]) -> list[Answer]:
        names = [
            name
            for name in self._names(since, until)
            if _may_hold(name, since - LONGEST_VISIT, until, regions)
        ]
        if len(names) > MOST_OBJECTS:
            raise TooLarge(f"{len(names):,} objects")
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            found = [answer for answers in pool.map(self._read, names) for answer in answers]
        return sorted(
            (it for it in found if since <= it.observed_at < until),
            key=lambda it: (it.observed_at, it.watch, it.region),
        )

    def _names(self, since: datetime, until: datetime) -> Iterable[str]:
        day = (since - LONGEST_VISIT).replace(hour=0, minute=0, second=0, microsecond=0)
        prefixes = []
        while day < until:
            prefixes.append(f"{OFFERINGS_PREFIX}/dt={day:%Y-%m-%d}/")
            day += DAY
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            for names in pool.map(self._listed, prefixes):
                yield from names

    def _listed(self, prefix: str) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2")
        return [
            it["Key"]
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix)
            for it in page.get("Contents", ())
        ]

    def _read(self, name: str) -> list[Answer]:
        packed = fetch(self.client, self.bucket, name)
        try:
            return answers_of_lines(gzip.decompress(packed))
        except DAMAGES as error:
            raise Unreadable(f"{name} is damaged: {error}") from error


def _may_hold(name: str, since: datetime, until: datetime, regions: frozenset[str]) -> bool:
    match = _NAME.fullmatch(name)
    if match is None or (regions and not matches_globs(match["region"], regions)):
        return False
    at = datetime.strptime(f"{match['day']} {match['time']}Z", "%Y-%m-%d %H%M%S%z").astimezone(UTC)
    return since <= at < until
