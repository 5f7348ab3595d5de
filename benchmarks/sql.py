"""A year of tables, with every documented query in DuckDB: sizes and seconds.

``python -m benchmarks.sql [--reservations 10000] [--days 365] [--runs 3]``

The product's code, the collector's archive and ``compact``, creates one day; the year repeats its
files (``benchmarks/year.py``). For comparison, pandas and jq, if installed, read the raw objects of
that day. Wall time and CPU time are measured; other load on the machine changes the latter
less. At the end, the goals.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas

from benchmarks.numbers import number
from benchmarks.year import Sample, make_sample, repeat
from truffle.core.saved_queries import SAVED_QUERIES
from truffle.sql.local import ask_folder

SECONDS = 1.0
"""The goal: seconds of a query over a year of 10,000 reservations, on two cores."""

MEGABYTES = 300
"""The goal: megabytes of a year of 10,000 reservations."""

JQ = "select(.reservation_id) | [.tags.Team, .total_capacity, .used_capacity] | @tsv"


@dataclass(frozen=True, slots=True)
class Timing:
    """Wall time, and CPU time of all threads and processes, in seconds."""

    clock: float
    processor: float

    def __str__(self) -> str:
        return f"{self.clock:7.2f} s {self.processor:10.2f} s"


def measured(work: Callable[[], Any], runs: int = 1) -> Timing:
    """The medians of some runs."""
    clocks, processors = [], []
    for _ in range(runs):
        clock, processor = time.perf_counter(), sum(os.times()[:4])
        work()
        clocks.append(time.perf_counter() - clock)
        processors.append(sum(os.times()[:4]) - processor)
    return Timing(statistics.median(clocks), statistics.median(processors))


def print_sizes(sizes: dict[str, int]) -> float:
    """Print the size of each table; return the megabytes of all."""
    for name, size in sorted(sizes.items(), key=lambda it: -it[1]):
        print(f"{name:<10} {size / 1e6:8.1f} MB")
    total = sum(sizes.values()) / 1e6
    print(f"{'all':<10} {total:8.1f} MB")
    return total


def query_times(folder: Path, runs: int) -> Iterator[Timing]:
    """Print the time of each query, and yield it."""
    for saved in SAVED_QUERIES:
        sql = saved.sql.replace("dt >= '2026-11-01'", "dt >= '2000-01-01'")
        took = measured(lambda sql=sql: ask_folder(folder, sql), runs)  # type: ignore[misc]
        print(f"{saved.name:<28} {took}", flush=True)
        yield took


def print_raw(sample: Sample) -> None:
    """Print the time of usage by team from the raw objects of one day, without tables."""
    paths = sample.raw
    with_pandas = measured(lambda: _by_pandas(paths))
    count = f"{len(paths):,} objects of one day"
    print(f"{'pandas, ' + count:<28} {with_pandas}")
    if shutil.which("jq"):
        print(f"{'jq, ' + count:<28} {measured(lambda: _by_jq(paths))}")
    else:
        print("jq is not installed")


def _by_pandas(paths: Sequence[Path]) -> None:
    rows = [
        json.loads(line)
        for path in paths
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    table = pandas.DataFrame([row for row in rows if "reservation_id" in row])
    table["team"] = [tags.get("Team") for tags in table["tags"]]
    table.groupby("team")[["total_capacity", "used_capacity"]].sum()


def _by_jq(paths: Sequence[Path]) -> None:
    """Use jq, and awk to add up its rows."""
    script = f"zcat \"$@\" | jq -r '{JQ}' | awk '{{held[$1] += $2}} END {{print length(held)}}'"
    names = [str(path) for path in paths]
    subprocess.run(["sh", "-c", script, "sh", *names], check=True, stdout=subprocess.DEVNULL)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sql",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--reservations", type=number(int, 1), default=10_000)
    parser.add_argument("--days", type=number(int, 1), default=365)
    parser.add_argument("--runs", type=number(int, 1), default=3, help="the median counts")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        year = Path(place, "year")
        sample = make_sample(Path(place, "day"), chosen.reservations)
        megabytes = print_sizes(repeat(sample, year, chosen.days))
        print(f"\n{'':<28} {'clock':>9} {'processor':>12}")
        slowest = max(query_times(year, chosen.runs), key=lambda it: it.clock)
        print_raw(sample)
    print("\nGoals (a year of 10,000 reservations)")
    print(f"{_verdict(slowest.clock, SECONDS)}: slowest query{slowest} (processor)")
    print(f"{_verdict(megabytes, MEGABYTES)}: {megabytes:.0f} MB")


def _verdict(found: float, allowed: float) -> str:
    return "met" if found <= allowed else "missed"


if __name__ == "__main__":
    main(sys.argv[1:])
