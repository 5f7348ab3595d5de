"""The S3 bucket: the listings of each unit, the latest inventory, each run's manifest, events."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from gzip import GzipFile
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from truffle.core.codec import FIELD_NAMES, Json, decode
from truffle.core.json_text import json_object, json_observed
from truffle.core.kinds.registry import KINDS
from truffle.core.model import Failure, Reservation, Scope, Snapshot
from truffle.core.order import Order
from truffle.core.times import format_time, parse_time

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

    from truffle.core.market.answers import Answer
    from truffle.core.runs import Run

REFUSALS = (ClientError, BotoCoreError, HTTPClientError)
"""The exceptions of S3 if it does not return an object."""

DAMAGES = (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError)
"""Errors of reading an object that is not gzip, is truncated, or contains no reservations."""

LATEST_KEYS = {name: f"latest{kind.path}.json" for name, kind in KINDS.items()}


REPORT_KEY = "latest/report.html"


class Unreadable(Exception):
    """An object cannot be read from the bucket, or is damaged; the text names it."""


SCHEMA_VERSION = 1
"""The schema version of the lines of a snapshot object; a reader rejects an unknown version."""


LAYOUT = sha256(json.dumps(FIELD_NAMES).encode()).hexdigest()[:8]
"""The layout of the rows of a region's object: rows of another release have other fields."""

Seen = Mapping[str, str | None]
"""The times at which accounts were observed, as text."""


def snapshot_key(unit: str, at: datetime, content: bytes) -> str:
    """The key of a snapshot object, partitioned by day and hour for Athena. The same content has
    the same key."""
    name = f"{unit.replace('/', '-')}-{at:%H%M%S}-{sha256(content).hexdigest()[:8]}.json.gz"
    return f"snapshots/dt={at:%Y-%m-%d}/hour={at:%H}/{name}"


def region_key(region: str) -> str:
    return f"latest/regions/{region}.json.gz"


def event_key(message: Mapping[str, Any]) -> str:
    """The key of an event's message; the same event has the same key."""
    at = parse_time(message["observed_at"])
    return f"events/dt={at:%Y-%m-%d}/{at:%H%M%S}-{message['event_id']}.json"


def manifest_key(run: Run) -> str:
    return f"runs/dt={run.started_at:%Y-%m-%d}/{run.run_id}.json"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a scope as of a revision of its status. ``status`` is the content of the scope's
    own item then, as returned by ``own_to_json``; None if unknown. ``texts`` are the rows as
    returned by ``json_object``, without ``observed_at``; empty if unknown."""

    revision: int
    rows: list[Reservation]
    status: Json | None = None
    texts: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Archive:
    """The bucket, with a boto3 S3 client."""

    client: S3Client
    bucket: str

    def write_snapshots(self, unit: str, results: Sequence[Snapshot | Failure]) -> None:
        """Write the listings of a unit's scopes as one object of JSON Lines, gzipped.

        It has a line for each scope with the outcome of its listing, then a line for each
        reservation. It belongs to the hour in which its first listing began.
        """
        at = min(observed_or_failed_at(result) for result in results)
        lines = [json.dumps(_scope_line(result), ensure_ascii=False) for result in results]
        for result in results:
            if isinstance(result, Snapshot):
                lines += map(json_object, result.reservations)
        content = "".join(line + "\n" for line in lines).encode()
        self.write_gzipped(snapshot_key(unit, at, content), content)

    def read_region(
        self, region: str, seen: Seen | None = None, *, with_texts: bool = False
    ) -> dict[Scope, Rows]:
        """The rows of a region's scopes as of the last write of its object; empty without an
        object. ``seen`` has the later times at which accounts were observed. Raises Unreadable."""
        packed = self.read_packed(region_key(region))
        return {} if packed is None else unpack_region(region, packed, seen, with_texts)

    def read_packed(self, name: str) -> bytes | None:
        """An object as it is stored; None if there is none. Raises Unreadable."""
        try:
            return bytes(self.client.get_object(Bucket=self.bucket, Key=name)["Body"].read())
        except self.client.exceptions.NoSuchKey:
            return None
        except REFUSALS as error:
            raise Unreadable(f"{name}: {error}") from error

    def write_region(self, region: str, held: Mapping[Scope, Rows]) -> None:
        """Write the rows of a region's scopes for ``read_region``."""
        scopes = sorted(held.items())
        head = {
            "schema_version": SCHEMA_VERSION,
            "layout": LAYOUT,
            "revisions": {scope.account_id: rows.revision for scope, rows in scopes},
            "statuses": {scope.account_id: rows.status for scope, rows in scopes if rows.status},
        }
        lines = [json.dumps(head, ensure_ascii=False).encode()]
        for rows in held.values():
            lines += rows.texts or map(_encoded, rows.rows)
        self.write_gzipped(region_key(region), b"".join(line + b"\n" for line in lines))

    def write_latest(
        self, reservations: Iterable[Reservation], texts: dict[str, bytes | None]
    ) -> None:
        """Write one array for each type, in the default order. ``texts`` are those of ``Rows``, by
        id; they are removed as they are used, since 100,000 rows take 120 MB."""
        rows = Order().sorted(reservations)
        for kind, name in LATEST_KEYS.items():
            # One buffer, row by row: each copy of the text of 100,000 rows takes 90 MB. botocore
            # copies a bytearray, but sends a file without a copy.
            content = BytesIO()
            content.write(b"[")
            for row in rows:
                if row.type == kind:
                    text = texts.pop(row.reservation_id, None)
                    content.write(b",\n" * (content.tell() > 1))
                    content.write(json_observed(text, row.observed_at) if text else _encoded(row))
            content.write(b"]\n")
            content.seek(0)
            self._put(name, content, "application/json")

    def write_report(self, html: str) -> None:
        """Write the report as of the last closed run."""
        self._put(REPORT_KEY, html.encode("utf-8", "replace"), "text/html; charset=utf-8")

    def write_answers(self, region: str, answers: Sequence[Answer]) -> None:
        """Write the answers of a region to watches as one object, in the hour of the first
        answer."""
        from truffle.core.market.answers import answers_key, answers_to_lines

        at = min(answer.observed_at for answer in answers)
        content = answers_to_lines(answers)
        self.write_gzipped(answers_key(region, at, content), content)

    def write_manifest(self, run: Run, manifest: Mapping[str, Any]) -> None:
        text = json.dumps(manifest, separators=(",", ":"), ensure_ascii=False)
        self._put(manifest_key(run), (text + "\n").encode(), "application/json")

    def write_event(self, message: Mapping[str, Any]) -> None:
        """Write a published event's message, on one line."""
        text = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
        self._put(event_key(message), f"{text}\n".encode(), "application/x-ndjson")

    def write_gzipped(self, name: str, content: bytes) -> None:
        """Write JSON Lines as a gzipped object."""
        # No time stamp in the gzip header: the same content is the same object.
        body = gzip.compress(content, compresslevel=6, mtime=0)
        self._put(name, body, "application/x-ndjson", ContentEncoding="gzip")

    def _put(self, name: str, body: bytes | BytesIO, content_type: str, **more: Any) -> None:
        self.client.put_object(
            Bucket=self.bucket, Key=name, Body=body, ContentType=content_type, **more
        )


def observed_or_failed_at(result: Snapshot | Failure) -> datetime:
    """The time at which a listing began."""
    return result.observed_at if isinstance(result, Snapshot) else result.failed_at


def _scope_line(result: Snapshot | Failure) -> Json:
    failure = result if isinstance(result, Failure) else None
    return {
        "schema_version": SCHEMA_VERSION,
        "outcome": "failed" if failure else "succeeded",
        "account_id": result.scope.account_id,
        "region": result.scope.region,
        "observed_at": format_time(observed_or_failed_at(result)),
        "error": failure and failure.code,
        "reservations": None if isinstance(result, Failure) else len(result.reservations),
    }


def _encoded(row: Reservation) -> bytes:
    return json_object(row).encode()


def unpack_region(
    region: str, packed: bytes, seen: Seen | None = None, with_texts: bool = False
) -> dict[Scope, Rows]:
    """The rows of a region's object, as of ``read_region``. Raises Unreadable."""
    try:
        return _read_region(region, packed, seen or {}, with_texts)
    except DAMAGES as error:
        raise Unreadable(f"{region_key(region)} is damaged: {error}") from error


def unpack_statuses(region: str, packed: bytes) -> dict[Scope, Json]:
    """The statuses of a region's object, without decoding its rows. Raises Unreadable."""
    try:
        head = _head(GzipFile(fileobj=BytesIO(packed)).readline())
        return {Scope(name, region): it for name, it in head.get("statuses", {}).items()}
    except DAMAGES as error:
        raise Unreadable(f"{region_key(region)} is damaged: {error}") from error


def _head(line: bytes) -> Json:
    head: Json = json.loads(line)
    if head["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"its schema version is {head['schema_version']}")
    return head


def _read_region(region: str, packed: bytes, seen: Seen, with_texts: bool) -> dict[Scope, Rows]:
    first, *lines = gzip.decompress(packed).splitlines()
    head = _head(first)
    raws = json.loads(b"[" + b",".join(lines) + b"]")
    has_texts = with_texts and head.get("layout") == LAYOUT
    statuses = head.get("statuses", {})
    held = {
        Scope(name, region): Rows(number, [], statuses.get(name))
        for name, number in head["revisions"].items()
    }
    for raw, line in zip(raws, lines, strict=True):
        # Set before the row is created: a second copy of 100,000 rows takes as long as the first.
        raw["observed_at"] = seen.get(raw["account_id"], raw["observed_at"])
        members = held[Scope(raw["account_id"], region)]
        members.rows.append(decode(raw))
        if has_texts:
            members.texts.append(line)
    return held
