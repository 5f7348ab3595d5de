"""Bordered tables that fit a width by leaving out columns, and never by cutting a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from truffle.core.quoting.terminal import visible
from truffle.render.style import Style

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """A column: its head, a row's cell, and how soon it is left out (0: never; 1: first).

    ``brief`` is what the cells say where the table has not enough room.
    """

    head: str
    cell: Callable[[Row], str]
    leaves: int = 0
    is_number: bool = False
    colour: Callable[[Row], str | None] | None = None
    brief: Callable[[Row], str] | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A table's lines, and the heads of the columns that had no room."""

    lines: list[str]
    left_out: list[str]

    @property
    def note(self) -> str | None:
        """What to tell the reader of a narrow terminal."""
        if not self.left_out:
            return None
        return f"Not shown at this width: {', '.join(self.left_out)} (-o json has everything)."


def draw(columns: Sequence[Column[Row]], rows: Sequence[Row], style: Style) -> Drawn:
    """The table; a style without a width shows every column."""
    cells = {column.head: _cells(column.cell, rows) for column in columns}
    kept = list(columns)
    if style.width and _width(kept, cells) > style.width:
        cells |= {column.head: _cells(column.brief, rows) for column in columns if column.brief}
    while style.width and _width(kept, cells) > style.width:
        going = min((column for column in kept if column.leaves), key=_leaves, default=None)
        if going is None:
            break
        kept.remove(going)
    left_out = [column.head for column in columns if column not in kept]
    return Drawn(_lines(kept, rows, cells, style), left_out)


def _cells(cell: Callable[[Row], str], rows: Sequence[Row]) -> list[str]:
    return [visible(cell(row)) for row in rows]


def _leaves(column: Column[Row]) -> int:
    return column.leaves


def _widths(columns: Sequence[Column[Row]], cells: dict[str, list[str]]) -> list[int]:
    return [max(map(len, [column.head, *cells[column.head]])) for column in columns]


def _width(columns: Sequence[Column[Row]], cells: dict[str, list[str]]) -> int:
    return sum(_widths(columns, cells)) + 3 * len(columns) + 1


def _lines(
    columns: Sequence[Column[Row]], rows: Sequence[Row], cells: dict[str, list[str]], style: Style
) -> list[str]:
    widths = _widths(columns, cells)
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    heads = [
        style.bold(column.head.ljust(width)) for column, width in zip(columns, widths, strict=True)
    ]
    lines = [rule, _line(heads), rule]
    for number, row in enumerate(rows):
        texts = [
            _cell(column, row, cells[column.head][number], width, style)
            for column, width in zip(columns, widths, strict=True)
        ]
        lines.append(_line(texts))
    return [*lines, rule]


def _line(texts: Sequence[str]) -> str:
    return "| " + " | ".join(texts) + " |"


def _cell(column: Column[Row], row: Row, text: str, width: int, style: Style) -> str:
    padded = text.rjust(width) if column.is_number else text.ljust(width)
    colour = column.colour(row) if column.colour else None
    return style.paint(padded, colour)
