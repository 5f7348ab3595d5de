"""The table of ``truffle stranded``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from truffle.core.codec import Json
from truffle.core.pricing import USD
from truffle.core.wording import counted, named_account
from truffle.render.style import Style
from truffle.render.tables import Column, draw
from truffle.render.words import money

NAMES = (
    "account_id",
    "account_name",
    "region",
    "availability_zone",
    "instance_type",
    "platform",
    "tenancy",
    "reservation_id",
    "reason",
    "instances",
    "idle_instances",
    "usd_per_hour",
    "why",
    "fix",
    "instance_ids",
    "observed_at",
)
"""The columns of CSV."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The findings as returned by the API, the sum of their cost, and the instances without a
    price."""

    items: Sequence[Json]
    usd_per_hour: float | None
    unpriced_instances: int


def render(shown: Shown, style: Style) -> str:
    """The findings, then each reason with its remedy."""
    if not shown.items:
        return "No On-Demand instances run while reserved capacity is idle"
    table = draw(_COLUMNS, shown.items, style)
    advice = {row["reason"]: f"{row['why']} {row['fix']}" for row in shown.items}
    notes = [f"{reason}: {text}" for reason, text in sorted(advice.items())]
    notes += [table.note] if table.note else []
    return "\n".join(
        [
            style.title(_title(shown)),
            "",
            *table.lines,
            "",
            *(part for note in notes for part in style.wrapped(note)),
        ]
    )


_COLUMNS: list[Column[Json]] = [
    Column("Account", lambda row: named_account(row["account_id"], row.get("account_name")), 3),
    Column("Region", lambda row: row["region"], 2),
    Column("AZ", lambda row: row["availability_zone"] or "-", 1),
    Column("Instance Type", lambda row: row["instance_type"]),
    Column("Instances", lambda row: str(row["instances"]), is_number=True),
    Column("Idle", lambda row: str(row["idle_instances"]), 5, is_number=True),
    Column("Cost/h", lambda row: money(row["usd_per_hour"], USD), is_number=True),
    Column("Reason", lambda row: row["reason"]),
    Column("Beside", lambda row: row["reservation_id"], 4),
]


def _title(shown: Shown) -> str:
    instances = sum(row["instances"] for row in shown.items)
    title = f"Stranded Spend: {counted(instances, 'instance')} beside idle capacity"
    unpriced = shown.unpriced_instances
    cost = "" if shown.usd_per_hour is None else f", {money(shown.usd_per_hour, USD)} an hour"
    rest = f" (price unknown for {counted(unpriced, 'instance')})" if unpriced else ""
    return f"{title}{cost}{rest}"
