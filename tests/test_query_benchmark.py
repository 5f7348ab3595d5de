"""The benchmark of the query function runs, at a small size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.query import QUESTIONS

ROOT = Path(__file__).parent.parent


def benchmark(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.query", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_each_question_is_a_line_of_the_table() -> None:
    done = benchmark("60", "--repeats", "2")

    assert (done.returncode, done.stderr) == (0, "")
    assert "60 reservations" in done.stdout
    assert [name for name in QUESTIONS if f"\n{name} " not in done.stdout] == []


def test_its_help_names_what_it_takes() -> None:
    done = benchmark("--help")

    assert done.returncode == 0
    assert "SIZE" in done.stdout
    assert "--repeats" in done.stdout


@pytest.mark.parametrize("arguments", [["0"], ["many"], ["60", "--repeats", "1"]])
def test_a_size_that_cannot_be_measured_is_bad_usage(arguments: list[str]) -> None:
    done = benchmark(*arguments)

    assert done.returncode == 2
    assert "invalid" in done.stderr
