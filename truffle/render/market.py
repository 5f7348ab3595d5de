"""The tables of the finds of watches: offerings, the matrix, and prices over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from truffle.core.codec import Json
from truffle.core.market.answers import Outcome
from truffle.core.market.finds import Find
from truffle.core.market.history import Point, Stretch
from truffle.core.market.known import KnownMarket
from truffle.core.market.matrix import Cell
from truffle.core.market.watches import Question
from truffle.core.offerings import Offering
from truffle.core.wording import counted
from truffle.render.offerings import money, offering_columns, offering_table
from truffle.render.style import Style
from truffle.render.tables import Column, cells, draw
from truffle.render.words import ago, duration, minute, number, short_minute

OLD: Final = timedelta(hours=2)
"""The age from which an answer is shown with its age."""

MOST_COLUMNS: Final = 8
"""The maximum number of regions of a table without a width; with more, each cell is a row."""

OUTCOMES: Final = {
    Outcome.OFFERED: "offered",
    Outcome.NONE: "not sold now",
    Outcome.UNKNOWN_TYPE: "unknown type",
    Outcome.NOT_ASKED: "not asked",
    Outcome.FAILED: "failed",
}
"""The text of each outcome of a region."""


def render_finds(finds: Sequence[Find], style: Style, now: datetime) -> str:
    """The offerings, each with the age of its answer."""
    offered = [find.offering for find in finds]
    columns: list[Column[Find]] = [
        Column("Watch", lambda row: row.watch, 6),
        *(_lifted(column) for column in offering_columns(offered)),
        Column("Lead", lambda row: _length(row.lead_hours), 4),
        Column("Seen", lambda row: _ago(row.observed_at, now)),
    ]
    order = ("Offering ID",)
    ordered = [it for it in columns if it.head not in order]
    ordered += [it for it in columns if it.head in order]
    table = draw(ordered, finds, style)
    return "\n".join(
        [
            style.title(f"Capacity Blocks that watches found: {counted(len(finds), 'offering')}"),
            "",
            *table.lines,
            *(style.wrapped(table.note) if table.note else []),
            "",
            *style.wrapped("Times are UTC. Nothing is reserved until you buy it."),
        ]
    )


def _lifted(column: Column[Any]) -> Column[Find]:
    """A column of an offering as a column of a find."""

    def of(text: Callable[[Any], str]) -> Callable[[Find], str]:
        return lambda find: text(find.offering)

    return replace(column, cell=of(column.cell), brief=column.brief and of(column.brief))


def _length(hours: float | None) -> str:
    """A duration to minutes, beyond a day to hours; ``now`` for none left."""
    if hours is None:
        return "-"
    if hours * 60 < 1:
        return "now"
    return duration(round(hours) if hours > 24 else round(hours * 60) / 60)


def _ago(moment: datetime, now: datetime) -> str:
    return ago((now - moment).total_seconds())


# --- the matrix ----------------------------------------------------------------------------------


def render_matrix(matrix: Sequence[Cell], style: Style, now: datetime) -> str:
    """A row for each type and a column for each region; a row for each cell if that is too wide."""
    regions = sorted({cell.region for cell in matrix})
    lines = _grid(matrix, regions, style, now)
    is_wide = max(map(cells, lines)) > style.width if style.width else len(regions) > MOST_COLUMNS
    if is_wide:
        lines = _list(matrix, style, now)
    return "\n".join(
        [
            style.title(f"Market: {_count(matrix)} in {counted(len(regions), 'region')}"),
            "",
            *lines,
            "",
            *style.wrapped(
                "The lowest price per accelerator-hour and the earliest start of any offering, in "
                "UTC; an old answer is shown with its age. - means not searched."
            ),
        ]
    )


def _count(matrix: Sequence[Cell]) -> str:
    return counted(len({cell.instance_type for cell in matrix}), "type")


def _grid(matrix: Sequence[Cell], regions: Sequence[str], style: Style, now: datetime) -> list[str]:
    by_place = {(cell.instance_type, cell.region): cell for cell in matrix}

    def of(region: str) -> Callable[[str], str]:
        return lambda name: _cell(by_place.get((name, region)), now)

    columns: list[Column[str]] = [Column("Instance Type", lambda name: name)]
    columns += [Column(region, of(region)) for region in regions]
    types = sorted({cell.instance_type for cell in matrix})
    return draw(columns, types, replace(style, width=None)).lines


def _list(matrix: Sequence[Cell], style: Style, now: datetime) -> list[str]:
    columns: list[Column[Cell]] = [
        Column("Instance Type", lambda cell: cell.instance_type),
        Column("Region", lambda cell: cell.region),
        Column("Per GPU-Hour", _price, is_number=True, short="GPU/h"),
        Column("Earliest Start", lambda cell: minute(cell.start), brief=_start),
        Column("Known", lambda cell: _known(cell, now), 2),
    ]
    return draw(columns, matrix, style).lines


def _cell(cell: Cell | None, now: datetime) -> str:
    if cell is None:
        return "-"
    if cell.outcome is not Outcome.OFFERED:
        return _price(cell)
    is_old = bool(cell.unanswered) or (cell.known_at is not None and now - cell.known_at > OLD)
    age = f" ({_ago(cell.known_at, now)})" if is_old and cell.known_at else ""
    return f"{_price(cell)}, {_start(cell)}{age}"


def _price(cell: Cell) -> str:
    """The price, or why there is none."""
    if cell.outcome is not Outcome.OFFERED:
        return OUTCOMES[cell.outcome]
    if cell.cheapest is None:
        return "price unknown"
    return money(cell.price, cell.cheapest.offering.currency_code)


def _start(cell: Cell) -> str:
    return short_minute(cell.start)


def _known(cell: Cell, now: datetime) -> str:
    return _ago(cell.known_at, now) if cell.known_at else "never"


# --- over time -----------------------------------------------------------------------------------


def render_history(found: Sequence[Stretch], style: Style) -> str:
    """A row for each stretch of answers with the same price, or the same reason for having none."""
    columns: list[Column[Stretch]] = [
        Column("Watch", lambda row: row.first.watch, 3),
        Column("Instance Type", lambda row: row.first.question.instance_type, 4),
        Column("Region", lambda row: row.first.region),
        Column("From", lambda row: minute(row.first.observed_at), brief=_first),
        Column("To", lambda row: minute(row.last.observed_at), 5, brief=_last),
        Column("Answers", lambda row: number(len(row.points)), 1, is_number=True),
        Column("Per GPU-Hour", _price_then, is_number=True, short="GPU/h"),
        Column("Lead Time", _lead),
        Column("Offers", lambda row: number(row.last.offerings), 2, is_number=True),
    ]
    table = draw(columns, found, style)
    count = sum(len(it.points) for it in found)
    return "\n".join(
        [
            style.title(f"Offerings over time: {counted(count, 'answer')}"),
            "",
            *table.lines,
            *(style.wrapped(table.note) if table.note else []),
            "",
            *style.wrapped(
                "The lowest price per accelerator-hour and the shortest lead time. Times are UTC. "
                "Nothing is known between two answers; -o json and csv have each answer."
            ),
        ]
    )


def _first(row: Stretch) -> str:
    return short_minute(row.first.observed_at)


def _last(row: Stretch) -> str:
    return short_minute(row.last.observed_at)


def _price_then(row: Stretch) -> str:
    point = row.first
    if point.outcome is not Outcome.OFFERED:
        return OUTCOMES[point.outcome]
    return "price unknown" if point.price is None else money(point.price, point.currency_code)


def _lead(row: Stretch) -> str:
    if row.lead_hours is None:
        return "-"
    shortest, longest = map(_length, row.lead_hours)
    return shortest if shortest == longest else f"{shortest} to {longest}"


# --- for a run -----------------------------------------------------------------------------------

SHOWN_OFFERS: Final = 6


def render_known(known: KnownMarket, style: Style, now: datetime) -> list[str]:
    """The known offers of watches that fit a run, with their age, or why there are none."""
    if not known.standings:
        return style.wrapped(
            "For sale: unknown, as no watch searches for this block; `truffle offerings` queries "
            "EC2."
        )
    age = _ages(known, now)
    where = ", ".join(dict.fromkeys(it.region for it in known.standings))
    lines = [
        f"  {it.watch} in {it.region}: {OUTCOMES[it.outcome]}{f' ({it.code})' if it.code else ''}"
        for it in known.unanswered
    ]
    if known.finds:
        head = f"For sale, as found by watches {age}:"
        shown = known.finds[:SHOWN_OFFERS]
        lines = [*offering_table([it.offering for it in shown], style), *lines]
    elif age is None:
        head = f"For sale: unknown, as no region has answered ({where})."
    else:
        head = f"For sale: no suitable block, as found by watches {age} ({where})."
    return [*style.wrapped(head), *lines]


def _ages(known: KnownMarket, now: datetime) -> str | None:
    """``12 min ago``, or ``12 min ago to 3 h ago`` if answers differ."""
    if known.newest is None or known.known_at is None:
        return None
    newest, oldest = _ago(known.newest, now), _ago(known.known_at, now)
    return newest if newest == oldest else f"{newest} to {oldest}"


# --- CSV -----------------------------------------------------------------------------------------


def flat(item: Json) -> Json:
    """An item as a flat row: the values requested by the watch have their own columns."""
    requested = {f"requested_{name}": value for name, value in item["requested"].items()}
    return {**{name: value for name, value in item.items() if name != "requested"}, **requested}


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BLANK: Final = Question("", 0, 0)


def find_names() -> list[str]:
    blank = Offering(
        offering_id="",
        instance_type="",
        instance_count=None,
        region="",
        availability_zone=None,
        start_date=None,
        end_date=None,
        duration_hours=None,
        upfront_fee=None,
        currency_code=None,
    )
    return list(flat(Find("", "", _BLANK, blank, _EPOCH).to_json()))


def point_names() -> list[str]:
    return list(
        flat(
            Point(
                watch="",
                region="",
                account_id="",
                question=_BLANK,
                observed_at=_EPOCH,
                outcome=Outcome.NONE,
            ).to_json()
        )
    )


def cell_names() -> list[str]:
    return list(
        Cell(instance_type="", region="", outcome=Outcome.NONE, known_at=None).to_json(_EPOCH)
    )
