"""``compact`` over a bucket: what it makes, when, and that it leaves the rest alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lambdas.compacting import Compactor
from lambdas.store.archive import event_key
from tests.builders import DAY, HOUR, NOON, an_event, an_odcr
from tests.sql.buckets import FolderBucket, archive, look
from truffle.core.events import to_message
from truffle.core.tables import TABLES
from truffle.sql.compaction import Compaction
from truffle.sql.database import connect
from truffle.sql.local import ask_folder

Compact = Callable[..., dict[str, list[str]]]


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    return tmp_path / "bucket"


@pytest.fixture
def compact(bucket: Path, tmp_path: Path) -> Compact:
    """Runs a new invocation, with time for that many objects; the function's folder stays."""

    def run(*days: date, time_for: int = 1000) -> dict[str, list[str]]:
        client: Any = FolderBucket(bucket)
        compactor = Compactor(
            client=client,
            bucket="bucket",
            folder=tmp_path / "function",
            compaction=Compaction(connect()),
            period=timedelta(hours=1),
            has_time=lambda: client.puts < time_for,
        )
        return compactor.run(days)

    return run


def rows(bucket: Path, table: str, columns: str = "count(*)") -> list[tuple[object, ...]]:
    files = str(bucket / "tables" / table / "*" / "*.parquet")
    with duckdb.connect() as database:
        return database.execute(f"SELECT {columns} FROM read_parquet('{files}')").fetchall()


def test_a_day_becomes_a_file_of_each_table(bucket: Path, compact: Compact) -> None:
    look(bucket, NOON, an_odcr(tags={"Team": "a", "team": "b"}))
    assert compact() == {name: ["2026-11-24"] for name in ("snapshots", "listings", "spans")}
    assert rows(bucket, "snapshots", "tags") == [({"Team": "a", "team": "b"},)]


def test_without_new_objects_nothing_is_made(bucket: Path, compact: Compact) -> None:
    look(bucket, NOON, an_odcr())
    compact()
    assert compact() == {}


def test_the_present_hour_is_in_the_next_invocation(bucket: Path, compact: Compact) -> None:
    look(bucket, NOON, an_odcr())
    compact()
    look(bucket, NOON + HOUR, an_odcr())
    compact()
    assert rows(bucket, "snapshots") == [(2,)]
    assert rows(bucket, "spans") == [(1,)]


def test_what_was_made_hour_by_hour_is_what_a_laptop_makes_at_once(
    bucket: Path, compact: Compact, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    for hours in range(0, 60, 1):
        row = an_odcr(available_capacity=hours // 9 % 3)
        look(bucket, NOON + hours * HOUR, row)
        look(copy, NOON + hours * HOUR, row)
        if hours % 7 == 0:
            compact()
    compact()
    for table in ("snapshots", "spans", "listings"):
        ask_folder(copy, f"SELECT count(*) FROM {table}")
    files = sorted(path.relative_to(copy) for path in copy.rglob("*.parquet"))
    assert len(files) == 9
    assert all((bucket / it).read_bytes() == (copy / it).read_bytes() for it in files)


def test_what_there_was_no_time_for_is_made_by_the_next_invocation(
    bucket: Path, compact: Compact
) -> None:
    for days in range(5):
        look(bucket, NOON + days * DAY, an_odcr())
    assert compact(time_for=2) == {"snapshots": ["2026-11-24", "2026-11-25"]}
    for _ in range(20):
        compact(time_for=2)
    assert compact() == {}
    assert rows(bucket, "snapshots") == [(5,)]
    assert rows(bucket, "spans", "count(*) FILTER (valid_to IS NULL)") == [(1,)]


def test_an_old_day_that_got_an_object_is_made_again_when_it_is_named(
    bucket: Path, compact: Compact
) -> None:
    for days in range(6):
        look(bucket, NOON + days * DAY, an_odcr())
    compact()
    look(bucket, NOON + HOUR, an_odcr())
    assert compact() == {}
    assert compact(NOON.date())["snapshots"] == ["2026-11-24"]
    assert rows(bucket, "snapshots") == [(7,)]


def test_events_are_archived_and_become_a_table(bucket: Path, compact: Compact) -> None:
    message = to_message(an_event())
    archive(bucket).write_event(message)
    archive(bucket).write_event(message)
    key = event_key(message)
    assert key.startswith(f"events/dt={message['observed_at'][:10]}/")
    assert json.loads((bucket / key).read_text()) == message
    compact()
    assert rows(bucket, "events", "event_id, type") == [(message["event_id"], message["type"])]


def test_every_field_of_an_event_is_in_its_table(bucket: Path, compact: Compact) -> None:
    message = to_message(an_event())
    assert set(message) <= {it.name for it in TABLES["events"].columns}
    archive(bucket).write_event({**message, "mood": "calm"})
    compact()
    assert rows(bucket, "events", "other_fields") == [('{"mood":"calm"}',)]


def test_the_state_names_the_schedule_for_readers_of_a_copy(bucket: Path, compact: Compact) -> None:
    look(bucket, NOON, an_odcr())
    compact()
    state = json.loads((bucket / "tables/state.json").read_text())
    assert state["schedule"] == {"minutes": "60"}
