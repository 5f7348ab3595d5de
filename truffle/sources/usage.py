"""The usage of a period, from the deployed stack's ``GET /usage``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Self

from truffle.core.billed_usage import with_bill
from truffle.core.codec import Json
from truffle.core.times import parse_time
from truffle.core.usage import Period, UsageRow
from truffle.core.usage_axes import Interval
from truffle.results import Results
from truffle.sources.api import Api, Parameters
from truffle.sources.status import collection_failures


class Usage(Results[UsageRow]):
    """Rows of usage by interval and group.

    ``account_names`` has the known names of the accounts and owners of groups, by id.
    ``prices`` has the prices used, as JSON objects with their source; null if unknown.
    ``billed_fees`` has the fees of capacity blocks in Cost Explorer for the days of the period, if
    the stack requests them: sums, with the block if it is unambiguous. ``missing_days`` are days
    without data in the stack. ``failures`` are the scopes that fail now, at most the 20 that have
    failed the longest. ``bill`` is the table of the export with the rows' ``billed_cost``,
    ``billed_elsewhere`` its sums, by currency, for other reservations and times.
    """

    def __init__(self, answer: Json) -> None:
        super().__init__(map(UsageRow.from_json, answer["items"]))
        self.since: datetime = parse_time(answer["since"])
        self.until: datetime = parse_time(answer["until"])
        self.interval: str = answer["interval"]
        self.by: list[str] = list(answer["by"])
        self.prices: list[Json] = list(answer["prices"])
        self.billed_fees: list[Json] = list(answer.get("billed_fees", ()))
        self.account_names: dict[str, str] = dict(answer.get("account_names", {}))
        self.missing_days: list[str] = list(answer["missing_days"])
        self.warnings: list[str] = list(answer["warnings"])
        self.failures = collection_failures(answer["collection"])
        self.bill: str | None = None
        self.billed_elsewhere: dict[str, float] = {}

    @property
    def period(self) -> Period:
        return Period(self.since, self.until, Interval(self.interval))

    def with_bill(self, table: str, lines: Iterable[Mapping[str, Any]]) -> Self:
        """Add the sums of an export to the rows; ``lines`` is the result of the bill's query."""
        billed = with_bill(self, lines, self.period)
        made = self._with(billed.rows)
        made.bill, made.billed_elsewhere = table, dict(billed.elsewhere)
        return made


def read_usage(api: Api, query: Parameters) -> Usage:
    """Read usage. Raises ApiError."""
    answer = api.get("/usage", "items", query)
    with api.understood():
        return Usage(answer)
