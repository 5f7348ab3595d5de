"""Events of one run, buffered until it is over: many are delivered as a digest, few one by one.

The events of a listing that is part of no run are a run of their own where there are many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas.store.digest_buffer import Batch, Conflict, DigestBuffer, Placed
from lambdas.store.runs import RunStore
from truffle.alerts.settings import Destination
from truffle.core.events import EventType
from truffle.core.runs import Run

LOOK_AGAIN = timedelta(seconds=5)
QUIET = timedelta(seconds=4)
"""For how long nothing more must have come: the last events of a run arrive when it is over."""
LONGEST_RUN = timedelta(minutes=15)
"""A run that is open for so long is not waited for any more: all of its first attempts take minutes
at most."""

Message = dict[str, Any]


class NotYet(Exception):
    """The run is not over, or events of it still come: to be looked at again in five seconds."""


@dataclass(frozen=True, slots=True)
class Digests:
    """The events that wait. ``send_flush`` puts a flush of a run on a destination's queue."""

    pending: DigestBuffer
    runs: RunStore
    clock: Callable[[], datetime]

    def add(
        self, destination: Destination, message: Message, send_flush: Callable[[str], None]
    ) -> str | None:
        """Buffer an event; the run for whose end it waits, or with whose events it was delivered.
        None if there is nothing to wait for, and it must be delivered at once."""
        run_id = self._waits_for(destination, message)
        if run_id is None:
            return None
        name, now = destination.name, self.clock()
        placed = self.pending.add(name, run_id, message, now)
        # An event that comes again may come from whoever claimed the flush and did not send it. A
        # flush too many finds nothing to tell; an event without one would wait for ever.
        if placed is Placed.AGAIN or (
            placed is Placed.NEW and self.pending.claim_flush(name, run_id, now)
        ):
            send_flush(run_id)
        return run_id

    def _waits_for(self, destination: Destination, message: Message) -> str | None:
        """The run whose end an event waits for. Outside of runs, where events are delivered within
        seconds, its listing, and that only if it has too many events to deliver one by one."""
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
        self, destination: Destination, run_id: str, deliver: Callable[[Batch], None]
    ) -> None:
        """Deliver the buffered events, batch by batch. Raises NotYet, and what delivering raises:
        then the next flush delivers the batch."""
        name = destination.name
        if not self._is_over(self.runs.get(run_id)) or not self._is_quiet(name, run_id):
            raise NotYet
        # First of all: an event that is put there from now on sends a flush of its own, and one
        # that was put there before is seen below.
        self.pending.forget_flush(name, run_id)
        while (batch := self._next_batch(name, run_id)) is not None:
            deliver(batch)
            self.pending.finish(name, run_id, batch.number, self.clock())

    def begun(self, run_id: str) -> datetime | None:
        """When a run began; None where it is not known."""
        run = self.runs.get(run_id)
        return None if run is None else run.started_at

    def _next_batch(self, name: str, run_id: str) -> Batch | None:
        while True:
            try:
                return self.pending.next_batch(name, run_id, self.clock())
            except Conflict:
                continue

    def _is_over(self, run: Run | None) -> bool:
        if run is None or run.finished_at is not None:
            return True
        return self.clock() - run.started_at >= LONGEST_RUN

    def _is_quiet(self, name: str, run_id: str) -> bool:
        newest = self.pending.buffer(name, run_id).newest
        return newest is None or self.clock() - newest >= QUIET
