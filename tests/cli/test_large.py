"""A hundred thousand reservations: all of them, in bounded memory, and a deadline that holds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.list_live import environment, server

LISTING = [sys.executable, "-m", "truffle", "capacity", "--no-active-only", "-o", "json"]
MEASURED = """
import os, sys
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(pid, 0)
with open(sys.argv[1], "w") as peak:
    peak.write(str(used.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Runs a program and writes its peak memory to a file. Linux counts the memory of the process that
forks as the program's own, since ru_maxrss survives execve: hence this small process in between."""
REGIONS = 30
PER_REGION = 3334
MEMORY = {PER_REGION // 10: 300, PER_REGION: 500}
"""MiB for a listing, by reservations in each region. For the most 340 were seen, of which an
interpreter that asks one small region takes 65; a machine that is busy otherwise needs more, as
answers then wait to be read."""


@pytest.fixture(scope="module")
def large() -> Iterator[str]:
    with server(PER_REGION, REGIONS, 0) as url:
        yield url


def listed(url: str, folder: Path, *arguments: str) -> tuple[int, int]:
    """The exit status and MiB of memory of a listing; its JSON is in the folder."""
    peak = folder / "peak"
    with (folder / "out.json").open("w") as out, (folder / "err").open("w") as err:
        measuring = [sys.executable, "-I", "-S", "-c", MEASURED, str(peak)]
        command = [*measuring, *LISTING, *arguments]
        ended = subprocess.run(command, env=environment(url), stdout=out, stderr=err, check=False)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return ended.returncode, int(peak.read_text()) // unit


def check_listing(url: str, folder: Path, per_region: int) -> None:
    status, memory = listed(url, folder, "--timeout", "300")
    rows = json.loads((folder / "out.json").read_text())
    assert status == 0
    assert len({row["reservation_id"] for row in rows}) == REGIONS * per_region
    assert memory < MEMORY[per_region]


def test_ten_thousand_are_listed_in_bounded_memory(tmp_path: Path) -> None:
    with server(PER_REGION // 10, REGIONS, 0) as url:
        check_listing(url, tmp_path, PER_REGION // 10)


@pytest.mark.long
def test_a_hundred_thousand_are_listed_in_bounded_memory(large: str, tmp_path: Path) -> None:
    check_listing(large, tmp_path, PER_REGION)


@pytest.mark.long
def test_the_deadline_ends_it_before_all_are_listed(large: str, tmp_path: Path) -> None:
    status, _ = listed(large, tmp_path, "--timeout", "2")
    assert status in (1, 3)
    assert "within 2 s" in (tmp_path / "err").read_text()
    assert (tmp_path / "out.json").read_text().count("reservation_id") < REGIONS * PER_REGION
