"""Closing a run: write the latest inventory and the manifest once every unit had an attempt."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import repeat

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.collecting.publications import Publication, publish_all
from lambdas.metering import CallMeter
from lambdas.observability import logger
from lambdas.store.archive import Archive, Rows, Unreadable
from lambdas.store.directory import DirectoryStore
from lambdas.store.documents import UNREADABLE
from lambdas.store.heartbeats import is_plain
from lambdas.store.latest import own_to_json
from lambdas.store.runs import Changed, RunStore
from lambdas.store.scopes import ScopeStore, StoredStatus
from lambdas.store.statuses import NO_ROWS
from truffle.core.calls import Calls
from truffle.core.codec import Json
from truffle.core.expected import NOTHING_EXPECTED, ExpectedDenials
from truffle.core.merging import merge
from truffle.core.model import Reservation, Scope
from truffle.core.organization import discovery_to_json
from truffle.core.runs import Finish, Run, Unit, manifest
from truffle.core.times import format_time

PARALLEL_SCOPES = 16
PARALLEL_REGIONS = 8

CLOSE_TRIES = 3
"""The maximum number of consecutive closes while units keep finding something new."""

MOST_WARNINGS = 20

ATTEMPT_CALLS = Calls({"dynamodb": 1}, items_written=1)
"""The calls of recording an attempt, which that record itself includes."""

LAST_CALLS = Calls({"s3": 1, "dynamodb": 1}, items_written=1)
"""The calls of writing the manifest and closing its run, which the manifest itself includes."""


Texts = dict[str, bytes | None]
"""The texts of the rows of region objects, by the reservations' ids."""


@dataclass(frozen=True, slots=True)
class Closer:
    """Closes runs: each once, and again if a unit found something new after that.

    ``directory`` keeps the accounts of the organization; None if no organization is collected.
    ``meter`` counts the requests of the present attempt at a unit and of the close.
    ``publications`` are made from the inventory of each close.
    """

    scopes: ScopeStore
    runs: RunStore
    archive: Archive
    clock: Callable[[], datetime]
    expected: ExpectedDenials = NOTHING_EXPECTED
    directory: DirectoryStore | None = None
    meter: CallMeter = field(default_factory=CallMeter)
    publications: Callable[[], Sequence[Publication]] = tuple

    def record_attempt(
        self, unit: Unit, has_changes: bool = True, observed_at: datetime | None = None
    ) -> bool:
        """Record that a unit had an attempt; True if this closes its run with its first success. A
        unit outside of runs needs no record.

        ``has_changes`` means that a closed run must be closed again. ``observed_at`` is the newest
        observation of an earlier attempt, which may have ended before it recorded that.
        """
        if unit.run_id is None:
            return False
        spent = self.meter.take() + ATTEMPT_CALLS
        run = self.runs.record_attempt(unit.run_id, unit.name, has_changes, spent)
        self.meter.take()
        if run is None:
            logger.warning("unknown run", extra={"run_id": unit.run_id})
            return False
        if not run.has_all_attempts:
            return False
        if run.finished_at is None:
            claimed = self.runs.claim(unit.run_id, unit.name)
            return claimed is not None and self.close(claimed)
        closed_at = run.closed_at or run.finished_at
        is_newer = observed_at is not None and observed_at > closed_at
        return (has_changes or is_newer) and self.close(run)

    def finish(self, message: Finish) -> bool:
        """Close a run whose last units never had an attempt; the manifest names them."""
        run = self.runs.take_over(message.run_id, "lost")
        if run is None:
            return False
        pending = sorted(run.pending)
        logger.warning("run lost units", extra={"run_id": run.run_id, "units": pending})
        return self.close(run)

    def close(self, run: Run) -> bool:
        """Close a run; True if scopes succeeded and none had at an earlier close. Raises what S3
        and DynamoDB do, and Changed; a run whose ``latest/`` could not be written stays open."""
        for _ in range(CLOSE_TRIES):
            try:
                with _no_garbage_collection():
                    return self._close(run)
            except Changed:
                run = self.runs.get(run.run_id) or run
        raise Changed(f"units of run {run.run_id} changed {CLOSE_TRIES} times in a row")

    def _close(self, run: Run) -> bool:
        run = self.runs.get(run.run_id) or run
        statuses = self.scopes.statuses()
        warnings: list[str] = []
        texts: Texts = {}
        rows = merge(self._inventory(statuses, texts, warnings))
        refusal = self._write_latest(rows, texts, warnings)
        finished_at = self.clock()
        warnings += publish_all(self.publications(), rows, statuses, finished_at)
        outcomes = {it.scope: it for it in statuses}
        discovery = self._discovery(warnings)
        spent = self.meter.take() + LAST_CALLS
        run = replace(run, calls=run.calls + spent)
        document = manifest(run, outcomes, finished_at, _few(warnings), self.expected, discovery)
        self.archive.write_manifest(run, document)
        if refusal is not None:
            raise refusal
        logger.info("run finished", extra={"run_id": run.run_id, "counts": document["counts"]})
        return self._finish(run, finished_at, document["counts"], spent)

    def _finish(self, run: Run, at: datetime, counts: Mapping[str, int], spent: Calls) -> bool:
        """Raises Changed; the calls made by then count for the next try."""
        succeeded, failed, closed = (counts[it] for it in ("succeeded", "failed", "closed"))
        run = replace(run, succeeded=succeeded, failed=failed, closed=closed)
        try:
            return self.runs.finish(run, at, spent)
        except Changed:
            self.meter.add(spent)
            raise

    def _discovery(self, warnings: list[str]) -> Json | None:
        """The age of the list of accounts; if it cannot be read, the manifest records that."""
        if self.directory is None:
            return None
        try:
            return discovery_to_json(self.directory.directory())
        except UNREADABLE as error:
            logger.warning("directory not read", extra={"error": str(error)})
            warnings.append(f"the list of accounts was not read: {error}")
            return None

    def _write_latest(
        self, rows: Sequence[Reservation], texts: Texts, warnings: list[str]
    ) -> ClientError | BotoCoreError | None:
        """S3's error, which must not prevent the run's manifest from being written."""
        try:
            self.archive.write_latest(rows, texts)
        except (ClientError, BotoCoreError) as error:
            logger.warning("latest/ not written", extra={"error": str(error)})
            warnings.insert(0, f"latest/ was not written: {error}")
            return error
        return None

    def _inventory(
        self, statuses: Sequence[StoredStatus], texts: Texts, warnings: list[str]
    ) -> Iterator[Reservation]:
        """The rows of every scope, from the object of its region. Rows that changed since it was
        written are read from the table, and the object is written again. Fills ``texts``."""
        held: dict[str, list[StoredStatus]] = {}
        for status in statuses:
            if not is_plain(status.heartbeat):
                held.setdefault(status.scope.region, []).append(status)
        with ThreadPoolExecutor(PARALLEL_REGIONS) as pool:
            known = dict(zip(held, pool.map(self._read, held, held.values()), strict=True))
        for region, members in held.items():
            present = self._region(region, members, known.pop(region), warnings)
            for rows in present.values():
                _note_texts(rows, texts)
                yield from rows.rows

    def _read(
        self, region: str, statuses: Sequence[StoredStatus]
    ) -> dict[Scope, Rows] | Unreadable:
        seen = {it.scope.account_id: _time(it.observed_at) for it in statuses}
        try:
            return self.archive.read_region(region, seen, with_texts=True)
        except Unreadable as error:
            return error

    def _region(
        self,
        region: str,
        statuses: Sequence[StoredStatus],
        known: dict[Scope, Rows] | Unreadable,
        warnings: list[str],
    ) -> dict[Scope, Rows]:
        """The rows of a region's scopes."""
        if isinstance(known, Unreadable):
            logger.warning("region unreadable", extra={"error": str(known)})
            warnings.append(f"{region} was read from the table: {known}")
            known = {}
        changed = [it for it in statuses if not _is_current(it, known.get(it.scope))]
        with ThreadPoolExecutor(PARALLEL_SCOPES) as pool:
            rows = pool.map(self._rows, changed)
            read = {it.scope: found for it, found in zip(changed, rows, strict=True)}
        present = {
            it.scope: Rows(it.revision, read[it.scope], own_to_json(it))
            if it.scope in read
            else replace(known[it.scope], status=own_to_json(it))
            for it in statuses
        }
        if read or _heads(present) != _heads(known) or not all(map(_has_texts, present.values())):
            self._write_region(region, present, warnings)
        return present

    def _rows(self, status: StoredStatus) -> list[Reservation]:
        if status.observed_at is None or status.digest == NO_ROWS:
            return []
        return list(self.scopes.reservations(status))

    def _write_region(
        self, region: str, present: Mapping[Scope, Rows], warnings: list[str]
    ) -> None:
        """Without the object, readers get its rows from the table, so an error is only logged."""
        try:
            self.archive.write_region(region, present)
        except (ClientError, BotoCoreError) as error:
            logger.warning("region not written", extra={"error": str(error)})
            warnings.append(f"{region} was not written: {error}")


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """While an inventory is read, the garbage collector would traverse all of its rows again and
    again, which takes a quarter of a close's time; rows form no cycles."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _note_texts(rows: Rows, texts: Texts) -> None:
    """Note the texts of rows, except those of reservations that several scopes list."""
    for row, text in zip(rows.rows, rows.texts or repeat(None), strict=False):
        texts[row.reservation_id] = None if row.reservation_id in texts else text


def _has_texts(rows: Rows) -> bool:
    return len(rows.texts) == len(rows.rows)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)


def _heads(held: Mapping[Scope, Rows]) -> dict[Scope, tuple[int, Json | None]]:
    return {scope: (rows.revision, rows.status) for scope, rows in held.items()}


def _is_current(status: StoredStatus, known: Rows | None) -> bool:
    """Whether rows are those of a scope's last complete snapshot."""
    return known is not None and known.revision == status.revision and status.written_at is None


def _few(warnings: Sequence[str]) -> list[str]:
    more = len(warnings) - MOST_WARNINGS
    return [*warnings[:MOST_WARNINGS], *([f"and {more} more"] if more > 0 else [])]
