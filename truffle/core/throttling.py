"""Units with scopes that were only throttled: when to retry them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zlib import crc32

from truffle.core.model import DEADLINE_EXCEEDED, Failure, FailureKind

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)
"""The longest that SQS delays a message (SQS API reference, SendMessage, DelaySeconds)."""

_MOST_DOUBLINGS = 5
"""Enough to reach the longest pause."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """A unit on its way back to the queue.

    ``delivery`` is the id of the message that first asked for the unit, ``since`` when throttling
    first postponed it, ``times`` how often it has.
    """

    delivery: str
    since: datetime
    times: int

    @property
    def pause(self) -> timedelta:
        """The time until the next attempt: doubled each time, and between half of that and all of
        it, depending on the message, as throttled units would otherwise return together."""
        doublings = min(self.times - 1, _MOST_DOUBLINGS)
        longest = min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)
        share = crc32(f"{self.delivery}#{self.times}".encode()) / 2**32
        return longest * (1 + share) / 2


def is_throttled(failures: Sequence[Failure]) -> bool:
    """Whether throttling alone explains all failures that are worth a retry, and there are any.

    Time that ran out in a unit that was throttled went to the pauses between throttled calls.
    """
    retryable = [failure for failure in failures if not failure.is_final]
    throttled = [failure for failure in retryable if failure.kind is FailureKind.THROTTLED]
    late = [failure for failure in retryable if failure.code == DEADLINE_EXCEEDED]
    return bool(throttled) and len(throttled) + len(late) == len(retryable)


def postpone(
    delivery: str, before: Postponed | None, now: datetime, period: timedelta
) -> Postponed | None:
    """The next postponement of a unit, in a schedule of a period; None where the next run, which
    lists the same scopes, would come first."""
    if before is None:
        before = Postponed(delivery, now, 0)
    after = replace(before, times=before.times + 1)
    return after if now + after.pause < after.since + period else None
