"""The table of ``truffle fleets``."""

from __future__ import annotations

from collections.abc import Sequence

from truffle.core.fleets import CapacityFleet
from truffle.core.wording import counted, named_account
from truffle.render.style import Style
from truffle.render.tables import Column, draw
from truffle.render.words import minute, number

_ACCOUNT: Column[CapacityFleet] = Column("Account", lambda row: _account(row), 2)
_SINCE: Column[CapacityFleet] = Column("Below target since", lambda row: minute(row.short_since), 4)
_COLUMNS: list[Column[CapacityFleet]] = [
    Column("Fleet ID", lambda row: row.fleet_id),
    Column("Region", lambda row: row.region),
    Column("State", lambda row: row.state),
    Column("Target", lambda row: number(row.target_capacity), is_number=True),
    Column("Fulfilled", lambda row: _capacity(row.fulfilled_capacity), is_number=True),
    Column("Fulfilment", lambda row: _percent(row.fulfilment), 3, is_number=True),
    Column("Reservations", lambda row: _members(row), 1),
    Column("End", lambda row: minute(row.end_date), 2),
]


def render(fleets: Sequence[CapacityFleet], style: Style) -> str:
    """The fleets, with the fulfilled share of those below their target."""
    short = sum(fleet.fulfilment is not None and fleet.fulfilment < 1 for fleet in fleets)
    title = f"Capacity Reservation Fleets: {counted(len(fleets), 'fleet')}"
    table = draw(_columns_of(fleets), fleets, style)
    return "\n".join(
        [
            style.title(f"{title}, {short} below target" if short else title),
            "",
            *table.lines,
            *(style.wrapped(table.note) if table.note else []),
        ]
    )


def _columns_of(fleets: Sequence[CapacityFleet]) -> list[Column[CapacityFleet]]:
    """The columns, with the account if there are several, and with the time since when a fleet is
    short if known."""
    account = [_ACCOUNT] if len({it.account_id for it in fleets}) > 1 else []
    since = [_SINCE] if any(it.short_since for it in fleets) else []
    return [*account, *_COLUMNS, *since]


def _account(fleet: CapacityFleet) -> str:
    return named_account(fleet.account_id or "-", fleet.account_name)


def _members(fleet: CapacityFleet) -> str:
    parts = (
        f"{number(member.total_instances)} × {member.instance_type or '?'}"
        for member in fleet.members
    )
    return ", ".join(parts) or "-"


def _capacity(capacity: float | None) -> str:
    return "-" if capacity is None else f"{capacity:g}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
