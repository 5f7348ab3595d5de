"""A query's result, the same for both engines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from truffle.core.times import format_time


@dataclass(frozen=True, slots=True)
class SqlResult:
    """Columns by name, each name once, and rows of JSON values."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def objects(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def answer(columns: Iterable[str], rows: Iterable[Sequence[Any]]) -> SqlResult:
    """Build an answer from Python values; a second column of the same name is called ``name_2``."""
    return SqlResult(_distinct(columns), tuple(tuple(map(plain, row)) for row in rows))


def _distinct(columns: Iterable[str]) -> tuple[str, ...]:
    seen: Counter[str] = Counter()
    names = []
    for column in columns:
        seen[column] += 1
        names.append(column if seen[column] == 1 else f"{column}_{seen[column]}")
    return tuple(names)


def plain(value: Any) -> Any:
    """A value as JSON: times in RFC 3339, in UTC if they have no zone."""
    match value:
        case datetime():
            return format_time(value if value.tzinfo else value.replace(tzinfo=UTC))
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case dict():
            return {str(plain(key)): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case bytes():
            return value.hex()
        case bool() | int() | float() | str() | None:
            return value
    return str(value)
