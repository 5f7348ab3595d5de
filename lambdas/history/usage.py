"""The usage of a period: past days from their ledgers, the rest from snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from lambdas.history.exceptions import TooLarge
from lambdas.history.ledgers import LedgerStore, SpanReader, ledger_key
from lambdas.parallel import PARALLEL_REQUESTS
from lambdas.store.archive import DAMAGES, Unreadable
from truffle.core.ledger import DAY, day_of
from truffle.core.ledger_reader import DayTotals, Ledger, Reader
from truffle.core.spans import Span

AT_ONCE = 32
"""The maximum number of ledgers in memory."""

MOST_OBJECTS = 10_000
"""Snapshot objects that one request may read: a week of a stack with 60 units."""

MOST_BYTES = 220_000_000
"""Bytes of ledgers that one request may read, compressed and weighted: a day of 90,000
reservations, or 150 days of 10,000; by the hour, 4 days of 10,000. An idle core needs 8 seconds
(benchmarks/history.py)."""

_STRETCHES = 60
"""The weight of a ledger whose stretches are read; it is 1 if the index suffices."""

_MAKING = 30
"""The additional weight of the largest ledger: its reservations must be decoded, and those of the
other days are mostly the same."""


@dataclass(slots=True)
class UsageReader:
    """Reads the spans of any period. ``missing`` collects the days for which the bucket has no
    data."""

    spans: SpanReader
    ledgers: LedgerStore
    missing: list[str] = field(default_factory=list)

    def between(
        self,
        since: datetime,
        until: datetime,
        now: datetime,
        is_total: Callable[[datetime], bool] = lambda day: False,
    ) -> Iterator[Span | DayTotals]:
        """Spans that overlap the time, in no order; totals for the days whose totals suffice.

        Raises TooLarge, and Unreadable.
        """
        closed = self.ledgers.sizes(since, until)
        wanted = _days(since, until)
        _check(
            (closed.get(f"{day:%Y-%m-%d}", 0), 1 if is_total(day) else _STRETCHES) for day in wanted
        )
        reader = Reader()
        for day, ledger in self._read([day for day in wanted if f"{day:%Y-%m-%d}" in closed]):
            with _intact(day):
                if is_total(day):
                    yield from reader.totals(ledger, day)
                else:
                    yield from reader.spans(ledger.lines())
        yield from self._open([day for day in wanted if f"{day:%Y-%m-%d}" not in closed], now)

    def recorded(self, since: datetime, until: datetime) -> Iterator[Span]:
        """Spans of the days of this time with a ledger. Raises TooLarge, and Unreadable."""
        closed = self.ledgers.sizes(since, until)
        _check((size, _STRETCHES) for size in closed.values())
        days = [day for day in _days(since, until) if f"{day:%Y-%m-%d}" in closed]
        reader = Reader()
        for day, ledger in self._read(days):
            with _intact(day):
                yield from reader.spans(ledger.lines())

    def _read(self, days: list[datetime]) -> Iterator[tuple[datetime, Ledger]]:
        """The ledgers of days, each read once."""
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            for first in range(0, len(days), AT_ONCE):
                some = days[first : first + AT_ONCE]
                yield from zip(some, pool.map(self.ledgers.read, some), strict=True)

    def _open(self, days: list[datetime], now: datetime) -> Iterator[Span]:
        if not days:
            return
        known = self.spans.snapshots.days()
        count = 0
        for day in days:
            name = f"{day:%Y-%m-%d}"
            if name not in known and day != day_of(now):
                self.missing.append(name)
            if not known or name < known[0]:
                continue
            count += 1 + len(self.spans.objects(day, day + DAY, now))
            if count > MOST_OBJECTS:
                raise TooLarge(f"{count:,} snapshot objects of days without a ledger")
            for span in self.spans.spans(day, day + DAY, now):
                yield _cut(span, day, min(day + DAY, now))


@contextmanager
def _intact(day: datetime) -> Iterator[None]:
    """Raises Unreadable for a ledger that is damaged."""
    try:
        yield
    except DAMAGES as error:
        raise Unreadable(f"{ledger_key(day)} is damaged: {error}") from error


def _check(ledgers: Iterable[tuple[int, int]]) -> None:
    """Check the bytes and the weight of each ledger. Raises TooLarge."""
    weighed = list(ledgers)
    largest = max((size for size, _ in weighed), default=0)
    if sum(size * weight for size, weight in weighed) + _MAKING * largest > MOST_BYTES:
        raise TooLarge("more than ten seconds of adding up")


def _days(since: datetime, until: datetime) -> list[datetime]:
    days, day = [], day_of(since)
    while day < until:
        days.append(day)
        day += DAY
    return days


def _cut(span: Span, start: datetime, end: datetime) -> Span:
    """The part of a span within a day, so that each day counts its own part."""
    return Span(span.row, max(span.start, start), min(span.end, end), span.is_observed)
