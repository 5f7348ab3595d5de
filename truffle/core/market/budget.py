"""The request budget of a region, and the watches that run next.

EC2 allows 10 calls of DescribeCapacityBlockOfferings at once and then 0.15 per second, for each
account and region (EC2 API Reference, "Request throttling"). The budget of watches refills more
slowly than EC2's, and scheduled watches leave the last calls to people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from truffle.core.error_codes import DENIED, DISABLED
from truffle.core.market.answers import Answer, Outcome
from truffle.core.market.watches import Watch

BURST: Final = 10
REFILL_PER_SECOND: Final = 0.15

WATCHES_PER_SECOND: Final = 0.12
"""Calls per second for watches, of EC2's 0.15; the rest is for people."""

FOR_PEOPLE: Final = 2
"""Calls of the bucket that scheduled watches leave to people."""

RETRY_AFTER: Final = timedelta(minutes=10)
"""A failed call is repeated after this time, or when the watch is due if that is sooner."""

_CLOSED: Final = DENIED | DISABLED
"""A denied or disabled region is likely to stay so: it is asked when the watch is due."""

SLACK: Final = timedelta(seconds=30)
"""A watch that is due within this time runs now rather than a period later."""

PERIODS: Final = (60, 30, 15, 10, 5, 2, 1)
"""The possible minutes between two starts of the function, the longest first."""


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """The remaining calls of watches in a region at a moment."""

    tokens: float
    at: datetime

    def refilled(self, now: datetime) -> TokenBucket:
        """The budget at a later moment; a clock that goes back does not refill it."""
        passed = max((now - self.at).total_seconds(), 0)
        return TokenBucket(min(BURST, self.tokens + passed * WATCHES_PER_SECOND), now)

    def calls(self, reserve: int) -> int:
        """How many calls can be made at a moment, leaving ``reserve``."""
        return max(int(self.tokens - reserve), 0)

    def less(self, calls: int) -> TokenBucket:
        return TokenBucket(self.tokens - calls, self.at)

    def emptied(self) -> TokenBucket:
        """The budget after EC2 throttled a call: other callers have used it up. The calls reserved
        for people remain, because EC2 itself answers a person who tries again."""
        return TokenBucket(min(self.tokens, FOR_PEOPLE), self.at)


def full_bucket(now: datetime) -> TokenBucket:
    return TokenBucket(BURST, now)


@dataclass(frozen=True, slots=True)
class Turn:
    """A watch in one region: the outcome of the last call, and the last answer that showed what is
    sold.

    A last answer ``not-asked`` means that no call was made.
    """

    watch: Watch
    last: Answer | None = None
    known: Answer | None = None

    @property
    def due_at(self) -> datetime | None:
        """When the next call is due; None for as soon as possible."""
        if self.last is None or self.last.outcome is Outcome.NOT_ASKED:
            return None
        is_worth_a_retry = self.last.outcome is Outcome.FAILED and self.last.code not in _CLOSED
        wait = min(self.watch.every, RETRY_AFTER) if is_worth_a_retry else self.watch.every
        return self.last.observed_at + wait

    def is_due(self, now: datetime) -> bool:
        if self.watch.question.is_over(now):
            return False
        return self.due_at is None or self.due_at <= now + SLACK

    def waited(self, now: datetime) -> float:
        """How many of its periods have passed since the last call, failed ones included; otherwise
        a watch that always fails would always come first."""
        has_failed = self.last is not None and self.last.outcome is Outcome.FAILED
        called = self.last if has_failed else self.known
        return float("inf") if called is None else (now - called.observed_at) / self.watch.every


def in_turn(turns: Iterable[Turn], now: datetime) -> list[Turn]:
    """The turns in the order of execution: those that waited for the most periods come first.

    So all watches of a region slow down by the same factor if the budget does not suffice.
    """
    return sorted(turns, key=lambda turn: (-turn.waited(now), turn.watch.name))


def slowdown(watches: Iterable[Watch], region: str, period: timedelta) -> float:
    """The factor by which the watches of a region slow down; 1 if the budget suffices. ``period``
    is the time between two starts of the function."""
    wanted = sum(
        1 / _interval(it.every, period).total_seconds() for it in watches if region in it.regions
    )
    return max(1.0, wanted / WATCHES_PER_SECOND)


def really_every(watch: Watch, watches: Sequence[Watch], now: datetime) -> timedelta:
    """The actual interval of a watch in the busiest region, to the second.

    Watches that are over use no budget.
    """
    period = timedelta(minutes=period_minutes(watches))
    requested = [it for it in watches if not it.question.is_over(now)]
    factor = max(slowdown(requested, region, period) for region in watch.regions)
    return timedelta(seconds=round(_interval(watch.every, period).total_seconds() * factor))


def _interval(every: timedelta, period: timedelta) -> timedelta:
    """The first start of the function at which a watch is due again."""
    return period * ((every - SLACK) // period + 1)


def period_minutes(watches: Sequence[Watch]) -> int:
    """Minutes between two starts of the function: the longest period in which every watch can run
    when it is due, without waiting for the bucket to refill.

    Raises ValueError without watches.
    """
    if not watches:
        raise ValueError("there are no watches")
    regions = {region for watch in watches for region in watch.regions}
    for minutes in PERIODS:
        period = timedelta(minutes=minutes)
        calls = max(
            sum(period / it.every for it in watches if region in it.regions) for region in regions
        )
        is_in_time = all(_interval(it.every, period) < it.every + SLACK for it in watches)
        if is_in_time and calls <= BURST - FOR_PEOPLE:
            return minutes
    return PERIODS[-1]
