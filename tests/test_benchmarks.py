"""The benchmarks run: each has a usage text and a small size, and refuses invalid numbers."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from runpy import run_path

import pytest

import benchmarks
from benchmarks import collection
from benchmarks.year import make_sample, repeat
from truffle.core.saved_queries import SAVED_QUERIES
from truffle.core.tables import TABLES
from truffle.sql.local import ask_folder

LIBRARIES = {"fake_aws", "numbers", "organizations", "played", "prices", "year"}
"""Modules shared by the benchmarks; all others are commands."""

COMMANDS = sorted({module.name for module in pkgutil.iter_modules(benchmarks.__path__)} - LIBRARIES)


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


Output = tuple[object, str, str]
"""Exit status, stdout and stderr."""


@pytest.fixture
def parsed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Output]:
    """A benchmark that ends with its arguments, in this process: a start takes half a second."""

    def start(name: str, *arguments: str) -> Output:
        (folder,) = benchmarks.__path__
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        with pytest.raises(SystemExit) as ended:
            run_path(f"{folder}/{name}.py", run_name="__main__")
        return ended.value.code, *capsys.readouterr()

    return start


@pytest.mark.parametrize("name", COMMANDS)
def test_each_explains_its_usage(name: str, parsed: Callable[..., Output]) -> None:
    status, out, err = parsed(name, "--help")
    assert (status, err) == (0, "")
    assert f"python -m benchmarks.{name}" in out


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("collection", ["--regions", "0"], "--regions: '0' must be a number from 1 to 64"),
        ("collection", ["--reservations", "many"], "'many' must be a number from 1 on"),
        ("collection", ["30"], "unrecognized arguments: 30"),
        ("contestants", [], "no contestant"),
        ("contestants", ["floor"], "unknown arguments 'floor'"),
        ("contestants", ["floor", "localhost"], "unknown arguments 'floor localhost'"),
        ("ec2_server", ["--latency", "-1"], "'-1' must be a number from 0 on"),
        ("list_live", ["--sizes", "10,x"], "'x' must be a number from 0 on"),
        ("list_live", ["--latency", "nan"], "'nan' must be a number from 0 on"),
        ("organization", ["0"], "'0' must be a number from 1 to 10000"),
        ("list_live", ["--regions", "99"], "'99' must be a number from 1 to"),
    ],
)
def test_wrong_arguments_are_refused_in_a_sentence(
    name: str, arguments: list[str], text: str, parsed: Callable[..., Output]
) -> None:
    status, out, err = parsed(name, *arguments)
    assert (status, out) == (2, "")
    assert text in err


def test_a_live_listing_beside_the_others() -> None:
    small = ["--sizes", "3", "--regions", "2", "--latency", "0", "--runs", "1", "--no-aws"]
    output = run("list_live", *small)
    assert (output.returncode, output.stderr) == (0, "")
    sizes, stages = (line for line in output.stdout.splitlines() if line.startswith("         3 "))
    assert sizes.split()[4:6] == ["-", "-"]
    assert all(float(seconds) >= 0 for seconds in stages.split()[1:])


@pytest.mark.long
def test_a_collection_in_a_sandbox_of_its_own() -> None:
    small = ["--regions", "2", "--reservations", "5", "--latency", "0", "--runs", "1"]
    output = run("collection", *small)
    assert output.returncode == 0, output.stderr
    runs = [it for it in output.stdout.splitlines() if it.startswith(("first, cold", "warm, "))]
    changed_and_failed = [(line.split()[-3], line.split()[-1]) for line in runs]
    assert changed_and_failed == [("10", "0"), ("0", "0"), ("2", "0"), ("10", "0")]
    assert [line.split()[0] for line in output.stdout.splitlines()[-6:]] == [*collection.HANDLERS]


def test_an_organization_of_four_accounts_in_two_regions() -> None:
    output = run("organization", "4", "2", "16")
    assert output.returncode == 0, output.stderr
    assert output.stderr == ""
    hours = output.stdout.split("\n\n")
    (unchanged,) = [it for it in hours if it.startswith("unchanged hour")]
    # Each scope is listed; each unit assumes the roles of the three other accounts, and writes a
    # snapshot. The close writes a manifest and sends a message; what follows reads the region that
    # holds something and the copies of fleets and network nodes, looks for ledgers, and writes four
    # lists, the report and the manifest again.
    # The scope that holds something is asked for fleets and billing requests, each for training
    # plans and DB capacity reservations.
    assert "ec2 10, rds 8, s3 13, sagemaker 8, sqs 3, sts 6" in unchanged
    assert [line.split()[0] for line in hours[-1].splitlines()[-1:]] == ["sum"]


def test_a_year_repeats_the_days_that_the_product_made(tmp_path: Path) -> None:
    """Three days of 60 reservations: each question has an answer, and spans follow one another."""
    from benchmarks.sql import query_times

    folder = tmp_path / "year"
    sizes = repeat(make_sample(tmp_path / "day", 60), folder, 3)
    assert set(sizes) == {*TABLES}
    assert min(sizes.values()) > 0
    held = ask_folder(
        folder,
        "SELECT count(*), sum(total_capacity) FROM spans "
        "WHERE valid_from <= TIMESTAMP '2026-11-29 12:00:00' "
        "AND known_until > TIMESTAMP '2026-11-29 12:00:00'",
    )
    assert held.rows == ((60, 480),)
    hours = ask_folder(folder, "SELECT dt, sum(reserved_hours) FROM usage GROUP BY dt ORDER BY dt")
    assert hours.rows == tuple((f"2026-11-{day}", 60 * 8 * 24.0) for day in (28, 29, 30))
    took = [*query_times(folder, runs=1)]
    assert len(took) == len(SAVED_QUERIES)
