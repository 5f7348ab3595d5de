"""The tables of ``truffle capacity``: the summary above, the bordered table, the note below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from truffle.core.idle import unused
from truffle.core.kinds.kind import Kind
from truffle.core.kinds.registry import KINDS
from truffle.core.model import (
    TERMINAL_STATES,
    MarketType,
    Reservation,
)
from truffle.core.pricing import USD, PriceBook, PriceSource, Rate
from truffle.core.summary import Totals, summarize, unless_unknown
from truffle.core.wording import counted
from truffle.render.columns import View, adjusted_dates, allocation_text, columns_of
from truffle.render.style import Style
from truffle.render.tables import draw
from truffle.render.words import days, minute, money, number, percent

NOTHING = "No capacity reservations found matching criteria"


@dataclass(frozen=True, slots=True)
class Shown:
    """The contents of one table: the rows to show, and all matches, which the summary counts."""

    rows: Sequence[Reservation]
    matches: Sequence[Reservation]
    view: View = field(default_factory=View)


def render(shown: Shown, types: Iterable[str], style: Style) -> str:
    """One section per requested type."""
    sections = [_section(_of_type(shown, name), name, style) for name in types]
    return "\n\n".join(section for section in sections if section)


def render_summary(shown: Shown, types: Iterable[str], style: Style) -> str:
    """Only the totals of each type."""
    return "\n\n".join(
        "\n".join(_summary(_of_type(shown, name), KINDS[name], style) or [_nothing(KINDS[name])])
        for name in types
    )


def _of_type(shown: Shown, name: str) -> Shown:
    return replace(
        shown,
        rows=[row for row in shown.rows if row.type == name],
        matches=[row for row in shown.matches if row.type == name],
    )


def _section(shown: Shown, name: str, style: Style) -> str:
    kind = KINDS[name]
    if not shown.matches:
        return _nothing(kind)
    cut = len(shown.rows) < len(shown.matches)
    more = [f"Shown: the first {len(shown.rows)} of {len(shown.matches)}"] if cut else []
    columns = columns_of(name, shown.rows, shown.view)
    table = draw(columns, shown.rows, replace(style, width=None) if shown.view.is_wide else style)
    notes = _prepaid_notes(shown, kind) if kind.is_prepaid else _odcr_notes(shown)
    notes += [table.note] if table.note else []
    return "\n".join(
        [
            *_summary(shown, kind, style, more),
            "",
            *table.lines,
            "",
            *(part for note in notes for part in style.wrapped(note)),
        ]
    )


def _nothing(kind: Kind) -> str:
    return f"{NOTHING} ({kind.plural})"


def _summary(shown: Shown, kind: Kind, style: Style, more: Sequence[str] = ()) -> list[str]:
    """The title and the totals; empty if nothing matches."""
    if not shown.matches:
        return []
    lines = _prepaid_summary(shown, kind) if kind.is_prepaid else _odcr_summary(shown)
    return [
        style.title(kind.title),
        *(part for line in [*lines, *more] for part in style.wrapped(line, "   ", "      ")),
    ]


def _odcr_summary(shown: Shown) -> list[str]:
    total = summarize(shown.matches, shown.view.prices).total
    free = total.available_capacity / total.total_capacity if total.total_capacity else None
    return [
        f"Total Reservations: {number(total.reservations)}",
        _types(shown.matches),
        f"Total Capacity: {counted(total.total_capacity, 'instance')}",
        f"Available: {counted(total.available_capacity, 'instance')} ({percent(free)} free)",
        f"Used: {counted(total.used_capacity, 'instance')} ({percent(total.utilization)} used)",
        *_gpus(shown.matches, total),
        *_idle_cost(shown, total),
    ]


def _prepaid_summary(shown: Shown, kind: Kind) -> list[str]:
    summary = summarize(shown.matches, shown.view.prices)
    total = summary.total
    blocks = {(row.region, row.block_id or row.reservation_id) for row in shown.matches}
    several = len(blocks) < len(shown.matches)
    parts = f" ({counted(len(shown.matches), 'reservation')})" if several else ""
    lines = [
        f"Total {kind.short.capitalize()}s: {number(len(blocks))}{parts}",
        _types(shown.matches),
    ]
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
    return [*lines, *_gpus(shown.matches, total), *_idle_cost(shown, total)]


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


def _idle_cost(shown: Shown, total: Totals) -> list[str]:
    """``Idle Cost: $98.32 an hour (price unknown for 2 instances)``, and the sources of the
    prices."""
    prices = shown.view.prices
    if not prices:
        return []
    cost, unpriced = total.idle_usd_per_hour, total.unpriced_instances
    known = "?" if cost is None else f"{money(cost, USD)} an hour"
    unknown = f" (price unknown for {counted(unpriced, 'instance')})" if unpriced else ""
    sources = sorted({_source(rate) for row in shown.matches if (rate := _rate(row, prices))})
    return [
        f"Idle Cost: {known}{unknown}",
        *([f"Prices: {'; '.join(sources)}"] if sources else []),
    ]


def _rate(row: Reservation, prices: PriceBook) -> Rate | None:
    return prices.rate(row) if unused(row) else None


def _source(rate: Rate) -> str:
    """``AWS's price list, as of 2026-11-01``."""
    name = _SOURCES[rate.source]
    return f"{name}, as of {rate.as_of.isoformat()}" if rate.as_of else name


_SOURCES = {
    PriceSource.SETTINGS: "the alerts file",
    PriceSource.PRICE_LIST: "AWS's On-Demand price list",
    PriceSource.BLOCK_FEE: "capacity block fees",
    PriceSource.COST_EXPLORER: "capacity block fees in Cost Explorer",
    PriceSource.EXTENDED_FEE: "capacity block fees with extensions",
    PriceSource.UPFRONT_FEE: "upfront fees",
}


def _unknown(reservations: int) -> str:
    """The rows that a sum does not include."""
    return f" (unknown for {counted(reservations, 'reservation')})" if reservations else ""


def _odcr_notes(shown: Shown) -> list[str]:
    ending = sum(row.end_date is not None for row in shown.matches)
    lent = [row.reservation_id for row in shown.matches if row.market is MarketType.INTERRUPTIBLE]
    steady = sum(row.end_date is None and row.market is None for row in shown.matches)
    notes = []
    if not ending and not lent:
        notes.append("No fixed end date - can use indefinitely")
    elif ending:
        rest = "; use the others indefinitely" if steady and not lent else ""
        notes.append(f"Fixed end date: {ending} of {len(shown.matches)}{rest}")
    if lent:
        notes.append(
            f"Interruptible; the owner can take the instances back at two minutes' notice: "
            f"{', '.join(lent)}"
        )
    notes += [*_lenders(shown.matches), *_changes(shown.matches)]
    open_requests = [
        f"{row.reservation_id} (account {row.billing_request.unused_billing_owner_id}"
        f"{_by(row.billing_request.expires_at)})"
        for row in shown.matches
        if row.billing_request is not None and row.billing_request.status == "pending"
    ]
    if open_requests:
        notes.append(f"Billing request to accept or reject: {', '.join(open_requests)}")
    idle = summarize(shown.matches).total.available_capacity
    paid = "Billed at the On-Demand rate whether used or not"
    return [*notes, f"{paid}: {counted(idle, 'instance')} idle now" if idle else paid]


def _lenders(rows: Iterable[Reservation]) -> list[str]:
    """``Lent as interruptible, in addition to the totals: cr-1 (4 instances to cr-2)``."""
    lenders = [
        f"{row.reservation_id} ({allocation_text(row)})"
        for row in rows
        if row.interruptible_allocation is not None
    ]
    if not lenders:
        return []
    return [f"Lent as interruptible, in addition to the totals: {', '.join(lenders)}"]


def _changes(rows: Iterable[Reservation]) -> list[str]:
    """``Change of dates requested: cr-1 (end 2027-01-09 00:00)``; applied changes are omitted."""
    notes = []
    for status in ("requested", "rejected"):
        changed = [
            f"{row.reservation_id}{f' ({dates})' if (dates := adjusted_dates(row)) else ''}"
            for row in rows
            if row.adjustment is not None and row.adjustment.status == status
        ]
        if changed:
            notes.append(f"Change of dates {status}: {', '.join(changed)}")
    return notes


def _by(moment: datetime | None) -> str:
    return f" by {minute(moment)}" if moment else ""


def _prepaid_notes(shown: Shown, kind: Kind) -> list[str]:
    rows, notes = shown.matches, [kind.note]
    if any(row.ultra_cluster_placement and row.state not in TERMINAL_STATES for row in rows):
        placed = "UltraCluster Placement: Yes (optimized networking for distributed training)"
        notes.insert(0, placed)
    bad = [row.reservation_id for row in rows if row.health and row.health.is_bad]
    if bad:
        notes.append(f"Unhealthy: {', '.join(bad)} (see health in -o json)")
    return notes
