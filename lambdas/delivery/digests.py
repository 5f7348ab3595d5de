"""Events of one run, buffered until the run is over: many are delivered as a digest, few one by
one.

Many events of a listing outside of runs are treated like a run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas.store.digest_buffer import BatchConflict, DigestBatch, DigestBuffer, Placed
from lambdas.store.runs import RunStore
from truffle.alerts.settings import Destination
from truffle.core.events import EventType
from truffle.core.runs import Run

CHECK_INTERVAL = timedelta(seconds=5)
QUIET = timedelta(seconds=4)
"""How long no event must have arrived: the last events of a run arrive after its end."""
LONGEST_RUN = timedelta(minutes=15)
"""A run that is open for longer is no longer waited for: its first attempts take at most
minutes."""

Message = dict[str, Any]


class NotYet(Exception):
    """The run is not over, or its events still arrive: check again in five seconds."""


@dataclass(frozen=True, slots=True)
class Digests:
    """Buffers events. ``send_flush`` puts a flush of a run on a destination's queue."""

    pending: DigestBuffer
    runs: RunStore
    clock: Callable[[], datetime]

    def add(
        self, destination: Destination, message: Message, send_flush: Callable[[str], None]
    ) -> str | None:
        """Buffer an event; return the run for whose end it waits, or with whose events it was
        delivered. None if it does not wait and must be delivered at once."""
        run_id = self._waits_for(destination, message)
        if run_id is None:
            return None
        name, now = destination.name, self.clock()
        placed = self.pending.add(name, run_id, message, now)
        # A repeated event may come from an invocation that claimed the flush and did not send it.
        # An extra flush finds nothing to deliver; without a flush, an event would wait for ever.
        if placed is Placed.BUFFERED or (
            placed is Placed.NEW and self.pending.claim_flush(name, run_id, now)
        ):
            send_flush(run_id)
        return run_id

    def _waits_for(self, destination: Destination, message: Message) -> str | None:
        """The run whose end an event waits for. Outside of runs, events are delivered within
        seconds; they wait for their listing only if it has too many events to deliver one by
        one."""
        most = destination.most_single_messages(EventType(message["type"]))
        run_id = message.get("run_id")
        if most is None:
            return None
        if run_id is not None:
            return None if self.runs.get(run_id) is None else str(run_id)
        events = message.get("events_of_listing")
        if events is None or events <= most:
            return None
        return f"{message['account_id']}/{message['region']}@{message['observed_at']}"

    def flush(
        self, destination: Destination, run_id: str, deliver: Callable[[DigestBatch], None]
    ) -> None:
        """Deliver the buffered events, batch by batch. Raises NotYet, and what delivering raises;
        in that case the next flush delivers the batch."""
        name = destination.name
        if not self._is_over(self.runs.get(run_id)) or not self._is_quiet(name, run_id):
            raise NotYet
        # First of all: an event that is buffered from now on sends its own flush, and one that was
        # buffered before is read below.
        self.pending.forget_flush(name, run_id)
        while (batch := self._next_batch(name, run_id)) is not None:
            deliver(batch)
            self.pending.finish(name, run_id, batch.number, self.clock())

    def started_at(self, run_id: str) -> datetime | None:
        """When a run started; None if it is unknown."""
        run = self.runs.get(run_id)
        return None if run is None else run.started_at

    def _next_batch(self, name: str, run_id: str) -> DigestBatch | None:
        while True:
            try:
                return self.pending.next_batch(name, run_id, self.clock())
            except BatchConflict:
                continue

    def _is_over(self, run: Run | None) -> bool:
        if run is None or run.finished_at is not None:
            return True
        return self.clock() - run.started_at >= LONGEST_RUN

    def _is_quiet(self, name: str, run_id: str) -> bool:
        newest = self.pending.buffer(name, run_id).newest
        return newest is None or self.clock() - newest >= QUIET
