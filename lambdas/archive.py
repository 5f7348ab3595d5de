"""The S3 bucket: every snapshot, the latest inventory, and each run's manifest, as JSON."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from truffle.core.codec import encode
from truffle.core.model import CAPACITY_BLOCK, ODCR, Reservation, Snapshot
from truffle.core.order import Order
from truffle.core.runs import Run

LATEST_KEYS = {ODCR: "latest/odcrs.json", CAPACITY_BLOCK: "latest/capacity-blocks.json"}


def snapshot_key(snapshot: Snapshot) -> str:
    """Partitioned by day and hour, as Athena reads it."""
    scope, at = snapshot.scope, snapshot.observed_at
    name = f"{scope.account_id}-{scope.region}-{at:%H%M%S}.json.gz"
    return f"snapshots/dt={at:%Y-%m-%d}/hour={at:%H}/{name}"


def manifest_key(run: Run) -> str:
    return f"runs/dt={run.started_at:%Y-%m-%d}/{run.run_id}.json"


@dataclass(frozen=True, slots=True)
class Archive:
    """Writes to the bucket with a boto3 S3 client."""

    client: Any
    bucket: str

    def write_snapshot(self, snapshot: Snapshot) -> None:
        """JSON Lines, gzipped: one reservation a line."""
        lines = "".join(_json(encode(row)) + "\n" for row in snapshot.reservations)
        # No time stamp in the gzip header: the same snapshot is the same object.
        body = gzip.compress(lines.encode(), compresslevel=6, mtime=0)
        self._put(snapshot_key(snapshot), body, "application/x-ndjson", ContentEncoding="gzip")

    def write_latest(self, reservations: Iterable[Reservation]) -> None:
        """One array for each type, in the default order."""
        rows = Order().sorted(reservations)
        for kind, name in LATEST_KEYS.items():
            items = ",\n".join(_json(encode(row)) for row in rows if row.type == kind)
            self._put(name, f"[{items}]\n".encode(), "application/json")

    def write_manifest(self, run: Run, manifest: Mapping[str, Any]) -> None:
        self._put(manifest_key(run), (_json(manifest) + "\n").encode(), "application/json")

    def _put(self, name: str, body: bytes, content_type: str, **more: str) -> None:
        self.client.put_object(
            Bucket=self.bucket, Key=name, Body=body, ContentType=content_type, **more
        )


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
