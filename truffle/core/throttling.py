"""Units with scopes that were only throttled: when to retry them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zlib import crc32

from truffle.core.model import DEADLINE_EXCEEDED, Failure, FailureKind

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)
"""The maximum delay of a message in SQS (SQS API reference, SendMessage, DelaySeconds)."""

_MOST_DOUBLINGS = 5
"""Enough to reach the longest pause."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """A unit to return to the queue.

    ``delivery`` is the id of the message that first requested the unit, ``since`` when throttling
    first postponed it, ``times`` how often it was postponed.
    """

    delivery: str
    since: datetime
    times: int

    @property
    def pause(self) -> timedelta:
        """The time until the next attempt: doubled each time, and reduced by up to a half depending
        on the message, because throttled units would otherwise return together."""
        doublings = min(self.times - 1, _MOST_DOUBLINGS)
        longest = min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)
        share = crc32(f"{self.delivery}#{self.times}".encode()) / 2**32
        return longest * (1 + share) / 2


def is_throttled(failures: Sequence[Failure]) -> bool:
    """Whether there are failures that justify a retry, and throttling explains all of them.

    In a throttled unit, time ran out because of the pauses between throttled calls.
    """
    retryable = [failure for failure in failures if not failure.is_final]
    throttled = [failure for failure in retryable if failure.kind is FailureKind.THROTTLED]
    late = [failure for failure in retryable if failure.code == DEADLINE_EXCEEDED]
    return bool(throttled) and len(throttled) + len(late) == len(retryable)


def postpone(
    delivery: str, before: Postponed | None, now: datetime, period: timedelta
) -> Postponed | None:
    """The next postponement of a unit, with the period of the schedule; None if the next run, which
    lists the same scopes, would come first."""
    if before is None:
        before = Postponed(delivery, now, 0)
    after = replace(before, times=before.times + 1)
    return after if now + after.pause < after.since + period else None
