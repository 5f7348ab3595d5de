"""The manifests of past runs: their scopes, and the last success of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lambdas.history.snapshots import days_below, fetch
from lambdas.store.archive import DAMAGES, Unreadable
from truffle.core.codec import Json
from truffle.core.model import Scope
from truffle.core.runs import SCHEMA_VERSION, run_id_of
from truffle.core.status import STALE
from truffle.core.times import parse_time

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

PREFIX = "runs/"
MOST_TRIED = 4
"""Manifests read to find one: a run may be open, or may have been closed again later."""


@dataclass(frozen=True, slots=True)
class ManifestScope:
    """A scope in a manifest: its last success, and the error of its last attempt."""

    observed_at: datetime | None
    code: str | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A closed run: its start, its end, and the scopes that it covered."""

    started_at: datetime
    finished_at: datetime
    outcomes: Mapping[Scope, ManifestScope]


@dataclass(frozen=True, slots=True)
class ManifestReader:
    """The manifests of a bucket, with a boto3 S3 client."""

    client: S3Client
    bucket: str

    def closed_by(self, moment: datetime) -> Manifest | None:
        """The newest run that was closed at or before a moment; None if there is none.

        Raises Unreadable.
        """
        for tried, name in enumerate(self._names(moment)):
            if tried == MOST_TRIED:
                return None
            manifest = self._read(name)
            if manifest.finished_at <= moment:
                return manifest
        return None

    def _names(self, moment: datetime) -> Iterator[str]:
        """The manifests of runs that were started at or before a moment, the newest first."""
        last = f"{run_id_of(moment + timedelta(seconds=1), '')}"
        for day in reversed(days_below(self.client, self.bucket, PREFIX)):
            if day <= f"{moment:%Y-%m-%d}":
                pages = self.client.get_paginator("list_objects_v2")
                prefix = f"{PREFIX}dt={day}/"
                names = [
                    it["Key"]
                    for page in pages.paginate(Bucket=self.bucket, Prefix=prefix)
                    for it in page.get("Contents", ())
                ]
                yield from sorted((it for it in names if it < prefix + last), reverse=True)

    def _read(self, name: str) -> Manifest:
        packed = fetch(self.client, self.bucket, name)
        try:
            return _to_manifest(json.loads(packed))
        except DAMAGES as error:
            raise Unreadable(f"{name} is damaged: {error}") from error


def _to_manifest(data: Json) -> Manifest:
    version = data.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise ValueError(f"its schema version is {version}")
    outcomes = {
        Scope(it["account_id"], it["region"]): _to_outcome(it)
        for it in data["scopes"]
        if it["observed_at"] is not None or (it["error"] or {}).get("code") != STALE
    }
    return Manifest(parse_time(data["started_at"]), parse_time(data["finished_at"]), outcomes)


def _to_outcome(data: Json) -> ManifestScope:
    seen, error = data["observed_at"], data["error"] or {}
    at = None if seen is None else parse_time(seen)
    return ManifestScope(at, error.get("code"), error.get("message") or "")
