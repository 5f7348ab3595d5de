"""The table of ``truffle offerings``."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from truffle.core.offerings import Offering
from truffle.core.wording import counted
from truffle.render.style import Style
from truffle.render.tables import Column, draw
from truffle.render.words import duration, minute, number, short_minute


def offering_columns(offerings: Sequence[Offering]) -> list[Column[Offering]]:
    """The columns: place, time, price. Prices are never omitted. The type and the count are those
    of the query, and mostly the same in every row."""
    years = {at.year for row in offerings for at in (row.start_date, row.end_date) if at}
    brief = short_minute if len(years) == 1 else minute
    return [
        Column("Instance Type", _type, 1 if len(set(map(_type, offerings))) < 2 else 8),
        Column("Count", _count, 2 if len(set(map(_count, offerings))) < 2 else 7, is_number=True),
        Column("AZ", _zone),
        Column(
            "Start",
            lambda row: minute(row.start_date),
            brief=lambda row: brief(row.start_date),
        ),
        Column("End", lambda row: minute(row.end_date), 4, brief=lambda row: brief(row.end_date)),
        Column("Duration", lambda row: duration(row.duration_hours), 5),
        Column("Upfront", lambda row: _money(row.upfront_fee, row), is_number=True),
        Column(
            "Per Instance-Hour",
            lambda row: _money(row.price_per_instance_hour, row),
            is_number=True,
            short="Instance/h",
        ),
        Column(
            "Per GPU-Hour",
            lambda row: _money(row.price_per_gpu_hour, row),
            is_number=True,
            short="GPU/h",
        ),
        Column("Offering ID", lambda row: row.offering_id, 3),
    ]


def _type(row: Offering) -> str:
    if row.instance_type or not row.segments:
        return row.ultraserver_type or row.instance_type or "-"
    return " + ".join(f"{number(it.instance_count)} × {it.instance_type}" for it in row.segments)


def _zone(row: Offering) -> str:
    zones = dict.fromkeys(part.availability_zone for part in row.parts)
    return " + ".join(zone or row.region for zone in zones)


def _count(row: Offering) -> str:
    return number(row.ultraserver_count or row.instance_count)


def render(offerings: Sequence[Offering], style: Style, best: Offering | None = None) -> str:
    """The table of offerings, with the best window of a flexible search above it."""
    zones = {row.availability_zone for row in offerings}
    head = f"Capacity Blocks for sale: {counted(len(offerings), 'offering')}"
    return "\n".join(
        [
            style.title(f"{head} in {counted(len(zones), 'zone')}"),
            "",
            *([*style.wrapped(_best(best)), ""] if best else []),
            *offering_table(offerings, style),
            "",
            *style.wrapped(
                "Times are UTC. A market snapshot: nothing is reserved until you buy it, and the "
                "whole price is paid upfront."
            ),
        ]
    )


def _best(offering: Offering) -> str:
    length = duration(offering.duration_hours)
    price = _money(offering.price_per_instance_hour, offering)
    return (
        f"Best window: {length} from {minute(offering.start_date)} in {_zone(offering)}, "
        f"{price} per instance-hour, {_money(offering.upfront_fee, offering)} in total."
    )


def offering_table(offerings: Sequence[Offering], style: Style) -> list[str]:
    table = draw(offering_columns(offerings), offerings, style)
    return [*table.lines, *(style.wrapped(table.note) if table.note else [])]


def _money(amount: Decimal | str | None, row: Offering) -> str:
    return money(amount, row.currency_code)


def money(amount: Decimal | str | None, currency_code: str | None) -> str:
    """``$6,041.09`` for dollars, else followed by the currency's code; ``-`` for none."""
    if amount is None:
        return "-"
    text = f"{Decimal(amount):,.2f}"
    currency = currency_code or "USD"
    return f"${text}" if currency == "USD" else f"{text} {currency}"
