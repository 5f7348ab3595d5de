"""A folder with the layout of the bucket, in which the tables' files are built."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from truffle.core.codec import decode
from truffle.core.layout import SOURCES, table_key
from truffle.core.model import Reservation, Scope, Snapshot
from truffle.core.other_fields import OtherFields
from truffle.core.times import parse_time
from truffle.core.validity import (
    LOOKBACK_PERIODS,
    Known,
    ValidSpan,
    ended,
    open_spans,
    valid_spans,
)
from truffle.sql.compaction import Compaction
from truffle.sql.database import literal
from truffle.sql.listings import ListedScope, ListingContents, read_listings


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def lookback_hours(day: date, period: timedelta) -> list[datetime]:
    """The hours before a day whose listings its spans need."""
    count = -(-LOOKBACK_PERIODS * period // timedelta(hours=1))
    return [midnight(day) - timedelta(hours=back) for back in range(count, 0, -1)]


@dataclass(frozen=True, slots=True)
class Folder:
    """Builds tables' files in a folder; ``period`` is that of the schedule.

    ``fetch`` is called with a table and a day before its objects are read, ``keep`` with each
    written file, and ``has_time`` before each day except the first ones. Its methods raise
    duckdb.Error, OSError and Damaged.
    """

    path: Path
    compaction: Compaction
    period: timedelta
    fetch: Callable[[str, date], object] = lambda table, day: None
    keep: Callable[[Path], object] = lambda path: None
    has_time: Callable[[], bool] = lambda: True

    def make(self, table: str, days: Sequence[date]) -> list[date]:
        """Build a table's files of these days, in order; return the days for which there was time.

        Days of ``spans`` must be consecutive, up to the newest.
        """
        make = self._make_spans if table == "spans" else self._make_days
        return make(table, days)

    def _make_days(self, table: str, days: Sequence[date]) -> list[date]:
        made: list[date] = []
        for day in days:
            if made and not self.has_time():
                break
            self.fetch(table, day)
            target = self._target(table, day)
            objects = self.path.glob(f"{SOURCES[table]}/dt={day}/**/*.json*")
            if SOURCES[table] == "snapshots":
                self.compaction.write_listings(table, self._objects(day), target)
            elif table == "offerings":
                self.compaction.write_answers(objects, target)
            else:
                self.compaction.write_documents(table, objects, target)
            self.keep(target)
            made.append(day)
        return made

    def _make_spans(self, table: str, days: Sequence[date]) -> list[date]:
        """Build spans of days; a span that is open at the end of a day is in the file of the newest
        day.

        There is always time for two days, since the first one may have been built before.
        """
        made: list[date] = []
        spans: list[ValidSpan] = []
        for day in days:
            if len(made) > 1 and not self.has_time():
                break
            self.fetch(table, day)
            known = open_spans(spans) if made else self._known(day)
            following = self._spans_of(day, known)
            if made:
                self._write_spans(made[-1], ended(spans, following, midnight(day)))
            spans = following
            made.append(day)
        if made:
            self._write_spans(made[-1], spans)
        return made

    def _write_spans(self, day: date, spans: Sequence[ValidSpan]) -> None:
        target = self._target("spans", day)
        self.compaction.write_spans(spans, target)
        self.keep(target)

    def _spans_of(self, day: date, known: Known) -> list[ValidSpan]:
        reader = _SnapshotReader()
        snapshots = reader.last(
            path
            for hour in lookback_hours(day, self.period)
            for path in self.path.glob(f"snapshots/dt={hour:%Y-%m-%d}/hour={hour:%H}/*.json.gz")
        )
        until = reader.read(self._objects(day), snapshots)
        spans = valid_spans(snapshots, midnight(day), until, self.period, known)
        return [replace(it, others=reader.others.of(it.row)) for it in spans]

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
    """Reads snapshots of listings; several objects share equal rows."""

    def __init__(self) -> None:
        self._rows: list[Reservation] = []
        self._contents = ListingContents(self._take)
        self.others = OtherFields()

    def _take(self, text: str) -> None:
        data = json.loads(text)
        self._rows.append(decode(data))
        self.others.note(data, self._rows[-1])

    def last(self, objects: Iterator[Path]) -> dict[Scope, list[Snapshot]]:
        """The last snapshot of each scope."""
        found: dict[Scope, list[Snapshot]] = {}
        for listing in self._listings(objects):
            if listing.outcome == "succeeded":
                snapshot = self._snapshot(listing)
                found[snapshot.scope] = [snapshot]
        return found

    def read(self, objects: Iterator[Path], found: dict[Scope, list[Snapshot]]) -> datetime:
        """Add the snapshots of a day; return the time of its newest attempt at a scope."""
        newest = datetime.min.replace(tzinfo=UTC)
        for listing in self._listings(objects):
            newest = max(newest, parse_time(listing.observed_at))
            if listing.outcome == "succeeded":
                snapshot = self._snapshot(listing)
                found.setdefault(snapshot.scope, []).append(snapshot)
        return newest

    def _listings(self, objects: Iterator[Path]) -> list[ListedScope]:
        found = read_listings(objects, self._contents)
        return sorted(found, key=lambda listing: parse_time(listing.observed_at))

    def _snapshot(self, listing: ListedScope) -> Snapshot:
        rows = sorted((self._rows[it] for it in listing.rows), key=lambda it: it.reservation_id)
        scope = Scope(listing.account_id, listing.region)
        return Snapshot(scope, parse_time(listing.observed_at), tuple(rows))
