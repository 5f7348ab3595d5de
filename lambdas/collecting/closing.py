"""Closing a run: the latest inventory and the manifest, once every unit had an attempt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.archive import Archive, rows_of
from lambdas.store.runs import RunStore
from lambdas.store.scopes import ScopeStore
from lambdas.telemetry import logger
from truffle.core.merging import merge
from truffle.core.model import Reservation
from truffle.core.runs import Run, Unit, manifest
from truffle.core.status import ScopeStatus

PARALLEL_SCOPES = 16

LOST_AFTER = timedelta(minutes=30)
"""A run that is open for so long has lost a message: all first attempts take minutes at most."""


@dataclass(frozen=True, slots=True)
class Closer:
    """Closes runs. Doing it again only brings a run's papers up to date."""

    scopes: ScopeStore
    runs: RunStore
    archive: Archive
    clock: Callable[[], datetime]

    def answer(self, unit: Unit) -> bool:
        """Note that a unit had an attempt; True where its run is answered with that, and has its
        first success. A unit outside of runs has nothing to answer."""
        if unit.run_id is None:
            return False
        run = self.runs.answer(unit.run_id, unit.region)
        if run is None:
            logger.warning("unknown run", extra={"run_id": unit.run_id})
            return False
        return run.is_answered and self.close(run)

    def close_lost(self) -> None:
        """Close the runs whose last units never had an attempt; the manifest names those."""
        for run in self.runs.latest(5):
            if run.finished_at is None and self.clock() - run.started_at > LOST_AFTER:
                logger.warning("run lost units", extra={"run_id": run.run_id})
                self.close(run)

    def close(self, run: Run) -> bool:
        """True where scopes succeeded of which none had at an earlier close."""
        statuses = self.scopes.statuses()
        self.archive.write_latest(merge(self._inventory(statuses)))
        finished_at = self.clock()
        papers = manifest(run, {status.scope: status for status in statuses}, finished_at)
        self.archive.write_manifest(run, papers)
        counts = papers["counts"]
        logger.info("run finished", extra={"run_id": run.run_id, "counts": counts})
        return self.runs.finish(run, finished_at, counts["succeeded"], counts["failed"])

    def _inventory(self, statuses: Sequence[ScopeStatus]) -> Iterator[Reservation]:
        """Every scope's rows, from its snapshot: one object, where the table has an item a row."""
        with ThreadPoolExecutor(PARALLEL_SCOPES) as pool:
            snapshots = pool.map(self.archive.fetch_snapshot, statuses)
            # Only waiting is done side by side: threads that all parse slow each other down.
            for status, snapshot in zip(statuses, snapshots, strict=True):
                rows = rows_of(snapshot, status) if snapshot is not None else None
                yield from self.scopes.reservations(status) if rows is None else rows
