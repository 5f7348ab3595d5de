"""The result of a query as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from truffle.core.wording import counted
from truffle.render.data import cell_text
from truffle.render.style import Style
from truffle.render.tables import Column, draw

Row = Sequence[Any]


def render_answer(names: Sequence[str], rows: Sequence[Row], style: Style) -> str:
    """Every row under the names of the columns; omitted columns are named below."""
    columns = [_column(number, name, rows) for number, name in enumerate(names)]
    drawn = draw(columns, rows, style)
    notes = [counted(len(rows), "row")]
    if drawn.left_out:
        notes.append(f"not shown at this width: {', '.join(drawn.left_out)} (-o json has them)")
    return "\n".join([*drawn.lines, "; ".join(notes)])


def _column(number: int, name: str, rows: Sequence[Row]) -> Column[Row]:
    """A column; the last ones are omitted first."""
    values = [row[number] for row in rows if row[number] is not None]
    return Column(
        head=name,
        cell=lambda row: cell_text(row[number]),
        leaves=0 if number == 0 else 10_000 - number,
        is_number=bool(values) and all(_is_number(value) for value in values),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
