"""Closing a run: its counts and its manifest, once every unit had an attempt.

``latest/`` and the report follow (``lambdas/collecting/latest_files.py``): a run does not wait for
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from lambdas.collecting.units import latest_message
from lambdas.metering import CallMeter
from lambdas.observability import logger
from lambdas.store.archive import Archive
from lambdas.store.directory import DirectoryStore
from lambdas.store.documents import UNREADABLE
from lambdas.store.garbage import no_garbage_collection
from lambdas.store.runs import RunChanged, RunStore
from lambdas.store.scopes import ScopeStore, StoredStatus
from truffle.core.calls import Calls
from truffle.core.codec import Json
from truffle.core.expected import NOTHING_EXPECTED, ExpectedDenials
from truffle.core.organization import discovery_to_json
from truffle.core.runs import Finish, Run, Unit, WriteLatest, manifest

CLOSE_TRIES = 3
"""The maximum number of consecutive closes while units keep finding something new."""

MOST_WARNINGS = 20

ATTEMPT_CALLS = Calls({"dynamodb": 1}, items_written=1)
"""The calls of recording an attempt, which that record itself includes."""

REQUEST = Calls({"sqs": 1})
"""The call of sending the message that asks for ``latest/``."""

LAST_CALLS = Calls({"s3": 1, "dynamodb": 1}, items_written=1)
"""The calls of writing the manifest and recording that, which the manifest itself includes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closer:
    """Closes runs: each once, and again if a unit found something new after that.

    ``directory`` keeps the accounts of the organization; None if no organization is collected.
    ``meter`` counts the requests of the present attempt at a unit and of the close. ``send`` sends
    a message to the queue of units.
    """

    scopes: ScopeStore
    runs: RunStore
    archive: Archive
    clock: Callable[[], datetime]
    send: Callable[[str], object]
    expected: ExpectedDenials = NOTHING_EXPECTED
    directory: DirectoryStore | None = None
    meter: CallMeter = field(default_factory=CallMeter)

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
        """Close a run; True if scopes succeeded and none had at an earlier close. Raises what S3,
        SQS and DynamoDB do, and Changed."""
        for _ in range(CLOSE_TRIES):
            try:
                with no_garbage_collection():
                    return self._close(run)
            except RunChanged:
                run = self.runs.get(run.run_id) or run
        raise RunChanged(f"units of run {run.run_id} changed {CLOSE_TRIES} times in a row")

    def _close(self, run: Run) -> bool:
        run = self.runs.get(run.run_id) or run
        statuses, at = self.scopes.statuses(), self.clock()
        counts, spent = self.write_manifest(run, statuses, at, REQUEST + LAST_CALLS)
        # Before the run is recorded as closed: after a crash between the two, both are repeated.
        self.send(latest_message(WriteLatest(run.run_id, at)))
        logger.info("run finished", extra={"run_id": run.run_id, "counts": counts})
        return self._finish(run, at, counts, spent)

    def write_manifest(
        self,
        run: Run,
        statuses: Sequence[StoredStatus],
        finished_at: datetime,
        last_calls: Calls,
        warnings: Sequence[str] = (),
    ) -> tuple[Mapping[str, int], Calls]:
        """Write a run's manifest; its counts, and the calls made by then and ``last_calls``. Raises
        what S3 does."""
        named = list(warnings)
        discovery = self._discovery(named)
        spent = self.meter.take() + last_calls
        run, outcomes = replace(run, calls=run.calls + spent), {it.scope: it for it in statuses}
        document = manifest(run, outcomes, finished_at, _few(named), self.expected, discovery)
        self.archive.write_manifest(run, document)
        return document["counts"], spent

    def _finish(self, run: Run, at: datetime, counts: Mapping[str, int], spent: Calls) -> bool:
        """Raises Changed; the calls made by then count for the next try."""
        succeeded, failed, closed = (counts[it] for it in ("succeeded", "failed", "closed"))
        run = replace(run, succeeded=succeeded, failed=failed, closed=closed)
        with self._spent_again(spent):
            return self.runs.finish(run, at, spent)

    def note_latest(self, run: Run, spent: Calls) -> None:
        """Record when ``latest/`` was written, and the calls of that. Raises Changed."""
        with self._spent_again(spent):
            self.runs.note_latest(run, spent)

    @contextmanager
    def _spent_again(self, spent: Calls) -> Iterator[None]:
        """Count the calls made by then for the next try if a run changed."""
        try:
            yield
        except RunChanged:
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


def _few(warnings: Sequence[str]) -> list[str]:
    more = len(warnings) - MOST_WARNINGS
    return [*warnings[:MOST_WARNINGS], *([f"and {more} more"] if more > 0 else [])]
