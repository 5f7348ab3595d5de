"""The S3 bucket: every snapshot, the latest inventory, and each run's manifest, as JSON."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from truffle.core.codec import decode
from truffle.core.json_text import json_object
from truffle.core.model import Reservation, ReservationType, Scope, Snapshot
from truffle.core.order import Order
from truffle.core.runs import Run
from truffle.core.status import ScopeStatus

_DAMAGES = (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError)
"""What reading an object raises that is no gzip, is cut off, or holds no reservations."""

LATEST_KEYS = {
    ReservationType.ODCR: "latest/odcrs.json",
    ReservationType.CAPACITY_BLOCKS: "latest/capacity-blocks.json",
}


class Unreadable(Exception):
    """The bucket does not give an object, or what it gives is damaged; the text names it."""


def snapshot_key(scope: Scope, at: datetime) -> str:
    """Partitioned by day and hour, as Athena reads it."""
    name = f"{scope.account_id}-{scope.region}-{at:%H%M%S}.json.gz"
    return f"snapshots/dt={at:%Y-%m-%d}/hour={at:%H}/{name}"


def manifest_key(run: Run) -> str:
    return f"runs/dt={run.started_at:%Y-%m-%d}/{run.run_id}.json"


@dataclass(frozen=True, slots=True)
class Archive:
    """The bucket, with a boto3 S3 client."""

    client: Any
    bucket: str

    def write_snapshot(self, snapshot: Snapshot) -> None:
        """JSON Lines, gzipped: one reservation a line."""
        lines = "".join(json_object(row) + "\n" for row in snapshot.reservations)
        # No time stamp in the gzip header: the same snapshot is the same object.
        body = gzip.compress(lines.encode(), compresslevel=6, mtime=0)
        name = snapshot_key(snapshot.scope, snapshot.observed_at)
        self._put(name, body, "application/x-ndjson", ContentEncoding="gzip")

    def fetch_snapshot(self, status: ScopeStatus) -> bytes:
        """The object with a scope's last snapshot. Raises Unreadable."""
        if status.observed_at is None:
            raise Unreadable("there is no snapshot yet")
        name = snapshot_key(status.scope, status.observed_at)
        try:
            return bytes(self.client.get_object(Bucket=self.bucket, Key=name)["Body"].read())
        except (ClientError, BotoCoreError, HTTPClientError) as error:
            raise Unreadable(f"{name}: {error}") from error

    def write_latest(self, reservations: Iterable[Reservation]) -> None:
        """One array for each type, in the default order."""
        rows = Order().sorted(reservations)
        for kind, name in LATEST_KEYS.items():
            items = ",\n".join(json_object(row) for row in rows if row.type == kind)
            self._put(name, f"[{items}]\n".encode(), "application/json")

    def write_manifest(self, run: Run, manifest: Mapping[str, Any]) -> None:
        text = json.dumps(manifest, separators=(",", ":"), ensure_ascii=False)
        self._put(manifest_key(run), (text + "\n").encode(), "application/json")

    def _put(self, name: str, body: bytes, content_type: str, **more: str) -> None:
        self.client.put_object(
            Bucket=self.bucket, Key=name, Body=body, ContentType=content_type, **more
        )


def rows_of(snapshot: bytes, status: ScopeStatus) -> list[Reservation] | None:
    """The rows of a snapshot's object; None where it is not the one that the status tells of: two
    of one second share a name. Raises Unreadable for an object that is damaged."""
    try:
        if not snapshot:
            raise EOFError("it is empty")
        lines = gzip.decompress(snapshot).splitlines()
        rows = [decode(row) for row in json.loads(b"[" + b",".join(lines) + b"]")]
    except _DAMAGES as error:
        name = snapshot_key(status.scope, status.observed_at) if status.observed_at else "?"
        raise Unreadable(f"{name} is damaged: {error}") from error
    is_it = all(row.observed_at == status.observed_at for row in rows)
    return rows if is_it and len(rows) == status.reservations else None
