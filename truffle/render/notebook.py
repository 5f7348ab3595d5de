"""A result as HTML for a notebook: failures above a table, without scripts or external
resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from html import escape
from typing import Any

from truffle.core.kinds.kind import CapacityRow
from truffle.core.quoting.terminal import visible
from truffle.core.wording import counted
from truffle.render.words import minute, number

MOST_ROWS = 60
"""The maximum number of rows of a table; a DataFrame has all."""

_COLUMNS: Mapping[str, Callable[[Any], Any]] = {
    "Name": lambda row: row.name,
    "Reservation": lambda row: row.reservation_id,
    "Type": lambda row: row.type,
    "State": lambda row: row.state,
    "Instances": lambda row: row.size,
    "Instance type": lambda row: row.instance_type,
    "Accelerators": lambda row: row.accelerator and row.accelerator.total_count,
    "Available": lambda row: row.available_capacity,
    "Start (UTC)": lambda row: row.start_date,
    "End (UTC)": lambda row: getattr(row, "effective_end", None) or row.end_date,
    "Zone": lambda row: row.availability_zone or row.region,
    "Account": lambda row: row.account_id,
}


def result_html(title: str, rows: Sequence[Any], warnings: Sequence[str]) -> str:
    """The table of a result; ``warnings`` about missing data come first."""
    parts = [_warnings(warnings), f"<p>{_text(title)}</p>"]
    if rows:
        heads, lines = _cells(rows[:MOST_ROWS])
        head = "".join(f'<th scope="col">{_text(name)}</th>' for name in heads)
        body = "".join(
            f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in line)}</tr>" for line in lines
        )
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    if len(rows) > MOST_ROWS:
        parts.append(f"<p>The first {MOST_ROWS} of {len(rows)} rows; .to_dataframe() has all.</p>")
    return f"<div>{''.join(parts)}</div>"


def _warnings(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    items = "".join(f"<li>{_text(warning)}</li>" for warning in warnings)
    # The colours are those of the report's notices, which pass WCAG AA on their own background.
    style = "background:#fdf1dc;color:#5c3700;border-left:4px solid #8a5200;padding:6px 12px"
    noun = counted(len(warnings), "warning")
    return f'<div role="note" style="{style}"><strong>{noun}</strong><ul>{items}</ul></div>'


def _cells(rows: Sequence[Any]) -> tuple[list[str], list[list[str]]]:
    if all(isinstance(row, CapacityRow) for row in rows):
        return list(_COLUMNS), [[_cell(cell(row)) for cell in _COLUMNS.values()] for row in rows]
    names = [field.name for field in fields(rows[0])]
    return names, [[_cell(getattr(row, name)) for name in names] for row in rows]


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return minute(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    return "-" if value is None else str(value)


def _text(text: str) -> str:
    return escape(visible(text))
