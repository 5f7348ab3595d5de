"""The columns of reservations, and the order in which they are omitted on a narrow terminal.

The columns that answer the query stay longest: who holds what, where, until when, and how much is
free.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from truffle.core.codec import FIELD_NAMES, encode
from truffle.core.kinds.registry import CLASSES, KINDS
from truffle.core.model import Reservation
from truffle.core.pricing import NO_PRICES, USD, PriceBook
from truffle.core.wording import counted, named_account
from truffle.render.style import state_colour
from truffle.render.tables import NEVER, Column
from truffle.render.words import day, duration, minute, money, number, percent, short_day

Columns = list[Column[Reservation]]

_STAYS = 100
"""Added to ``leaves`` of the fields that the query is about, so that they are omitted last."""


@dataclass(frozen=True, slots=True)
class View:
    """The columns to show: ``requested`` has the fields that the query is about, ``chosen`` the
    columns named by the user; ``is_wide`` means all columns whatever the width, ``is_summary`` only
    totals. Costs are shown if ``prices`` has any."""

    requested: frozenset[str] = frozenset()
    chosen: tuple[str, ...] = ()
    is_wide: bool = False
    is_summary: bool = False
    prices: PriceBook = NO_PRICES


def columns_of(kind: str, rows: Sequence[Reservation], view: View) -> Columns:
    """The columns of one type of reservations."""
    made = _prepaid(rows) if KINDS[kind].is_prepaid else _odcrs(rows)
    if view.prices or view.chosen:
        made.insert(-1, _idle_cost(view.prices))
    if view.chosen:
        return [column for name in view.chosen for column in _named(name, kind, made)]
    wide = _wide(rows)
    shown = [column for column in wide if view.is_wide or column.name in view.requested]
    return [_staying(column, view) for column in [*made, *shown]]


def column_names() -> tuple[str, ...]:
    """The values of ``--columns``."""
    own = [column for make in (_odcrs, _prepaid) for column in make(())]
    own.append(_idle_cost(NO_PRICES))
    names = [name for column in own for name in (_snake(column.head), column.name)]
    fields = [name for kind in FIELD_NAMES.values() for name in kind]
    return tuple(dict.fromkeys([*names, *fields]))


def _named(name: str, kind: str, made: Columns) -> Columns:
    """The column with this name, or of this field; empty if the type has none."""
    for column in [*made, *_optional(())]:
        if name in (column.name, _snake(column.head)):
            return [replace(column, leaves=NEVER, brief=None, short=None)]
    fields = FIELD_NAMES[CLASSES[kind].__name__]
    return [replace(_plain(name), leaves=NEVER)] if name in fields else []


def _snake(head: str) -> str:
    return head.lower().replace(" ", "_")


def _staying(column: Column[Reservation], view: View) -> Column[Reservation]:
    if column.name not in view.requested or column.leaves == NEVER:
        return column
    return replace(column, leaves=column.leaves + _STAYS)


def _odcrs(rows: Sequence[Reservation]) -> Columns:
    ends = [_moment("End", "end_date", rows, 9)] if _any(rows, lambda row: row.end_date) else []
    committed = _any(rows, lambda row: row.commitment_end)
    ends += [_moment("Committed", "commitment_end", rows, 4)] if committed else []
    return [
        *_identity(rows),
        _type(leaves=NEVER),
        Column("Region", lambda row: row.region, 2, name="region"),
        Column("AZ", _zone, 10, name="availability_zone"),
        _count("Total", "total_capacity", lambda row: row.total_capacity, 8),
        _count("Available", "available_capacity", lambda row: row.available_capacity, NEVER),
        _used(leaves=9),
        *ends,
        _state(rows, leaves=11),
        _gpus(leaves=5),
        _idle_gpus(leaves=6),
        _id(rows),
    ]


def _prepaid(rows: Sequence[Reservation]) -> Columns:
    """Before any block has started, use is 0, so its column is omitted early."""
    in_use = _any(rows, lambda row: row.used_capacity is not None)
    return [
        *_identity(rows),
        _type(leaves=NEVER),
        _count("Count", "instance_count", lambda row: row.size, NEVER),
        Column("Region", lambda row: row.region, 2, name="region"),
        Column("AZ", _zone, 10, name="availability_zone"),
        _moment("Start", "start_date", rows, 8),
        _moment("End", "end_date", rows, 13),
        Column(
            "Duration",
            lambda row: duration(row.duration_hours),
            3,
            name="duration_hours",
        ),
        _state(rows, leaves=12),
        _used(leaves=11 if in_use else 1),
        _gpus(leaves=4),
        _idle_gpus(leaves=9 if in_use else 1),
        *_block_id(rows),
        _id(rows),
    ]


def _identity(rows: Sequence[Reservation]) -> Columns:
    """The names, if any, and the account, if there are several."""
    return [
        column for column, is_shown in zip(_optional(rows), _wanted(rows), strict=True) if is_shown
    ]


def _optional(rows: Sequence[Reservation]) -> Columns:
    return [
        Column("Name", lambda row: row.name or row.reservation_id, 14, name="name"),
        Column("Account", account_of, 7, name="account_id"),
    ]


def account_of(row: Reservation) -> str:
    """``research-one (111122223333)``, if the name is known."""
    return "-" if row.account_id is None else named_account(row.account_id, row.account_name)


def _wanted(rows: Sequence[Reservation]) -> tuple[bool, bool]:
    names = not rows or _any(rows, lambda row: row.name)
    return names, len({row.account_id for row in rows}) > 1


def _id(rows: Sequence[Reservation]) -> Column[Reservation]:
    """The name of a row; its id if it has no name."""
    leaves = 7 if rows and _wanted(rows)[0] else NEVER
    return Column("Reservation ID", lambda row: row.reservation_id, leaves, name="reservation_id")


def _block_id(rows: Sequence[Reservation]) -> Columns:
    if rows and all(row.block_id in (None, row.reservation_id) for row in rows):
        return []
    return [Column("Block ID", lambda row: row.block_id or "-", 1, name="capacity_block_id")]


def _type(leaves: int) -> Column[Reservation]:
    return Column(
        "Instance Type", lambda row: row.instance_type, leaves, short="Type", name="instance_type"
    )


def _count(
    head: str, name: str, value: Callable[[Reservation], int | None], leaves: int
) -> Column[Reservation]:
    return Column(head, lambda row: number(value(row)), leaves, is_number=True, name=name)


def _moment(head: str, name: str, rows: Sequence[Reservation], leaves: int) -> Column[Reservation]:
    """A time to the minute; in short form the day, without the year if all are in the same one."""

    def moment(row: Reservation) -> datetime | None:
        value: datetime | None = getattr(row, name)
        return value

    years = {at.year for row in rows for at in (row.start_date, row.end_date) if at}
    brief = short_day if len(years) == 1 else day
    return Column(
        head,
        lambda row: minute(moment(row)),
        leaves,
        brief=lambda row: brief(moment(row)),
        name=name,
    )


def _state(rows: Sequence[Reservation], leaves: int) -> Column[Reservation]:
    """The state; omitted early if it is the same in all rows, as it is by default."""
    is_same = len({state_text(row) for row in rows}) < 2
    return Column(
        "State",
        state_text,
        3 if is_same else leaves,
        colour=state_paint,
        brief=lambda row: "unhealthy" if _is_unhealthy(row) else row.state,
        name="state",
    )


def state_text(row: Reservation) -> str:
    """The state, and whether the block is unhealthy, which EC2's state does not show."""
    return f"{row.state}, unhealthy" if _is_unhealthy(row) else row.state


def state_paint(row: Reservation) -> str | None:
    """The colour of the state: an unhealthy block's is never green."""
    return "red" if _is_unhealthy(row) else state_colour(row.state)


def _is_unhealthy(row: Reservation) -> bool:
    return row.health is not None and row.health.is_bad


def _used(leaves: int) -> Column[Reservation]:
    return Column(
        "Used",
        _used_text,
        leaves,
        is_number=True,
        brief=lambda row: number(row.used_capacity),
        name="used_capacity",
    )


def _used_text(row: Reservation) -> str:
    """``20 (62.5%)``; unknown unless the reservation is active."""
    if row.used_capacity is None:
        return "-"
    if row.utilization is None:
        return number(row.used_capacity)
    return f"{row.used_capacity} ({percent(row.utilization)})"


def _gpus(leaves: int) -> Column[Reservation]:
    def text(row: Reservation) -> str:
        carried = row.accelerator
        return "-" if carried is None else f"{number(carried.total_count)} {carried.name}"

    return Column("GPUs", text, leaves, name="accelerator")


def _idle_gpus(leaves: int) -> Column[Reservation]:
    def text(row: Reservation) -> str:
        if row.accelerator is None or row.used_capacity is None:
            return "-"
        return number(row.accelerator.on(row.available_capacity))

    return Column("Idle GPUs", text, leaves, is_number=True, short="Idle", name="idle_gpus")


def _idle_cost(prices: PriceBook) -> Column[Reservation]:
    """The hourly cost of unused instances; ``?`` if no price is known."""

    def text(row: Reservation) -> str:
        if row.state != "active":
            return "-"
        cost = prices.idle_usd(row)
        return "?" if cost is None else money(cost, USD)

    return Column("Idle Cost/h", text, 7, is_number=True, short="Idle/h", name="idle_cost")


def _wide(rows: Sequence[Reservation]) -> Columns:
    """The columns that a wide table adds."""
    fields = ("owner_id", "platform", "tenancy", "match_criteria", "create_date", "tags")
    several = _wanted(rows)[1]
    account = [] if several else [_optional(rows)[1]]
    users = Column("Consumers", _consumers, 1, name="consumers")
    requested = Column("Billing Request", _billing_request, 1, name="billing_request")
    known = [users] if _any(rows, lambda row: row.consumers is not None) else []
    known += [requested] if _any(rows, lambda row: row.billing_request) else []
    lent = Column("Lent", allocation_text, 1, name="interruptible_allocation")
    change = Column("Change of Dates", _adjustment, 1, name="adjustment")
    known += [lent] if _any(rows, lambda row: row.interruptible_allocation) else []
    known += [change] if _any(rows, lambda row: row.adjustment) else []
    return [*account, *(_plain(name) for name in fields), *known]


def _consumers(row: Reservation) -> str:
    """``123456789012: 3, 210987654321: 2``, the instances that each account uses."""
    if row.consumers is None:
        return "-"
    return ", ".join(f"{it.account_id}: {number(it.used_capacity)}" for it in row.consumers)


def _billing_request(row: Reservation) -> str:
    """``pending: 210987654321 by 2026-11-24 23:30``, or ``accepted: 210987654321``."""
    request = row.billing_request
    if request is None:
        return "-"
    until = f" by {minute(request.expires_at)}" if request.expires_at else ""
    return f"{request.status}: {request.unused_billing_owner_id}{until}"


def allocation_text(row: Reservation) -> str:
    """``4 instances to cr-0abc``, with the target and the status if they differ."""
    allocation = row.interruptible_allocation
    if allocation is None:
        return "-"
    count, target = allocation.instance_count, allocation.target_instance_count
    lent = "? instances" if count is None else counted(count, "instance")
    to = f" to {allocation.reservation_id}" if allocation.reservation_id else ""
    facts = [f"target {number(target)}"] if target not in (None, count) else []
    facts += [allocation.status] if allocation.status not in (None, "active") else []
    return ", ".join([f"{lent}{to}", *facts])


def adjusted_dates(row: Reservation) -> str:
    """``start 2027-01-02 00:00, end 2027-01-09 00:00`` of the last requested change."""
    change = row.adjustment
    dates = (("start", change.start_date), ("end", change.end_date)) if change else ()
    return ", ".join(f"{name} {minute(at)}" for name, at in dates if at)


def _adjustment(row: Reservation) -> str:
    """``requested: end 2027-01-09 00:00``."""
    status = row.adjustment.status or "?" if row.adjustment else "-"
    dates = adjusted_dates(row)
    return f"{status}: {dates}" if dates else status


def _plain(name: str) -> Column[Reservation]:
    """A field as in the JSON."""
    head = " ".join(word.capitalize() for word in name.removesuffix("_id").split("_"))

    def text(row: Reservation) -> str:
        value = encode(row).get(name)
        if value is None or isinstance(value, str):
            return value or "-"
        return json.dumps(value, ensure_ascii=False)

    return Column(head, text, 1, name=name)


def _zone(row: Reservation) -> str:
    return row.availability_zone or row.region


def _any(rows: Iterable[Reservation], test: Callable[[Reservation], object]) -> bool:
    return any(map(test, rows))
