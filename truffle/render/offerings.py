"""The table of ``truffle offerings``."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from truffle.core.offerings import Offering
from truffle.render.style import Style
from truffle.render.tables import Column, draw
from truffle.render.words import counted, hours, minute, number

_COLUMNS: list[Column[Offering]] = [
    Column("Instance Type", lambda row: row.ultraserver_type or row.instance_type, leaves=8),
    Column(
        "Count", lambda row: number(row.ultraserver_count or row.instance_count), is_number=True
    ),
    Column("AZ", lambda row: row.availability_zone or row.region),
    Column("Start", lambda row: minute(row.start_date)),
    Column("End", lambda row: minute(row.end_date), leaves=4),
    Column("Duration", lambda row: hours(row.duration_hours), leaves=5),
    Column("Upfront", lambda row: _money(row.upfront_fee, row), leaves=6, is_number=True),
    Column(
        "Per Instance-Hour",
        lambda row: _money(row.price_per_instance_hour, row),
        leaves=3,
        is_number=True,
    ),
    Column("Per GPU-Hour", lambda row: _money(row.price_per_gpu_hour, row), 2, is_number=True),
    Column("Offering ID", lambda row: row.offering_id),
]


def render(offerings: Sequence[Offering], style: Style) -> str:
    zones = {row.availability_zone for row in offerings}
    head = f"Capacity Blocks for sale: {counted(len(offerings), 'offering')}"
    return "\n".join(
        [
            style.title(f"{head} in {counted(len(zones), 'zone')}"),
            "",
            *offering_table(offerings, style),
            "",
            "Times are UTC. A market snapshot: nothing is held until it is bought, and the whole"
            " price is paid upfront.",
        ]
    )


def offering_table(offerings: Sequence[Offering], style: Style) -> list[str]:
    table = draw(_COLUMNS, offerings, style)
    return [*table.lines, *([table.note] if table.note else [])]


def _money(amount: Decimal | str | None, row: Offering) -> str:
    """``$6,041.09`` for dollars, else with the currency's code behind it."""
    if amount is None:
        return "-"
    text = f"{Decimal(amount):,.2f}"
    currency = row.currency_code or "USD"
    return f"${text}" if currency == "USD" else f"{text} {currency}"
