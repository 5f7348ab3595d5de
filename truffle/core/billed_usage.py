"""The bill of a CUR 2.0 export beside the usage of reservations.

The export has lines for the used and the unused part of each reservation (AWS Data Exports User
Guide, "Cost and Usage Report (CUR) 2.0 table dictionary", capacity reservation columns, which need
``INCLUDE_CAPACITY_RESERVATION_DATA``). Their cost is unblended.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from truffle.core.codec import Json
from truffle.core.usage import Period, UsageRow
from truffle.core.usage_axes import Interval

BY = ("reservation",)
"""The only groups for which a bill can be shown: its lines name a reservation, but no tag or owner
as truffle knows them."""

INTERVALS = (Interval.DAY, Interval.WEEK, Interval.MONTH, Interval.TOTAL)
"""Lengths of rows for which a bill can be shown: lines of a daily export begin at midnight."""

TABLE = re.compile(r"\w+(\.\w+)?", re.ASCII)
"""The name of an export's table, with or without its database."""

_MILLIONTH = Decimal("0.000001")
"""The unit to which sums are rounded, like costs."""

_Sum = tuple[str | None, Decimal]
"""A currency and an amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledRow(UsageRow):
    """A row of usage with its billed cost, which is None if the bill has no line."""

    billed_cost: float | None
    billed_currency: str | None

    def to_json(self) -> Json:
        billed = {"billed_cost": self.billed_cost, "billed_currency": self.billed_currency}
        return {**UsageRow.to_json(self), **billed}


@dataclass(frozen=True, slots=True)
class BilledUsage:
    """Rows of usage with their bill, and the sums by currency that the bill has for other
    reservations, or for times in which they were not held."""

    rows: tuple[BilledRow, ...]
    elsewhere: Mapping[str, float]


def query(table: str, period: Period) -> str:
    """The SQL query of sums by reservation, interval and currency, for Athena and for DuckDB."""
    day = "CAST(line_item_usage_start_date AS date)"
    begin = {
        Interval.DAY: day,
        Interval.WEEK: f"CAST(date_trunc('week', {day}) AS date)",
        Interval.MONTH: f"CAST(date_trunc('month', {day}) AS date)",
        Interval.TOTAL: f"DATE '{period.since:%Y-%m-%d}'",
    }[period.interval]
    name = ".".join(f'"{part}"' for part in table.split("."))
    return f"""\
SELECT split_part(capacity_reservation_capacity_reservation_arn, '/', 2) AS reservation_id,
  {begin} AS day, line_item_currency_code AS currency, sum(line_item_unblended_cost) AS cost
FROM {name}
WHERE line_item_usage_start_date >= TIMESTAMP '{period.since:%Y-%m-%d %H:%M:%S}'
  AND line_item_usage_start_date < TIMESTAMP '{period.until:%Y-%m-%d %H:%M:%S}'
  AND capacity_reservation_capacity_reservation_arn <> ''
GROUP BY 1, 2, 3"""


def with_bill(
    rows: Iterable[UsageRow], lines: Iterable[Mapping[str, Any]], period: Period
) -> BilledUsage:
    """Add the sums in ``lines``, the result of ``query``, to rows by reservation.

    Each row has at most one sum: if the bill has several currencies for a reservation and an
    interval, those without a row count as other sums.
    """
    sums: dict[tuple[str, str], list[_Sum]] = defaultdict(list)
    for line in sorted(lines, key=lambda it: str(it["currency"])):
        if line["cost"] is not None:
            place = line["reservation_id"], line["day"]
            sums[place].append((line["currency"], _decimal(line["cost"])))
    billed: list[BilledRow] = []
    for row in rows:
        found = sums.get((str(row.group["reservation"]), _day_of(row.start, period)))
        currency, cost = found.pop(0) if found else (None, None)
        billed.append(
            BilledRow(
                **{it.name: getattr(row, it.name) for it in fields(UsageRow)},
                billed_cost=None if cost is None else float(cost),
                billed_currency=currency,
            )
        )
    elsewhere: dict[str, Decimal] = defaultdict(Decimal)
    for currency, cost in (it for rest in sums.values() for it in rest):
        elsewhere[str(currency)] += cost
    return BilledUsage(tuple(billed), {name: float(it) for name, it in sorted(elsewhere.items())})


def _day_of(start: datetime, period: Period) -> str:
    """The first day of the bill's part of a row."""
    is_total = period.interval is Interval.TOTAL
    return f"{period.since if is_total else period.interval.begin(start):%Y-%m-%d}"


def _decimal(cost: float | str) -> Decimal:
    return Decimal(str(cost)).quantize(_MILLIONTH)
