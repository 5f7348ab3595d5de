"""Events of one run, put aside until it is over: many are told as one digest, few one by one.

The events of a listing that is part of no run are a run of their own where there are many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas.store.digest_buffer import Conflict, PendingStore, Placed, Round
from lambdas.store.runs import RunStore
from truffle.alerts.settings import Destination
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

    pending: PendingStore
    runs: RunStore
    clock: Callable[[], datetime]

    def put_aside(
        self, destination: Destination, message: Message, send_flush: Callable[[str], None]
    ) -> str | None:
        """The run for whose end an event waits, or with whose events it was told; None where there
        is nothing to wait for, and it has to be told at once."""
        run_id = self._waits_for(destination, message)
        if run_id is None:
            return None
        name, now = destination.name, self.clock()
        placed = self.pending.put_aside(name, run_id, message, now)
        # An event that comes again may come from whoever claimed the flush and did not send it. A
        # flush too many finds nothing to tell; an event without one would wait for ever.
        if placed is Placed.AGAIN or (
            placed is Placed.NEW and self.pending.claim_flush(name, run_id, now)
        ):
            send_flush(run_id)
        return run_id

    def _waits_for(self, destination: Destination, message: Message) -> str | None:
        """The run whose end an event waits for. Outside of runs, where an event is to be told
        within seconds, its listing, and that only where it has too many to be told one by one."""
        most, run_id = destination.digest_above, message.get("run_id")
        if most is None:
            return None
        if run_id is not None:
            return None if self.runs.get(run_id) is None else str(run_id)
        events = message.get("events_of_listing")
        if events is None or events <= most:
            return None
        return f"{message['account_id']}/{message['region']}@{message['observed_at']}"

    def flush(self, destination: Destination, run_id: str, tell: Callable[[Round], None]) -> None:
        """Tell what waits, round by round. Raises NotYet, and what telling does: then the round is
        told by the next flush."""
        name = destination.name
        if not self._is_over(self.runs.get(run_id)) or not self._is_quiet(name, run_id):
            raise NotYet
        # First of all: an event that is put there from now on sends a flush of its own, and one
        # that was put there before is seen below.
        self.pending.forget_flush(name, run_id)
        while (told := self._next_round(name, run_id)) is not None:
            tell(told)
            self.pending.finish(name, run_id, told.number, self.clock())

    def begun(self, run_id: str) -> datetime | None:
        """When a run began; None where it is not known."""
        run = self.runs.get(run_id)
        return None if run is None else run.started_at

    def _next_round(self, name: str, run_id: str) -> Round | None:
        while True:
            try:
                return self.pending.next_round(name, run_id, self.clock())
            except Conflict:
                continue

    def _is_over(self, run: Run | None) -> bool:
        if run is None or run.finished_at is not None:
            return True
        return self.clock() - run.started_at >= LONGEST_RUN

    def _is_quiet(self, name: str, run_id: str) -> bool:
        newest = self.pending.pile(name, run_id).newest
        return newest is None or self.clock() - newest >= QUIET
