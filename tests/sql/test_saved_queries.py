"""Saved queries whose result is easy to get wrong, over folders with known lives."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.builders import DAY, HOUR, NOON, a_block, an_odcr
from tests.sql.buckets import look
from truffle.core.layout import STATE_KEY
from truffle.core.model import Reservation
from truffle.core.saved_queries import SAVED_QUERIES
from truffle.sql.local import ask_folder


def asked(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a saved query."""
    (sql,) = [it.sql for it in SAVED_QUERIES if it.name == name]
    return ask_folder(folder, sql).objects()


def live(folder: Path, period: timedelta, *listings: list[Reservation]) -> None:
    """Listings, one for each period of the schedule."""
    state = folder / STATE_KEY
    state.parent.mkdir(parents=True)
    minutes = int(period / timedelta(minutes=1))
    state.write_text(json.dumps({"schedule": {"minutes": f"{minutes}"}}))
    for number, rows in enumerate(listings):
        look(folder, NOON + number * period, *rows)


def odcr(name: str, used: int) -> Reservation:
    return an_odcr(name, available_capacity=8 - used, start_date=NOON - 9 * DAY)


def test_idle_counts_from_the_last_use(tmp_path: Path) -> None:
    used_until = {"cr-never": 0, "cr-until-day-2": 2, "cr-until-day-5": 5}
    listings = [
        [odcr(name, 8 if day < last else 0) for name, last in used_until.items()]
        for day in range(11)
    ]
    live(tmp_path, DAY, *listings)
    found = {row["reservation_id"]: row for row in asked(tmp_path, "idle-for-a-week")}
    assert {name: row["idle_hours"] for name, row in found.items()} == {
        "cr-never": 240,
        "cr-until-day-2": 192,
    }
    assert round(found["cr-never"]["idle_usd"], 2) == 42163.20


def test_time_before_a_block_is_active_is_not_idle(tmp_path: Path) -> None:
    start = NOON + 8 * DAY
    blocks: list[Reservation] = [
        a_block(
            state="active" if day >= 8 else "scheduled",
            available_capacity=16,
            used_capacity=0 if day >= 8 else None,
            start_date=start,
        )
        for day in range(10)
    ]
    live(tmp_path, DAY, *([block] for block in blocks))
    assert asked(tmp_path, "idle-for-a-week") == []


def test_a_peak_is_dated_to_its_first_moment(tmp_path: Path) -> None:
    one, other, third = (odcr(name, 0) for name in ("cr-1", "cr-2", "cr-3"))
    listings = [[one], [one], [one, other], [one], [one], [one, third], [one], [one]]
    live(tmp_path, HOUR, *listings)
    (peak,) = asked(tmp_path, "peak-by-type")
    assert (peak["peak"], peak["since"]) == (16, "2026-11-24T14:00:00Z")
