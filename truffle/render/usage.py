"""The table of ``truffle usage``: rows with bars, and their totals above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from truffle.core.billed_usage import BilledRow
from truffle.core.codec import Json
from truffle.core.usage import Period, UsageRow
from truffle.core.usage_axes import ACCOUNTS, TAG, Interval
from truffle.core.wording import counted, named_account
from truffle.render.style import Style
from truffle.render.tables import Column, draw
from truffle.render.words import day, minute, money, percent

BAR = 10
"""The width of a bar that represents all reserved hours."""


@dataclass(frozen=True, slots=True)
class Bills:
    """Billed sums: the fees in Cost Explorer, the table of the export, and its other sums by
    currency."""

    fees: Sequence[Json] = ()
    table: str | None = None
    elsewhere: Mapping[str, float] = field(default_factory=dict)


NO_BILLS = Bills()


def render(
    rows: Sequence[UsageRow],
    period: Period,
    by: Sequence[str],
    style: Style,
    bills: Bills = NO_BILLS,
    account_names: Mapping[str, str] | None = None,
) -> str:
    """Totals, then a row for each interval and group, with the names of accounts beside ids."""
    columns = _columns(period.interval, by, style, account_names or {})
    table = draw([*columns, _BILLED] if bills.table else columns, rows, style)
    title = f"Usage: {minute(period.since)} to {minute(period.until)} UTC"
    return "\n".join(
        [
            style.title(title),
            "",
            *(f"  {line}" for line in [*_totals(rows), *_billed(rows, bills)]),
            "",
            *table.lines,
            *(style.wrapped(table.note) if table.note else []),
        ]
    )


def render_prices(prices: Sequence[Json], style: Style) -> str:
    """The prices used, and their sources."""
    columns: list[Column[Json]] = [
        Column("Type", lambda row: row["type"], 3),
        Column("Instance Type", lambda row: row["instance_type"]),
        Column("Region", lambda row: row["region"]),
        Column("Platform", lambda row: row["platform"] or "-", 1),
        Column("Tenancy", lambda row: row["tenancy"] or "-", 2),
        Column("Per Instance-Hour", _price, is_number=True),
        Column("Source", lambda row: row["source"] or "unknown"),
        Column("As Of", lambda row: row["as_of"] or "-", 4),
    ]
    return "\n".join(draw(columns, prices, style).lines)


def _billed(rows: Sequence[UsageRow], bills: Bills) -> list[str]:
    lines = _billed_fees(bills.fees)
    if bills.table is None:
        return lines
    sums: dict[str, float] = {}
    for row in rows:
        if isinstance(row, BilledRow) and row.billed_cost is not None:
            currency = str(row.billed_currency)
            sums[currency] = sums.get(currency, 0) + row.billed_cost
    lines += [
        f"Billed:            {money(total, currency)} unblended ({bills.table})"
        for currency, total in sorted(sums.items())
    ]
    if without := sum(isinstance(row, BilledRow) and row.billed_cost is None for row in rows):
        lines.append(f"Without a bill:    {counted(without, 'row')}, without a line in the bill")
    return lines + [
        f"Billed elsewhere:  {money(total, currency)} for other reservations and times"
        for currency, total in bills.elsewhere.items()
    ]


def _billed_fees(fees: Sequence[Json]) -> list[str]:
    """The fees billed in the period, by currency; they are paid at the start of a block, and not
    part of the hourly costs."""
    sums: dict[str, list[float]] = {}
    for fee in fees:
        both = sums.setdefault(fee["currency"], [0.0, 0.0])
        both[0] += fee["amount"]
        both[1] += fee["amount"] if fee["capacity_block_id"] is None else 0.0
    return [
        f"Fees billed:       {money(total, currency)} for capacity blocks (Cost Explorer)"
        + (
            f", {money(shared, currency)} of it not attributable to a single block"
            if shared
            else ""
        )
        for currency, (total, shared) in sorted(sums.items())
    ]


def group_text(name: str, value: str | None) -> str:
    """A group's value; a missing tag is distinguished from an empty one."""
    if value is None:
        return "(untagged)" if name.startswith(TAG) else "(unknown)"
    return value or "(empty)"


def _columns(
    interval: Interval, by: Sequence[str], style: Style, names: Mapping[str, str]
) -> list[Column[UsageRow]]:
    when = minute if interval is Interval.HOUR else day
    start: Column[UsageRow] = Column("Start", lambda row: when(row.start))
    groups: list[Column[UsageRow]] = [
        Column(_head(name), partial(_group, name, names)) for name in by
    ]
    return [
        *([start] if interval is not Interval.TOTAL else []),
        *groups,
        Column("Reserved h", lambda row: _hours(row.reserved_hours), is_number=True),
        Column("Used h", lambda row: _hours(row.used_hours), 4, is_number=True),
        Column("Idle h", lambda row: _hours(row.idle_hours), is_number=True),
        Column("Unobserved h", lambda row: _hours(row.unobserved_hours), 3, is_number=True),
        Column("Used", lambda row: percent(row.utilization), is_number=True),
        Column("", lambda row: _bar(row.utilization, style), 1),
        Column("Accelerator h", lambda row: _hours(row.reserved_accelerator_hours), 2, True),
        Column("Cost", lambda row: money(row.reserved_cost, row.currency), 6, is_number=True),
        Column("Idle Cost", lambda row: money(row.idle_cost, row.currency), 7, is_number=True),
    ]


def _head(name: str) -> str:
    return name if name.startswith(TAG) else name.replace("_", " ").title()


def _group(name: str, names: Mapping[str, str], row: UsageRow) -> str:
    value = row.group.get(name)
    if value and name in ACCOUNTS:
        return named_account(value, names.get(value))
    return group_text(name, value)


def _totals(rows: Sequence[UsageRow]) -> list[str]:
    reserved = sum(row.reserved_hours for row in rows)
    used = sum(row.used_hours for row in rows)
    share = percent(used / reserved if reserved else None)
    lines = [
        f"Instance-hours:    {_hours(reserved)} reserved, {_hours(used)} used ({share}), "
        f"{_hours(reserved - used)} idle"
    ]
    if unobserved := sum(row.unobserved_hours for row in rows):
        lines.append(f"Unobserved:        {_hours(unobserved)} instance-hours, not counted above")
    costs: dict[str, tuple[float, float]] = {}
    for row in rows:
        if row.currency is not None:
            cost, idle = costs.get(row.currency, (0.0, 0.0))
            costs[row.currency] = cost + (row.reserved_cost or 0), idle + (row.idle_cost or 0)
    for currency, (cost, idle) in sorted(costs.items()):
        lines.append(
            f"Cost:              {money(cost, currency)}, of which {money(idle, currency)} idle"
        )
    if unpriced := sum(row.unpriced_hours for row in rows):
        lines.append(
            f"Without a price:   {_hours(unpriced)} instance-hours, not included in the cost"
        )
    return lines


def _hours(value: float) -> str:
    return f"{value:,.1f}"


def _bar(share: float | None, style: Style) -> str:
    if share is None:
        return ""
    full = max(0, min(BAR, round(share * BAR)))
    filled, empty = ("█", "░") if style.is_unicode else ("#", ".")
    return filled * full + empty * (BAR - full)


def _billed_cost(row: UsageRow) -> str:
    assert isinstance(row, BilledRow)
    return money(row.billed_cost, row.billed_currency)


_BILLED: Column[UsageRow] = Column("Billed", _billed_cost, is_number=True)


def _price(row: Mapping[str, Any]) -> str:
    return money(row["per_instance_hour"], row["currency"])


def flat(row: UsageRow) -> Json:
    """A row for CSV: a column for each key of the group, null if unknown or untagged."""
    data = row.to_json()
    group = data.pop("group")
    return {**group, **data}


def flat_names(by: Sequence[str], bill: str | None = None) -> list[str]:
    """The columns of ``flat``, in order, including those of the bill if there is one."""
    row = BilledRow if bill else UsageRow
    numbers = [name for name in row.__dataclass_fields__ if name not in _PLACED]
    return ["start", "end", *by, *numbers]


_PLACED = frozenset({"start", "end", "group"})
