"""Writing ``latest/`` and the report, from the whole inventory, after a run was closed.

A message on the queue of units asks for it, so the run need not wait. Anything that fails is named
in the run's manifest, and the message is retried.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import repeat

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.collecting.finish_run import CLOSE_TRIES, LAST_CALLS, Closer
from lambdas.collecting.publications import Publication, publish_all
from lambdas.observability import logger
from lambdas.parallel import PARALLEL_REQUESTS
from lambdas.store.archive import REFUSALS, Rows, Unreadable
from lambdas.store.garbage import no_garbage_collection
from lambdas.store.heartbeats import is_plain
from lambdas.store.latest import own_to_json
from lambdas.store.runs import RunChanged
from lambdas.store.scopes import StoredStatus
from lambdas.store.statuses import NO_ROWS
from truffle.core.codec import Json
from truffle.core.merging import merge
from truffle.core.model import Reservation, Scope
from truffle.core.runs import Run, WriteLatest
from truffle.core.times import format_time

PARALLEL_REGIONS = 8

RECORD_TRIES = 10
RECORD_PAUSE_SECONDS = 0.2
"""How often, and how far apart, a run is read until its close is recorded."""

Texts = dict[str, bytes | None]
"""The texts of the rows of region objects, by the reservations' ids."""


class NotWritten(Exception):
    """Something of ``latest/`` was not written; the text names it, and why."""


@dataclass(frozen=True, slots=True)
class LatestFiles:
    """Writes ``latest/`` for closed runs. ``closer`` has the stores, and updates the manifest;
    ``publications`` makes what is published beside the lists of reservations."""

    closer: Closer
    publications: Callable[[], Sequence[Publication]] = tuple
    pause: Callable[[float], object] = time.sleep

    def write(self, message: WriteLatest) -> None:
        """Write everything as of now, again if a unit of the run found something new meanwhile.
        Raises NotWritten, Changed, and what S3 and DynamoDB do."""
        for _ in range(CLOSE_TRIES):
            try:
                with no_garbage_collection():
                    return self._write(message)
            except RunChanged:
                continue
        raise RunChanged(f"units of run {message.run_id} changed {CLOSE_TRIES} times in a row")

    def _recorded(self, message: WriteLatest) -> Run | None:
        """The run, when its close is recorded, which follows the message within milliseconds. After
        a crash between the two, the run as it is: its close is repeated, and so is this."""
        for _ in range(RECORD_TRIES):
            run = self.closer.runs.get(message.run_id)
            if run is None or (run.closed_at is not None and run.closed_at >= message.closed_at):
                break
            self.pause(RECORD_PAUSE_SECONDS)
        return run

    def _write(self, message: WriteLatest) -> None:
        closer, run = self.closer, self._recorded(message)
        if run is None:
            logger.warning("unknown run", extra={"run_id": message.run_id})
            return
        statuses, now = closer.scopes.statuses(), closer.clock()
        warnings: list[str] = []
        texts: Texts = {}
        rows = merge(self._inventory(statuses, texts, warnings))
        failed = self._write_lists(rows, texts)
        failed += publish_all(self.publications(), rows, statuses, now)
        latest_at = None if failed else now
        finished_at = run.closed_at or now
        noted = replace(run, latest_at=latest_at)
        _, spent = closer.write_manifest(
            noted, statuses, finished_at, LAST_CALLS, [*failed, *warnings]
        )
        closer.note_latest(noted, spent)
        if failed:
            raise NotWritten("; ".join(failed))

    def _write_lists(self, rows: Sequence[Reservation], texts: Texts) -> list[str]:
        """Write the lists of reservations; the error if S3 does not accept them."""
        try:
            self.closer.archive.write_latest(rows, texts)
        except REFUSALS as error:
            logger.warning("latest/ not written", extra={"error": str(error)})
            return [f"latest/ was not written: {error}"]
        return []

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
            return self.closer.archive.read_region(region, seen, with_texts=True)
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
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
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
        return list(self.closer.scopes.reservations(status))

    def _write_region(
        self, region: str, present: Mapping[Scope, Rows], warnings: list[str]
    ) -> None:
        """Without the object, readers get its rows from the table, so an error is only logged."""
        try:
            self.closer.archive.write_region(region, present)
        except (ClientError, BotoCoreError) as error:
            logger.warning("region not written", extra={"error": str(error)})
            warnings.append(f"{region} was not written: {error}")


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
