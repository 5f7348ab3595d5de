"""Closing a run: the latest inventory and the manifest, once every unit had an attempt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.observability import logger
from lambdas.store.archive import Archive, Unreadable, rows_of
from lambdas.store.runs import Changed, RunStore
from lambdas.store.scopes import ScopeStore
from truffle.core.expected import NOTHING_EXPECTED, ExpectedDenials
from truffle.core.merging import merge
from truffle.core.model import Reservation
from truffle.core.runs import Finish, Run, Unit, manifest
from truffle.core.status import ScopeStatus

PARALLEL_SCOPES = 16

CLOSE_TRIES = 3
"""How often a run is closed in a row while units go on finding something new."""

MOST_WARNINGS = 20


@dataclass(frozen=True, slots=True)
class Closer:
    """Closes runs: each once, and again where a unit found something new after that."""

    scopes: ScopeStore
    runs: RunStore
    archive: Archive
    clock: Callable[[], datetime]
    expected: ExpectedDenials = NOTHING_EXPECTED

    def answer(self, unit: Unit, is_news: bool = True, observed_at: datetime | None = None) -> bool:
        """Note that a unit had an attempt; True where its run is closed with that, and has its
        first success. A unit outside of runs has nothing to answer.

        ``is_news`` says that a closed run has to be closed again. ``observed_at`` is the newest
        observation that an earlier attempt made, which may have died before it told of that.
        """
        if unit.run_id is None:
            return False
        run = self.runs.answer(unit.run_id, unit.region, is_news)
        if run is None:
            logger.warning("unknown run", extra={"run_id": unit.run_id})
            return False
        if not run.is_answered:
            return False
        if run.finished_at is None:
            claimed = self.runs.claim(unit.run_id, unit.region)
            return claimed is not None and self.close(claimed)
        closed_at = run.closed_at or run.finished_at
        is_newer = observed_at is not None and observed_at > closed_at
        return (is_news or is_newer) and self.close(run)

    def finish(self, message: Finish) -> bool:
        """Close a run whose last units never had an attempt; the manifest names those."""
        run = self.runs.take_over(message.run_id, "lost")
        if run is None:
            return False
        pending = sorted(run.pending)
        logger.warning("run lost units", extra={"run_id": run.run_id, "regions": pending})
        return self.close(run)

    def close(self, run: Run) -> bool:
        """True where scopes succeeded of which none had at an earlier close. Raises what S3 and
        DynamoDB do, and Changed; a run of which ``latest/`` could not be written stays open."""
        for _ in range(CLOSE_TRIES):
            try:
                return self._close(run)
            except Changed:
                run = self.runs.get(run.run_id) or run
        raise Changed(f"units of run {run.run_id} found something new {CLOSE_TRIES} times in a row")

    def _close(self, run: Run) -> bool:
        statuses = self.scopes.statuses()
        warnings: list[str] = []
        refusal = self._write_latest(statuses, warnings)
        finished_at = self.clock()
        outcomes = {it.scope: it for it in statuses}
        papers = manifest(run, outcomes, finished_at, _few(warnings), self.expected)
        self.archive.write_manifest(run, papers)
        if refusal is not None:
            raise refusal
        counts = papers["counts"]
        logger.info("run finished", extra={"run_id": run.run_id, "counts": counts})
        return self.runs.finish(run, finished_at, counts["succeeded"], counts["failed"])

    def _write_latest(
        self, statuses: Sequence[ScopeStatus], warnings: list[str]
    ) -> ClientError | BotoCoreError | None:
        """S3's refusal, which must not keep the run's manifest from being written."""
        rows = merge(self._inventory(statuses, warnings))
        try:
            self.archive.write_latest(rows)
        except (ClientError, BotoCoreError) as error:
            logger.warning("latest/ not written", extra={"error": str(error)})
            warnings.insert(0, f"latest/ was not written: {error}")
            return error
        return None

    def _inventory(
        self, statuses: Sequence[ScopeStatus], warnings: list[str]
    ) -> Iterator[Reservation]:
        """Every scope's rows, from its snapshot: one object, where the table has an item a row."""
        seen = [status for status in statuses if status.observed_at is not None]
        with ThreadPoolExecutor(PARALLEL_SCOPES) as pool:
            snapshots = pool.map(self._fetch, seen)
            # Only waiting is done side by side: threads that all parse slow each other down.
            for status, snapshot in zip(seen, snapshots, strict=True):
                rows: list[Reservation] | None = None
                try:
                    if isinstance(snapshot, Unreadable):
                        raise snapshot
                    rows = rows_of(snapshot, status)
                except Unreadable as error:
                    logger.warning("snapshot unreadable", extra={"error": str(error)})
                    warnings.append(f"{status.scope} was read from the table: {error}")
                yield from self.scopes.reservations(status) if rows is None else rows

    def _fetch(self, status: ScopeStatus) -> bytes | Unreadable:
        try:
            return self.archive.fetch_snapshot(status)
        except Unreadable as error:
            return error


def _few(warnings: Sequence[str]) -> list[str]:
    more = len(warnings) - MOST_WARNINGS
    return [*warnings[:MOST_WARNINGS], *([f"and {more} more"] if more > 0 else [])]
