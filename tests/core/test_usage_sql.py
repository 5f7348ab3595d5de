"""The SQL that an answer names where it would be too large itself, asked of the table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlglot

from tests.builders import an_odcr
from truffle.core.ledger import write_day
from truffle.core.spans import Span
from truffle.core.usage import Period, usage
from truffle.core.usage_axes import FIELDS, Interval
from truffle.core.usage_sql import usage_query
from truffle.sql.local import ask_folder

DAY = timedelta(days=1)
FIRST = datetime(2026, 11, 24, tzinfo=UTC)
BY = [*FIELDS, "tag:Team", "tag:it's"]


CASES = [
    *((key, Interval.TOTAL) for key in BY),
    *(("type", it) for it in (Interval.DAY, Interval.WEEK, Interval.MONTH)),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ledgers of three days, on which two reservations are held."""
    path = tmp_path_factory.mktemp("copy")
    for number in range(3):
        day = FIRST + number * DAY
        target = path / "usage" / f"dt={day:%Y-%m-%d}" / "usage.json"
        target.parent.mkdir(parents=True)
        target.write_text(write_day(spans(day), day))
    return path


def spans(day: datetime) -> list[Span]:
    tagged = an_odcr("cr-a", tags={"Team": "vision", "it's": "x"}, instance_type="g6.xlarge")
    return [Span(tagged, day, day + DAY), Span(an_odcr("cr-b"), day, day + DAY / 2)]


@pytest.mark.parametrize(("key", "interval"), CASES)
def test_it_has_the_hours_of_the_answer(folder: Path, key: str, interval: Interval) -> None:
    period = Period(FIRST, FIRST + 2 * DAY, interval)
    expected = usage([*spans(FIRST), *spans(FIRST + DAY)], period, [key], lambda row: None)
    found = ask_folder(folder, usage_query(period, [key])).rows
    assert sorted(row[-3:] for row in found) == sorted(
        (row.reserved_hours, row.used_hours, row.idle_hours) for row in expected
    )
    assert {row[-4] for row in found} == {row.group[key] for row in expected}


@pytest.mark.parametrize("interval", list(Interval))
def test_athena_takes_it(interval: Interval) -> None:
    sqlglot.parse_one(usage_query(Period(FIRST, FIRST + DAY, interval), BY), read="athena")
