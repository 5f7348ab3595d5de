"""Bordered tables that fit a width by omitting columns, never by truncating values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from unicodedata import combining, east_asian_width

from truffle.core.quoting.terminal import visible
from truffle.render.style import Style

Row = TypeVar("Row")

NEVER = 0
"""The value of ``leaves`` for a column that is never omitted."""


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """A column: its heading, a row's cell, and the order of omission (1: first; NEVER).

    ``brief`` is the short form of the cells in a narrow table, with the heading ``short``. ``name``
    is the name by which users choose the column.
    """

    head: str
    cell: Callable[[Row], str]
    leaves: int = NEVER
    is_number: bool = False
    colour: Callable[[Row], str | None] | None = None
    brief: Callable[[Row], str] | None = None
    short: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A table's lines, and the headings of the omitted columns."""

    lines: list[str]
    left_out: list[str]

    @property
    def note(self) -> str | None:
        """The hint for a narrow terminal, if the command has ``-o wide``."""
        if not self.left_out:
            return None
        return f"Not shown at this width: {', '.join(self.left_out)} (-o wide shows all columns)."


@dataclass(frozen=True, slots=True)
class _Drawing(Generic[Row]):
    """A column as drawn: its heading and texts, full or brief, and its width."""

    column: Column[Row]
    head: str
    texts: list[str]
    width: int


def cells(text: str) -> int:
    """The number of terminal cells of a text: East Asian characters take two, combining accents
    none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1 for letter in text
    )


def draw(columns: Sequence[Column[Row]], rows: Sequence[Row], style: Style) -> Drawn:
    """Draw the table; a style without a width shows every column.

    Columns that do not fit are first shortened, then omitted. If there is room again, columns come
    back, and full texts if all of them fit.
    """
    full = {column.head: _full(column, rows) for column in columns}
    chosen = full if _fits(full.values(), style) else _fitting(columns, full, rows, style)
    shown = [chosen[column.head] for column in columns if column.head in chosen]
    left_out = [column.head for column in columns if column.head not in chosen]
    return Drawn(_lines(shown, rows, style), left_out)


def _fitting(
    columns: Sequence[Column[Row]],
    full: Mapping[str, _Drawing[Row]],
    rows: Sequence[Row],
    style: Style,
) -> Mapping[str, _Drawing[Row]]:
    """The columns that fit, by their headings."""
    brief = {column.head: _brief(column, rows) for column in columns}
    chosen = dict(brief)
    longest_last = sorted((column.head for column in columns), key=_leaving(columns))
    for head in longest_last:
        if _fits(chosen.values(), style):
            break
        if full[head].column.leaves != NEVER:
            del chosen[head]
    for head in reversed(longest_last):
        more = {**chosen, head: brief[head]}
        chosen = more if _fits(more.values(), style) else chosen
    in_full = {head: full[head] for head in chosen}
    return in_full if _fits(in_full.values(), style) else chosen


def _leaving(columns: Sequence[Column[Row]]) -> Callable[[str], float]:
    leaves = {column.head: column.leaves or float("inf") for column in columns}
    return leaves.__getitem__


def _full(column: Column[Row], rows: Sequence[Row]) -> _Drawing[Row]:
    return _drawing(column, column.head, [visible(column.cell(row)) for row in rows])


def _brief(column: Column[Row], rows: Sequence[Row]) -> _Drawing[Row]:
    text = column.brief or column.cell
    return _drawing(column, column.short or column.head, [visible(text(row)) for row in rows])


def _drawing(column: Column[Row], head: str, texts: list[str]) -> _Drawing[Row]:
    return _Drawing(column, head, texts, max(map(cells, [head, *texts])))


def _fits(drawings: Collection[_Drawing[Row]], style: Style) -> bool:
    if not style.width:
        return True
    return sum(drawing.width for drawing in drawings) + 3 * len(drawings) + 1 <= style.width


def _lines(drawings: Sequence[_Drawing[Row]], rows: Sequence[Row], style: Style) -> list[str]:
    rule = "+" + "+".join("-" * (drawing.width + 2) for drawing in drawings) + "+"
    heads = [style.bold(_padded(each.head, each.width)) for each in drawings]
    lines = [rule, _line(heads), rule]
    for number, row in enumerate(rows):
        lines.append(_line([_cell(each, number, row, style) for each in drawings]))
    return [*lines, rule]


def _line(texts: Sequence[str]) -> str:
    return "| " + " | ".join(texts) + " |"


def _cell(drawing: _Drawing[Row], number: int, row: Row, style: Style) -> str:
    column = drawing.column
    padded = _padded(drawing.texts[number], drawing.width, column.is_number)
    return style.paint(padded, column.colour(row) if column.colour else None)


def _padded(text: str, width: int, is_number: bool = False) -> str:
    space = " " * (width - cells(text))
    return space + text if is_number else text + space
