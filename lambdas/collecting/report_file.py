"""The report in the bucket, as of the last closed run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.history.usage import UsageReader
from lambdas.overview import past_use, recent_events, report_inputs
from lambdas.store.archive import REPORT_KEY, Archive
from lambdas.store.events import EventStore
from truffle.core.expected import ExpectedDenials
from truffle.core.market.finds import Market
from truffle.core.model import Reservation
from truffle.core.organization import AllLabels
from truffle.core.pricing import PriceBook
from truffle.core.status import ScopeStatus, judge
from truffle.report.page import page

MOST_ROWS = 5_000
"""The maximum of reservations in the bucket's report; browsers take seconds to open a larger
page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFile:
    """The report as an object of the bucket.

    ``events_kept`` is how long the table keeps events. ``labels`` reads the names of accounts,
    ``prices`` the known prices, ``market`` what watches found.
    """

    archive: Archive
    events: EventStore
    events_kept: timedelta
    usage: UsageReader
    labels: Callable[[], AllLabels]
    market: Callable[[], Market]
    source: str
    prices: Callable[[], PriceBook]
    allowed_age: timedelta
    expected: ExpectedDenials
    name: str = REPORT_KEY

    def publish(
        self, rows: Sequence[Reservation], statuses: Sequence[ScopeStatus], now: datetime
    ) -> None:
        """Build and store the report. Raises what DynamoDB and S3 do."""
        inputs = report_inputs(
            rows,
            [judge(status, now, self.allowed_age, self.expected) for status in statuses],
            recent_events(self.events, now, self.events_kept),
            now,
            source=self.source,
            prices=self.prices(),
            past=past_use(self.usage, now),
            market=self.market(),
            most_rows=MOST_ROWS,
            labels=self.labels(),
        )
        self.archive.write_report(page(inputs))
