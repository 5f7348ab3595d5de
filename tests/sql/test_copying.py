"""A copy of the bucket: what it has, and what the next one fetches."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.builders import DAY, HOUR, NOON, an_odcr
from tests.sql.buckets import FolderBucket, look
from truffle.sql.copying import Copied, Copy
from truffle.sql.local import ask_folder

COUNT = "SELECT count(*) FROM snapshots"


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """Three days, whose tables were made after the second."""
    path = tmp_path / "bucket"
    for hours in (0, 1, 24, 25):
        look(path, NOON + hours * HOUR, an_odcr())
    ask_folder(path, f"{COUNT} UNION ALL SELECT count(*) FROM spans")
    ask_folder(path, "SELECT count(*) FROM listings")
    look(path, NOON + 2 * DAY, an_odcr())
    return path


def copied(bucket: Path, folder: Path, since: date | None = None) -> Copied:
    client: Any = FolderBucket(bucket)
    return Copy(client, "bucket", folder, since).run()


def answered(folder: Path) -> int:
    ((count,),) = ask_folder(folder, COUNT).rows
    return int(count)


def test_the_copy_answers_what_the_bucket_does(bucket: Path, tmp_path: Path) -> None:
    copied(bucket, tmp_path / "copy")
    assert answered(tmp_path / "copy") == 5


def test_objects_of_days_that_the_tables_have_are_not_copied(bucket: Path, tmp_path: Path) -> None:
    for days in range(3, 9):
        look(bucket, NOON + days * DAY, an_odcr())
    for table in ("snapshots", "spans", "listings"):
        ask_folder(bucket, f"SELECT count(*) FROM {table}")
    copied(bucket, tmp_path / "copy")
    copies = (tmp_path / "copy/snapshots").rglob("*.gz")
    assert {path.parent.parent.name for path in copies} == {
        "dt=2026-11-29",
        "dt=2026-11-30",
        "dt=2026-12-01",
        "dt=2026-12-02",
    }
    assert answered(tmp_path / "copy") == 11


def test_the_next_copy_fetches_only_what_is_new(bucket: Path, tmp_path: Path) -> None:
    copied(bucket, tmp_path / "copy")
    look(bucket, NOON + 2 * DAY + HOUR, an_odcr())
    assert copied(bucket, tmp_path / "copy").copied == 1
    assert answered(tmp_path / "copy") == 6


def test_a_part_of_a_day_is_completed_once_the_tables_have_the_day(
    bucket: Path, tmp_path: Path
) -> None:
    copied(bucket, tmp_path / "copy")
    look(bucket, NOON + 2 * DAY + HOUR, an_odcr())
    for days in range(3, 9):
        look(bucket, NOON + days * DAY, an_odcr())
    answered(bucket)
    copied(bucket, tmp_path / "copy")
    assert answered(tmp_path / "copy") == answered(bucket) == 12


def test_days_before_since_are_left_out(bucket: Path, tmp_path: Path) -> None:
    copied(bucket, tmp_path / "copy", date(2026, 11, 25))
    assert answered(tmp_path / "copy") == 3
