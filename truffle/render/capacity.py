"""The tables of ``truffle capacity``: the summary above, the bordered table, the note below."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from truffle.core.model import (
    CAPACITY_BLOCK,
    TERMINAL_STATES,
    CapacityBlock,
    Market,
    Odcr,
    Reservation,
    market_of,
)
from truffle.core.summary import Totals, summarize, unless_unknown
from truffle.render.style import Style, state_colour
from truffle.render.tables import Column, draw
from truffle.render.words import counted, day, days, hours, minute, number, percent

NOTHING = "No capacity reservations found matching criteria"


@dataclass(frozen=True, slots=True)
class Shown:
    """What one table is made of: the rows to show, and all matches, which the summary counts."""

    rows: Sequence[Reservation]
    matches: Sequence[Reservation]


def render(shown: Shown, types: Iterable[str], style: Style) -> str:
    """One section per type that was asked for."""
    sections = [_section(_of_type(shown, name), name, style) for name in types]
    return "\n\n".join(section for section in sections if section)


def _of_type(shown: Shown, name: str) -> Shown:
    return Shown(
        [row for row in shown.rows if row.type == name],
        [row for row in shown.matches if row.type == name],
    )


def _section(shown: Shown, name: str, style: Style) -> str:
    is_blocks = name == CAPACITY_BLOCK
    if not shown.matches:
        what = "capacity blocks" if is_blocks else "ODCRs"
        return f"{NOTHING} ({what})"
    title = "Capacity Block Summary:" if is_blocks else "Capacity Reservation Summary (ODCRs):"
    summary = _block_summary(shown) if is_blocks else _odcr_summary(shown)
    if len(shown.rows) < len(shown.matches):
        summary.append(f"Shown: the first {len(shown.rows)} of {len(shown.matches)}")
    columns = _block_columns(shown.rows) if is_blocks else _odcr_columns(shown.rows)
    table = draw(columns, shown.rows, style)
    notes = _block_notes(shown) if is_blocks else _odcr_notes(shown)
    notes += [table.note] if table.note else []
    return "\n".join(
        [
            style.title(title),
            *(part for line in summary for part in style.wrapped(line, "   ", "      ")),
            "",
            *table.lines,
            "",
            *(part for note in notes for part in style.wrapped(note)),
        ]
    )


def _odcr_summary(shown: Shown) -> list[str]:
    total = summarize(shown.matches).total
    free = total.available_capacity / total.total_capacity if total.total_capacity else None
    return [
        f"Total Reservations: {number(total.reservations)}",
        _types(shown.matches),
        f"Total Capacity: {counted(total.total_capacity, 'instance')}",
        f"Available: {counted(total.available_capacity, 'instance')} ({percent(free)} free)",
        f"Used: {counted(total.used_capacity, 'instance')} ({percent(total.utilization)} used)",
        *_gpus(shown.matches, total),
    ]


def _block_summary(shown: Shown) -> list[str]:
    summary = summarize(shown.matches)
    total = summary.total
    blocks = {(row.region, row.capacity_block_id) for row in _blocks(shown.matches)}
    several = len(blocks) < len(shown.matches)
    parts = f" ({counted(len(shown.matches), 'reservation')})" if several else ""
    lines = [f"Total Blocks: {number(len(blocks))}{parts}", _types(shown.matches)]
    shortest, longest = summary.shortest_hours, summary.longest_hours
    if shortest is not None and longest is not None:
        lines.append(f"Duration Range: {_range(shortest, longest)}")
    instances = unless_unknown(total.instances, total.unknown_sizes)
    known = "?" if instances is None else number(instances)
    lines.append(f"Instances: {known}{_unknown(total.unknown_sizes)}")
    if total.total_capacity:
        free = percent(total.available_capacity / total.total_capacity)
        lines.append(
            f"Active Now: {counted(total.total_capacity, 'instance')}, "
            f"{number(total.available_capacity)} available ({free} free)"
        )
    return [*lines, *_gpus(shown.matches, total)]


def _range(shortest: float, longest: float) -> str:
    if shortest == longest:
        return f"{number(shortest)} hours ({counted(days(shortest), 'day')})"
    return f"{number(shortest)}-{number(longest)} hours ({days(shortest)}-{days(longest)} days)"


def _types(rows: Iterable[Reservation]) -> str:
    names = list(dict.fromkeys(row.instance_type for row in rows))
    return f"Instance Types: {len(names)} ({', '.join(names)})"


def _gpus(rows: Iterable[Reservation], total: Totals) -> list[str]:
    """``GPUs: 128 in total (H100 64, L4 64), 12 idle (9.4% of the active ones)``."""
    by_name: dict[str, float | None] = {}
    for carried in (row.accelerator for row in rows if row.accelerator):
        known, more = by_name.get(carried.name), carried.total_count
        by_name[carried.name] = known if more is None else (known or 0) + more
    if not by_name:
        return []
    names = ", ".join(
        f"{name} {'?' if count is None else number(count)}" for name, count in by_name.items()
    )
    known_total = unless_unknown(total.accelerators, total.unknown_accelerators)
    return [
        f"GPUs: {'?' if known_total is None else number(known_total)} in total ({names}), "
        f"{number(total.idle_accelerators)} idle{_unknown(total.unknown_accelerators)}"
    ]


def _unknown(reservations: int) -> str:
    """What a sum does not include."""
    return f" (unknown for {counted(reservations, 'reservation')})" if reservations else ""


def _odcr_notes(shown: Shown) -> list[str]:
    ending = sum(row.end_date is not None for row in shown.matches)
    lent = [row.reservation_id for row in shown.matches if market_of(row) is Market.INTERRUPTIBLE]
    steady = sum(row.end_date is None and market_of(row) is None for row in shown.matches)
    notes = []
    if not ending and not lent:
        notes.append("No fixed end date - can use indefinitely")
    elif ending:
        rest = ", the others can be used indefinitely" if steady and not lent else ""
        notes.append(f"{ending} of {len(shown.matches)} end at a fixed date{rest}")
    if lent:
        notes.append(
            f"Interruptible, its owner can take the instances back at two minutes' notice: "
            f"{', '.join(lent)}"
        )
    idle = summarize(shown.matches).total.available_capacity
    paid = "Billed at the On-Demand rate whether used or not"
    return [*notes, f"{paid}: {counted(idle, 'instance')} idle now" if idle else paid]


def _block_notes(shown: Shown) -> list[str]:
    blocks = _blocks(shown.matches)
    notes = [
        "Times are UTC. AWS starts to terminate instances 30 minutes before the end"
        " (60 for UltraServers)"
    ]
    if any(row.ultra_cluster_placement and row.state not in TERMINAL_STATES for row in blocks):
        placed = "UltraCluster Placement: Yes (optimized networking for distributed training)"
        notes.insert(0, placed)
    bad = [row.reservation_id for row in blocks if row.health and row.health.is_bad]
    if bad:
        notes.append(f"Unhealthy: {', '.join(bad)} (see health in -o json)")
    return notes


def _blocks(rows: Iterable[Reservation]) -> list[CapacityBlock]:
    return [row for row in rows if isinstance(row, CapacityBlock)]


def _odcr_columns(rows: Sequence[Reservation]) -> list[Column[Reservation]]:
    """The state goes early where it is the same everywhere, as it is by default."""
    state_leaves = 2 if len({row.state for row in rows}) < 2 else 8
    return [
        Column("Instance Type", lambda row: row.instance_type),
        Column("Region", lambda row: row.region, leaves=1),
        Column("AZ", _zone),
        Column("Total", lambda row: number(row.total_capacity), leaves=7, is_number=True),
        Column("Available", lambda row: number(row.available_capacity), is_number=True),
        Column("Used", _used, leaves=5, is_number=True),
        Column("State", lambda row: row.state, leaves=state_leaves, colour=_state_colour),
        Column("GPUs", _total_gpus, leaves=4),
        Column("Idle GPUs", _idle_gpus, leaves=3, is_number=True),
        Column("Reservation ID", lambda row: row.reservation_id),
    ]


def _block_columns(rows: Sequence[Reservation]) -> list[Column[Reservation]]:
    named = any(row.capacity_block_id != row.reservation_id for row in _blocks(rows))
    block_id: list[Column[Reservation]] = [
        Column("Block ID", _of_block(lambda block: block.capacity_block_id), leaves=1)
    ]
    return [
        Column("Instance Type", lambda row: row.instance_type),
        Column("Count", lambda row: number(row.size), is_number=True),
        Column("AZ", _zone, leaves=6),
        _moment("Start", lambda row: row.start_date, 9),
        _moment("End", lambda row: row.end_date, 7),
        Column("Duration", _of_block(lambda block: hours(block.duration_hours)), leaves=5),
        Column("State", lambda row: row.state, leaves=8, colour=_state_colour),
        Column("Used", _used, leaves=4, is_number=True),
        Column("GPUs", _total_gpus, leaves=3),
        Column("Idle GPUs", _idle_gpus, leaves=2, is_number=True),
        *(block_id if named else []),
        Column("Reservation ID", lambda row: row.reservation_id),
    ]


def _moment(
    head: str, moment: Callable[[Reservation], datetime | None], leaves: int
) -> Column[Reservation]:
    return Column(head, lambda row: minute(moment(row)), leaves, brief=lambda row: day(moment(row)))


def _of_block(text: Callable[[CapacityBlock], str]) -> Callable[[Reservation], str]:
    return lambda row: text(row) if isinstance(row, CapacityBlock) else "-"


def _zone(row: Odcr | CapacityBlock) -> str:
    return row.availability_zone or row.region


def _state_colour(row: Reservation) -> str | None:
    return state_colour(row.state)


def _used(row: Reservation) -> str:
    """``20 (62.5%)``; nothing is known of it unless the reservation is active."""
    if row.used_capacity is None:
        return "-"
    if row.utilization is None:
        return number(row.used_capacity)
    return f"{row.used_capacity} ({percent(row.utilization)})"


def _total_gpus(row: Reservation) -> str:
    carried = row.accelerator
    return "-" if carried is None else f"{number(carried.total_count)} {carried.name}"


def _idle_gpus(row: Reservation) -> str:
    if row.accelerator is None or row.used_capacity is None:
        return "-"
    return number(row.accelerator.on(row.available_capacity))
