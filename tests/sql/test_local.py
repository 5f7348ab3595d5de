"""SQL over a folder returns what was archived."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.builders import DAY, HOME, HOUR, NOON, OHIO, OTHER, a_block, an_odcr
from tests.sql.buckets import failed_look, look
from truffle.core.ledger import write_day
from truffle.core.model import Scope
from truffle.core.other_fields import OtherFields
from truffle.core.spans import Span
from truffle.sql.database import connect
from truffle.sql.local import SqlError, ask_folder


def ask(folder: Path, query: str) -> list[list[Any]]:
    return [list(row) for row in ask_folder(folder, query).rows]


def test_a_row_for_each_reservation_and_listing(tmp_path: Path) -> None:
    look(tmp_path, NOON, an_odcr(), a_block())
    look(tmp_path, NOON + HOUR, an_odcr())
    assert ask(tmp_path, "SELECT reservation_id, observed_at, dt FROM snapshots ORDER BY 2, 1") == [
        ["cr-block", "2026-11-24T12:00:00Z", "2026-11-24"],
        ["cr-odcr", "2026-11-24T12:00:00Z", "2026-11-24"],
        ["cr-odcr", "2026-11-24T13:00:00Z", "2026-11-24"],
    ]


def test_tags_that_differ_in_case_alone_survive(tmp_path: Path) -> None:
    look(tmp_path, NOON, an_odcr(tags={"Team": "a", "team": "b"}))
    query = "SELECT try(tags['Team']), try(tags['team']), try(tags['TEAM']) FROM snapshots"
    assert ask(tmp_path, query) == [["a", "b", None]]


def test_a_tag_that_is_named_like_a_field_does_not_take_its_place(tmp_path: Path) -> None:
    look(tmp_path, NOON, an_odcr(tags={"observed_at": "never", "#": "1"}))
    query = "SELECT observed_at, tags['observed_at'] FROM snapshots"
    assert ask(tmp_path, query) == [["2026-11-24T12:00:00Z", "never"]]


def test_listings_have_failures_and_empty_scopes(tmp_path: Path) -> None:
    look(tmp_path, NOON)
    failed_look(tmp_path, NOON + HOUR)
    query = "SELECT outcome, error, reservations FROM listings ORDER BY observed_at"
    assert ask(tmp_path, query) == [["succeeded", None, 0], ["failed", "InternalError", None]]


def test_an_object_that_comes_late_is_in_the_next_answer_once(tmp_path: Path) -> None:
    look(tmp_path, NOON, an_odcr())
    count = "SELECT count(*) FROM snapshots"
    assert ask(tmp_path, count) == [[1]]
    look(tmp_path, NOON - HOUR, an_odcr())
    assert ask(tmp_path, count) == [[2]]
    assert ask(tmp_path, count) == [[2]]


def test_the_same_listing_in_two_objects_counts_once(tmp_path: Path) -> None:
    look(tmp_path, NOON, an_odcr())
    look(tmp_path, NOON, an_odcr(), unit="us-east-2/1")
    assert ask(tmp_path, "SELECT count(*) FROM snapshots") == [[1]]


def test_days_without_objects_are_read_from_the_tables_alone(tmp_path: Path) -> None:
    look(tmp_path, NOON, an_odcr())
    ask(tmp_path, "SELECT * FROM snapshots")
    shutil.rmtree(tmp_path / "snapshots")
    look(tmp_path, NOON + DAY, an_odcr())
    assert ask(tmp_path, "SELECT count(*) FROM snapshots") == [[2]]


def test_fields_of_a_newer_version_survive(tmp_path: Path) -> None:
    look(tmp_path, NOON, an_odcr())
    (path,) = tmp_path.rglob("*.json.gz")
    head, row = gzip.decompress(path.read_bytes()).decode().splitlines()
    newer = {**json.loads(row), "cooling": {"is_liquid": True}}
    path.write_bytes(gzip.compress(f"{head}\n{json.dumps(newer)}\n".encode()))
    for table in ("snapshots", "spans"):
        ((found,),) = ask(tmp_path, f"SELECT other_fields FROM {table}")
        assert json.loads(found) == {"cooling": {"is_liquid": True}}


def test_an_object_without_lines_for_its_scopes_is_read(tmp_path: Path) -> None:
    look(tmp_path, NOON, an_odcr())
    (path,) = tmp_path.rglob("*.json.gz")
    row = gzip.decompress(path.read_bytes()).decode().splitlines()[1]
    path.write_bytes(gzip.compress(f"{row}\n".encode()))
    query = "SELECT s.reservation_id, l.outcome FROM snapshots s JOIN listings l USING (account_id)"
    assert ask(tmp_path, query) == [["cr-odcr", "succeeded"]]


SPANS = "SELECT reservation_id, valid_from, valid_to, known_until FROM spans ORDER BY 1, 2"


def test_what_does_not_change_is_one_span_over_midnight(tmp_path: Path) -> None:
    for hours in range(40):
        look(tmp_path, NOON + hours * HOUR, an_odcr())
    assert ask(tmp_path, SPANS) == [
        ["cr-odcr", "2026-11-24T12:00:00Z", None, "2026-11-26T03:00:00Z"]
    ]


def test_spans_that_are_made_day_by_day_are_those_that_are_made_at_once(tmp_path: Path) -> None:
    by_day, at_once = tmp_path / "by_day", tmp_path / "at_once"
    for hours in range(60):
        row = an_odcr(available_capacity=hours // 7 % 3)
        look(by_day, NOON + hours * HOUR, row)
        look(at_once, NOON + hours * HOUR, row)
        if hours % 5 == 0:
            ask(by_day, SPANS)
    assert ask(by_day, SPANS) == ask(at_once, SPANS)
    files = sorted(path.relative_to(by_day) for path in by_day.rglob("*.parquet"))
    assert len(files) == 3
    assert all((by_day / it).read_bytes() == (at_once / it).read_bytes() for it in files)


def test_a_gap_ends_a_span(tmp_path: Path) -> None:
    look(tmp_path, NOON, an_odcr())
    look(tmp_path, NOON + HOUR, an_odcr())
    for hours in (2, 3, 4):
        failed_look(tmp_path, NOON + hours * HOUR)
    look(tmp_path, NOON + 5 * HOUR, an_odcr())
    assert ask(tmp_path, SPANS) == [
        ["cr-odcr", "2026-11-24T12:00:00Z", "2026-11-24T13:00:00Z", "2026-11-24T13:00:00Z"],
        ["cr-odcr", "2026-11-24T17:00:00Z", None, "2026-11-24T17:00:00Z"],
    ]


@pytest.mark.parametrize("is_made_daily", [False, True])
def test_a_gap_over_midnight_keeps_the_span_before_it(tmp_path: Path, is_made_daily: bool) -> None:
    look(tmp_path, NOON, an_odcr())
    look(tmp_path, NOON + HOUR, an_odcr())
    if is_made_daily:
        ask(tmp_path, SPANS)
    look(tmp_path, NOON + 2 * DAY, an_odcr())
    assert ask(tmp_path, SPANS) == [
        ["cr-odcr", "2026-11-24T12:00:00Z", "2026-11-24T13:00:00Z", "2026-11-24T13:00:00Z"],
        ["cr-odcr", "2026-11-26T12:00:00Z", None, "2026-11-26T12:00:00Z"],
    ]


def test_a_block_changes_its_state_at_its_own_start(tmp_path: Path) -> None:
    start = NOON + HOUR / 2
    look(tmp_path, NOON, a_block(start_date=start))
    look(tmp_path, NOON + HOUR, a_block(start_date=start, state="active"))
    query = "SELECT state, valid_from, valid_to FROM spans ORDER BY valid_from"
    assert ask(tmp_path, query) == [
        ["scheduled", "2026-11-24T12:00:00Z", "2026-11-24T12:30:00Z"],
        ["active", "2026-11-24T12:30:00Z", None],
    ]


def test_a_shared_reservation_is_in_the_spans_once(tmp_path: Path) -> None:
    consumer = Scope(OTHER, OHIO.region)
    for hours in (0, 1):
        at = NOON + hours * HOUR
        look(tmp_path, at, an_odcr())
        look(tmp_path, at, an_odcr(account_id=OTHER, owner_id=HOME), scope=consumer)
    assert ask(tmp_path, "SELECT count(*) FROM snapshots") == [[4]]
    assert ask(tmp_path, "SELECT account_id FROM spans") == [[HOME]]


USED_SPANS = "SELECT used_capacity, valid_from, valid_to FROM spans ORDER BY valid_from, valid_to"


def test_a_change_in_the_newest_listing_ends_the_span_before_it(tmp_path: Path) -> None:
    """Also if that listing is the last one of its day."""
    evening = NOON + 10 * HOUR
    look(tmp_path, evening, an_odcr())
    look(tmp_path, evening + HOUR, an_odcr(available_capacity=8))
    ended = [5, "2026-11-24T22:00:00Z", "2026-11-24T23:00:00Z"]
    following = [0, "2026-11-24T23:00:00Z", None]
    assert ask(tmp_path, USED_SPANS) == [ended, following]
    look(tmp_path, evening + 2 * HOUR, an_odcr(available_capacity=8))
    assert ask(tmp_path, USED_SPANS) == [ended, following]


def test_a_reservation_that_the_newest_listing_lacks_has_no_open_span(tmp_path: Path) -> None:
    look(tmp_path, NOON, an_odcr(), an_odcr("cr-gone"))
    look(tmp_path, NOON + HOUR, an_odcr())
    query = "SELECT valid_to FROM spans WHERE reservation_id = 'cr-gone'"
    assert ask(tmp_path, query) == [["2026-11-24T13:00:00Z"]]


def test_an_account_that_is_listed_later_than_the_owner_ends_no_span(tmp_path: Path) -> None:
    """A shared reservation, whose owner alone is in the newest listings."""
    owner, consumer = an_odcr(), an_odcr(account_id=OTHER, owner_id=HOME)
    scope = Scope(OTHER, owner.region)
    look(tmp_path, NOON, owner)
    look(tmp_path, NOON, consumer, scope=scope)
    look(tmp_path, NOON + HOUR, owner)
    assert ask(tmp_path, USED_SPANS) == [[5, "2026-11-24T12:00:00Z", None]]


def test_the_ledger_of_a_day_is_a_table(tmp_path: Path) -> None:
    day = NOON.replace(hour=0)
    busy, free = an_odcr(tags={"Team": "a"}), an_odcr(tags={"Team": "a"}, available_capacity=8)
    others = OtherFields()
    others.note({"cooling": "liquid"}, busy)
    others.note({"cooling": "liquid"}, free)
    text = write_day([Span(busy, day, NOON), Span(free, NOON, NOON + 2 * HOUR)], day, others)
    path = tmp_path / "usage/dt=2026-11-24/usage.json.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(text.encode()))
    query = "SELECT dt, try(tags['Team']), reserved_hours, used_hours, len(stretches) FROM usage"
    assert ask(tmp_path, query) == [["2026-11-24", "a", 112.0, 60.0, 2]]
    assert ask(tmp_path, "SELECT other_fields FROM usage") == [['{"cooling": "liquid"}']]


def test_a_ledger_that_was_written_again_at_the_same_size_is_read_again(tmp_path: Path) -> None:
    day = NOON.replace(hour=0)
    path = tmp_path / "usage/dt=2026-11-24/usage.json"
    path.parent.mkdir(parents=True)
    answers = []
    for number, used in enumerate((5, 6)):
        row = an_odcr(available_capacity=8 - used)
        path.write_text(write_day([Span(row, day, day + HOUR)], day))
        os.utime(path, (number, number))
        answers.append((path.stat().st_size, ask(tmp_path, "SELECT used_hours FROM usage")))
    (size, first), (same_size, second) = answers
    assert size == same_size
    assert (first, second) == ([[5.0]], [[6.0]])


def test_usage_has_a_column_for_the_tag_of_teams(tmp_path: Path) -> None:
    day = NOON.replace(hour=0)
    tags = {"cr-a": {"Team": "a", "team": "b"}, "cr-b": {"team": "b"}, "cr-c": {}}
    spans = [Span(an_odcr(name, tags=its), day, NOON) for name, its in tags.items()]
    path = tmp_path / "usage/dt=2026-11-24/usage.json.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(write_day(spans, day).encode()))
    found = ask(tmp_path, "SELECT reservation_id, team FROM usage")
    assert found == [["cr-a", "a"], ["cr-b", None], ["cr-c", None]]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FROM spns", "no table spns.*Did you mean spans"),
        ("COPY spans TO 'x'", "must be one SELECT"),
        ("SELECT 1; SELECT 2", "must be one SELECT, not 2"),
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM read_text('/etc/hostname')", "Permission"),
        ("SELECT * FROM read_csv('/etc/passwd')", "Permission"),
        ("SELECT nothing FROM spans", "nothing"),
    ],
)
def test_a_query_that_cannot_be_answered_is_an_error_with_its_reason(
    tmp_path: Path, query: str, message: str
) -> None:
    look(tmp_path, NOON, an_odcr())
    with pytest.raises(SqlError, match=f"(?s){message}"):
        ask_folder(tmp_path, query)


def test_a_damaged_object_is_named(tmp_path: Path) -> None:
    look(tmp_path, NOON, an_odcr())
    (path,) = tmp_path.rglob("*.json.gz")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SqlError, match=f"{path.name} is damaged"):
        ask_folder(tmp_path, "SELECT * FROM snapshots")


def test_a_folder_without_a_copy_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SqlError, match="no copy of the bucket"):
        ask_folder(tmp_path, "SELECT 1")


def test_a_file_of_a_release_without_a_column_has_nulls_there(tmp_path: Path) -> None:
    target = tmp_path / "tables" / "runs" / "dt=2026-11-24" / "runs.parquet"
    target.parent.mkdir(parents=True)
    connect().execute(f"COPY (SELECT 'run-1' AS run_id) TO '{target}' (FORMAT parquet)")
    (row,) = ask_folder(tmp_path, "SELECT run_id, seconds, dt FROM runs").objects()
    assert row == {"run_id": "run-1", "seconds": None, "dt": "2026-11-24"}


def test_days_before_and_after_an_upgrade_are_in_one_answer(tmp_path: Path) -> None:
    runs = tmp_path / "tables" / "runs"
    for day, columns in (("24", "'run-1' AS run_id"), ("25", "'run-2' AS run_id, 7e0 AS seconds")):
        target = runs / f"dt=2026-11-{day}" / "runs.parquet"
        target.parent.mkdir(parents=True)
        connect().execute(f"COPY (SELECT {columns}) TO '{target}' (FORMAT parquet)")
    query = "SELECT run_id, seconds, dt FROM runs ORDER BY run_id"
    assert ask(tmp_path, query) == [["run-1", None, "2026-11-24"], ["run-2", 7.0, "2026-11-25"]]


def test_days_before_an_upgrade_are_read_by_the_columns_of_all_files(tmp_path: Path) -> None:
    look(tmp_path, NOON, an_odcr())
    look(tmp_path, NOON + DAY, an_odcr())
    ask(tmp_path, "SELECT 1 FROM listings")
    (older,) = tmp_path.glob("tables/listings/dt=2026-11-24/*.parquet")
    reduced = f"COPY (SELECT * EXCLUDE error FROM read_parquet('{older}')) TO '{older}'"
    connect().execute(reduced)
    assert ask(tmp_path, "SELECT dt, error FROM listings ORDER BY dt") == [
        ["2026-11-24", None],
        ["2026-11-25", None],
    ]
