"""Build the tables' files from the bucket's objects, in a local folder of the function."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lambdas.observability import logger
from lambdas.parallel import PARALLEL_REQUESTS
from truffle.core.layout import (
    SOURCES,
    STATE_KEY,
    Source,
    State,
    day_of_key,
    day_prefix,
    days_to_make,
    fingerprint,
    state_of,
    state_text,
    table_prefix,
    with_days,
)
from truffle.core.tables import TABLES
from truffle.ec2.errors import error_code
from truffle.sql.compaction import Compaction
from truffle.sql.folder import Folder, lookback_hours

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

RECENT_DAYS = 3
"""The number of days whose objects are checked each time; an older day with late objects must be
named."""


@dataclass(slots=True, kw_only=True)
class Compactor:
    """Updates the tables.

    Unneeded files in ``folder`` are removed. ``has_time`` decides whether to begin another day. Its
    methods raise what S3 does, duckdb.Error, OSError and Damaged.
    """

    client: S3Client
    bucket: str
    folder: Path
    compaction: Compaction
    period: timedelta
    has_time: Callable[[], bool]
    _sources: dict[tuple[str, date], list[Source]] = field(default_factory=dict)

    def run(self, named: Iterable[date] = ()) -> dict[str, list[str]]:
        """Write the files of days with new objects, the oldest first; return those days by table.
        ``named`` has other days to check."""
        state = self._state()
        maker = Folder(
            self.folder, self.compaction, self.period, self._fetch, self._keep, self.has_time
        )
        marks = {prefix: self._marks(prefix, state, set(named)) for prefix in _prefixes()}
        result: dict[str, list[str]] = {}
        for table in TABLES:
            now = marks[SOURCES[table]]
            made = maker.make(table, days_to_make(table, now, state))
            if made:
                state = with_days(state, table, {day: now[day] for day in made})
                self._put(STATE_KEY, state_text(self._scheduled(state)).encode())
                result[table] = [str(day) for day in made]
                logger.info("compacted", extra={"table": table, "days": result[table]})
            if not self.has_time():
                break
        return result

    def _state(self) -> State:
        try:
            text = self.client.get_object(Bucket=self.bucket, Key=STATE_KEY)["Body"].read()
        except ClientError as error:
            if error_code(error) == "NoSuchKey":
                return {}
            raise
        return state_of(text)

    def _scheduled(self, state: State) -> State:
        minutes = self.period // timedelta(minutes=1)
        return {**state, "schedule": {"minutes": str(minutes)}}

    def _marks(self, prefix: str, state: State, named: set[date]) -> dict[date, str]:
        """The fingerprints of all days: present ones for recent, new and named days, stored ones
        for the others."""
        present = self._days(prefix)
        tables = [state.get(table, {}) for table, source in SOURCES.items() if source == prefix]
        marks = {}
        for day in present:
            known = {days.get(str(day)) for days in tables}
            (mark,) = known if len(known) == 1 else (None,)
            if mark is None or day in named or day in present[-RECENT_DAYS:]:
                self._sources[prefix, day] = self._listed(day_prefix(prefix, day))
                mark = fingerprint(self._sources[prefix, day])
            marks[day] = mark
        return marks

    def _days(self, prefix: str) -> list[date]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{prefix}/", Delimiter="/"
        )
        found = (
            day_of_key(f"{common['Prefix']}object")
            for page in pages
            for common in page.get("CommonPrefixes", [])
        )
        return sorted(day for day in found if day is not None)

    def _listed(self, prefix: str) -> list[Source]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        return [
            Source(it["Key"], it["Size"], it["LastModified"].timestamp())
            for page in pages
            for it in page.get("Contents", [])
        ]

    def _fetch(self, table: str, day: date) -> None:
        """Fetch the objects of a day into the folder and, for spans, those that they continue."""
        prefix = SOURCES[table]
        needed = {(prefix, day)}
        sources = list(self._of_day(prefix, day))
        if table == "spans":
            hours = lookback_hours(day, self.period)
            needed |= {(prefix, hour.date()) for hour in hours}
            for hour in hours:
                sources += self._listed(f"{day_prefix(prefix, hour.date())}hour={hour:%H}/")
            sources += self._later_spans(day)
        self._forget(prefix, {f"dt={other}" for _, other in needed})
        missing = [it for it in sources if not _has(self.folder / it.key, it)]
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            list(pool.map(self._get, missing))

    def _of_day(self, prefix: str, day: date) -> list[Source]:
        found = self._sources.get((prefix, day))
        return self._listed(day_prefix(prefix, day)) if found is None else found

    def _later_spans(self, day: date) -> Iterator[Source]:
        for source in self._listed(table_prefix("spans")):
            if source.key.removeprefix(table_prefix("spans")) >= f"dt={day}":
                yield source

    def _forget(self, prefix: str, needed: set[str]) -> None:
        place = self.folder / prefix
        for path in place.iterdir() if place.is_dir() else ():
            if path.name not in needed:
                shutil.rmtree(path)

    def _get(self, source: Source) -> None:
        path = self.folder / source.key
        path.parent.mkdir(parents=True, exist_ok=True)
        content = self.client.get_object(Bucket=self.bucket, Key=source.key)["Body"].read()
        path.write_bytes(content)

    def _keep(self, path: Path) -> None:
        self._put(path.relative_to(self.folder).as_posix(), path.read_bytes())
        path.unlink()

    def _put(self, key: str, body: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body)


def _prefixes() -> list[str]:
    return sorted(set(SOURCES.values()))


def _has(path: Path, source: Source) -> bool:
    """Snapshots never change; everything else is read again."""
    is_fixed = source.key.startswith("snapshots/")
    return is_fixed and path.exists() and path.stat().st_size == source.size
