"""Copy the sources of SQL from the bucket into a folder, later only new objects."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from truffle.core.layout import (
    SOURCES,
    STATE_KEY,
    State,
    day_of_key,
    day_prefix,
    state_of,
    table_prefix,
)
from truffle.core.tables import TABLES

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

PARALLEL = 16
"""The number of objects copied concurrently; an object of a unit has some ten kilobytes."""

LOOKBACK_DAYS = range(1, 4)
"""The days before a day that its spans need with the longest period of a schedule, one day."""


@dataclass(slots=True)
class Copied:
    """The number of objects copied, and of those already in the folder."""

    copied: int = 0
    bytes: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True)
class _Object:
    key: str
    size: int
    modified: float


@dataclass(slots=True)
class Copy:
    """Copies a bucket's tables, and the objects that no table's file has yet.

    Raises what S3 raises, and OSError.
    """

    client: S3Client
    bucket: str
    folder: Path
    since: date | None = None
    result: Copied = field(default_factory=Copied)

    def run(self) -> Copied:
        """Copy the tables first, their state last, so the next copy completes an interrupted
        one."""
        state, text = self._state()
        for table in TABLES:
            self._fetch(self._chosen(table_prefix(table)))
        for prefix in sorted(set(SOURCES.values())):
            for day in self._days(prefix, state):
                self._fetch(self._listed(day_prefix(prefix, day)))
        if text is not None:
            _replace(self.folder / STATE_KEY, text, None)
        return self.result

    def _state(self) -> tuple[State, bytes | None]:
        try:
            text = self.client.get_object(Bucket=self.bucket, Key=STATE_KEY)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return {}, None
            raise
        return state_of(text), bytes(text)

    def _chosen(self, prefix: str) -> Iterator[_Object]:
        """The objects of a table since the first requested day."""
        for it in self._listed(prefix):
            day = it.key.removeprefix(prefix).partition("/")[0].removeprefix("dt=")
            if self.since is None or day >= str(self.since):
                yield it

    def _days(self, prefix: str, state: State) -> list[date]:
        """The days whose objects are copied: those missing from a table, the newest in tables, the
        earlier days that their spans need, and those partly in the folder."""
        present = [day for day in self._present(prefix) if not self.since or day >= self.since]
        known = [state.get(table, {}) for table, source in SOURCES.items() if source == prefix]
        newest = min((max(days, default="") for days in known), default="")
        wanted = {
            day
            for day in present
            if str(day) >= newest or any(str(day) not in days for days in known)
        }
        if prefix == "snapshots":
            wanted |= {day - timedelta(days=back) for day in wanted for back in LOOKBACK_DAYS}
        wanted |= {day for day in present if (self.folder / day_prefix(prefix, day)).is_dir()}
        return sorted(wanted.intersection(present))

    def _present(self, prefix: str) -> Iterator[date]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{prefix}/", Delimiter="/"
        )
        for page in pages:
            for common in page.get("CommonPrefixes", []):
                day = day_of_key(f"{common['Prefix']}object")
                if day is not None:
                    yield day

    def _listed(self, prefix: str) -> Iterator[_Object]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        for page in pages:
            for it in page.get("Contents", []):
                yield _Object(it["Key"], it["Size"], it["LastModified"].timestamp())

    def _fetch(self, objects: Iterable[_Object]) -> None:
        missing = []
        for it in objects:
            if _has(self.folder / it.key, it):
                self.result.kept += 1
            else:
                missing.append(it)
        with ThreadPoolExecutor(PARALLEL) as pool:
            for size in pool.map(self._copy, missing):
                self.result.copied += 1
                self.result.bytes += size

    def _copy(self, it: _Object) -> int:
        content = self.client.get_object(Bucket=self.bucket, Key=it.key)["Body"].read()
        _replace(self.folder / it.key, content, it.modified)
        return len(content)


def _has(path: Path, it: _Object) -> bool:
    """Whether a copy is of this object; its time distinguishes objects of the same size."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return found.st_size == it.size and int(found.st_mtime) == int(it.modified)


def _replace(path: Path, content: bytes, modified: float | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".copying-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        if modified is not None:
            os.utime(name, (modified, modified))
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
