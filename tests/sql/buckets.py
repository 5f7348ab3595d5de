"""A folder laid out as the bucket, filled by the archive that fills the bucket."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from lambdas.store.archive import Archive
from tests.builders import OHIO
from truffle.core.model import Failure, FailureKind, Reservation, Scope, Snapshot


@dataclass
class FolderBucket:
    """The calls of S3 that truffle makes, over a folder. Times are those of the files."""

    path: Path
    puts: int = 0

    def put_object(self, Bucket: str, Key: str, Body: bytes, **more: Any) -> None:
        self.puts += 1
        place = self.path / Key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(Body)

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        place = self.path / Key
        if not place.is_file():
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": BytesIO(place.read_bytes())}

    def get_paginator(self, name: str) -> FolderBucket:
        assert name == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str, Delimiter: str = "") -> Iterator[Any]:
        keys = sorted(
            key
            for path in self.path.rglob("*")
            if path.is_file() and (key := path.relative_to(self.path).as_posix()).startswith(Prefix)
        )
        if Delimiter:
            rest = {key.removeprefix(Prefix).partition(Delimiter) for key in keys}
            common = sorted({f"{Prefix}{head}{Delimiter}" for head, mark, _ in rest if mark})
            for prefix in common:  # A page each: a caller that reads the first only is found out.
                yield {"CommonPrefixes": [{"Prefix": prefix}]}
            return
        yield {}
        for key in keys:
            stat = os.stat(self.path / key)
            modified = datetime.fromtimestamp(int(stat.st_mtime), UTC)
            yield {"Contents": [{"Key": key, "Size": stat.st_size, "LastModified": modified}]}


def archive(path: Path) -> Archive:
    bucket: Any = FolderBucket(path)
    return Archive(bucket, "bucket")


def look(
    path: Path, at: datetime, *rows: Reservation, scope: Scope = OHIO, unit: str | None = None
) -> None:
    """Archive a complete listing of a scope."""
    seen = tuple(replace(row, observed_at=at) for row in rows)
    archive(path).write_snapshots(unit or f"{scope.region}/0", [Snapshot(scope, at, seen)])


def failed_look(path: Path, at: datetime, scope: Scope = OHIO) -> None:
    failure = Failure(
        scope=scope,
        failed_at=at,
        kind=FailureKind.ERROR,
        code="InternalError",
        message="An internal error.",
    )
    archive(path).write_snapshots(f"{scope.region}/0", [failure])
