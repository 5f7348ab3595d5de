"""A folder laid out as the bucket is, in which the tables' files are made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from truffle.core.codec import decode
from truffle.core.layout import table_key
from truffle.core.model import Reservation, Scope, Snapshot
from truffle.core.times import parse_time
from truffle.core.validity import LOOKBACK_PERIODS, Known, open_spans, valid_spans
from truffle.sql.compaction import Compaction
from truffle.sql.database import literal
from truffle.sql.listings import Contents, Listing, read_listings


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def lookback_hours(day: date, period: timedelta) -> list[datetime]:
    """The hours before a day whose listings its spans need."""
    count = -(-LOOKBACK_PERIODS * period // timedelta(hours=1))
    return [midnight(day) - timedelta(hours=back) for back in range(count, 0, -1)]


@dataclass(frozen=True, slots=True)
class Folder:
    """``period`` is that of the schedule. Its methods raise duckdb.Error, OSError and Damaged."""

    path: Path
    compaction: Compaction
    period: timedelta

    def make(self, table: str, days: Sequence[date]) -> list[Path]:
        """Make a table's files of these days, in order; the files that were written.

        Days of ``spans`` have to follow one another, up to the newest.
        """
        if table == "spans":
            return self._make_spans(days)
        return [path for day in days for path in self._make(table, day)]

    def _make(self, table: str, day: date) -> list[Path]:
        if table in ("snapshots", "listings"):
            targets = self._target("snapshots", day), self._target("listings", day)
            self.compaction.write_listings(self._objects(day), *targets)
            return list(targets)
        target = self._target(table, day)
        objects = self.path.glob(f"{table}/dt={day}/*.json")
        self.compaction.write_documents(table, objects, target)
        return [target]

    def _make_spans(self, days: Sequence[date]) -> list[Path]:
        known = self._known(days[0]) if days else {}
        written = []
        for day in days:
            reader = _SnapshotReader()
            before = (
                path
                for hour in lookback_hours(day, self.period)
                for path in self.path.glob(f"snapshots/dt={hour:%Y-%m-%d}/hour={hour:%H}/*.json.gz")
            )
            snapshots = reader.last(before)
            until = reader.read(self._objects(day), snapshots)
            spans = valid_spans(snapshots, midnight(day), until, self.period, known)
            known = open_spans(spans)
            is_newest = day == days[-1]
            kept = [span for span in spans if is_newest or span.valid_to is not None]
            written.append(self._target("spans", day))
            self.compaction.write_spans(kept, written[-1])
        return written

    def _known(self, day: date) -> Known:
        """The spans that were open when a day began, of the files of that day and later ones."""
        files = [
            str(path)
            for path in sorted(self.path.glob(table_key("spans", day).replace(str(day), "*")))
            if path.parent.name >= f"dt={day}"
        ]
        if not files:
            return {}
        rows = self.compaction.database.execute(
            f"SELECT reservation_id, digest, max(valid_from) FROM read_parquet($files) "
            f"WHERE valid_from < TIMESTAMP {literal(str(day))} GROUP BY ALL",
            {"files": files},
        ).fetchall()
        return {(name, digest): start.replace(tzinfo=UTC) for name, digest, start in rows}

    def _objects(self, day: date) -> Iterator[Path]:
        return self.path.glob(f"snapshots/dt={day}/*/*.json.gz")

    def _target(self, table: str, day: date) -> Path:
        return self.path / table_key(table, day)


class _SnapshotReader:
    """Snapshots of listings; those of several objects share the rows that are the same."""

    def __init__(self) -> None:
        self._rows: list[Reservation] = []
        self._contents = Contents(lambda text: self._rows.append(decode(json.loads(text))))

    def last(self, objects: Iterator[Path]) -> dict[Scope, list[Snapshot]]:
        """The last snapshot of each scope."""
        found: dict[Scope, list[Snapshot]] = {}
        for listing in self._listings(objects):
            if listing.outcome == "succeeded":
                snapshot = self._snapshot(listing)
                found[snapshot.scope] = [snapshot]
        return found

    def read(self, objects: Iterator[Path], found: dict[Scope, list[Snapshot]]) -> datetime:
        """Add the snapshots of a day; the time of its newest attempt at a scope."""
        newest = datetime.min.replace(tzinfo=UTC)
        for listing in self._listings(objects):
            newest = max(newest, parse_time(listing.observed_at))
            if listing.outcome == "succeeded":
                snapshot = self._snapshot(listing)
                found.setdefault(snapshot.scope, []).append(snapshot)
        return newest

    def _listings(self, objects: Iterator[Path]) -> list[Listing]:
        found = read_listings(objects, self._contents)
        return sorted(found, key=lambda listing: parse_time(listing.observed_at))

    def _snapshot(self, listing: Listing) -> Snapshot:
        rows = sorted((self._rows[it] for it in listing.rows), key=lambda it: it.reservation_id)
        scope = Scope(listing.account_id, listing.region)
        return Snapshot(scope, parse_time(listing.observed_at), tuple(rows))
