"""A whole organization: calls, items, wall time, memory and the monthly bill of hourly runs.

The deployed handlers run in this process against an AWS that counts (``benchmarks/fake_aws.py``).
40 collectors take turns, each with its own clients and sessions, all cold. A sample of units has
AWS's latency; the wall time of the run is computed for 40 concurrent collectors, each with the
share of a processor that its memory provides.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks import prices
from benchmarks.numbers import number
from benchmarks.played import (
    COLLECT_MEGABYTES,
    COLLECTORS,
    ENVIRONMENT,
    FAN_OUT_MEGABYTES,
    QUERY_MEGABYTES,
    Fleet,
    Play,
    Ran,
)
from truffle.core.regions import COMMERCIAL


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Run without the metrics, which are printed."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def print_run(name: str, ran: Ran) -> None:
    services = Counter[str]()
    for operation, count in ran.calls.items():
        services[operation.partition(".")[0]] += count
    print(f"\n{name}")
    print("  calls: " + ", ".join(f"{it} {count:,}" for it, count in sorted(services.items())))
    print(
        f"  DynamoDB items: {ran.amounts['dynamodb.read']:,} read, "
        f"{ran.amounts['dynamodb.written']:,} written; bucket: {ran.amounts['s3.bytes']:,} bytes"
    )
    seconds = ran.unit_seconds
    print(
        f"  wall time with {COLLECTORS} collectors: {ran.wall:.1f} s "
        f"({ran.wall / max(seconds):.1f} × the slowest unit): opening "
        f"{ran.opened.at(FAN_OUT_MEGABYTES):.1f}, units {ran.collecting:.1f} "
        f"({ran.collecting / max(seconds):.1f} × the slowest unit, {statistics.fmean(seconds):.2f} "
        f"each), close {ran.closed.at(COLLECT_MEGABYTES):.1f}"
    )
    print(f"  after the run, latest/ and the report: {ran.written.at(COLLECT_MEGABYTES):.1f} s")
    print(
        f"  memory beside the runtime's: fan_out {ran.opened.megabytes:.0f} MB, collect "
        f"{max(it.megabytes for it in ran.units):.0f} MB, close {ran.closed.megabytes:.0f} MB, "
        f"latest/ {ran.written.megabytes:.0f} MB"
    )


def print_queries(play: Play) -> prices.Question:
    """Print the cost of queries; return that of the warm one."""
    with _quiet():
        cold, cold_read = play.ask("/reservations", "limit=100")
        warm = [play.ask("/reservations", "limit=100&state=active") for _ in range(20)][1:]
        status, _ = play.ask("/status", "limit=100")
    own = statistics.median(took.processor for took, _ in warm) * 1000
    read = warm[-1][1]
    print("\nqueries")
    print(
        f"  cold: {cold.at(QUERY_MEGABYTES):.1f} s, {cold_read['dynamodb.read']:,} items, "
        f"{cold.megabytes:.0f} MB; warm: {own:.0f} ms of its own, "
        f"{read['dynamodb.read']:,} items; /status: {status.processor * 1000:.0f} ms"
    )
    took = statistics.median(it.at(QUERY_MEGABYTES) for it, _ in warm)
    return prices.Question(took * QUERY_MEGABYTES / 1024, read["dynamodb.rru"])


def play(fleet: Fleet) -> None:
    with tempfile.TemporaryDirectory() as folder:
        deployed = Play(fleet, Path(folder))
        with _quiet():
            first = deployed.run()
        print_run("first run, everything new", first)
        with _quiet():
            unchanged = deployed.run()
        print_run("unchanged hour", unchanged)
        fleet.change(100)
        with _quiet():
            changed = deployed.run()
        print_run("1 % of the reservations changed", changed)
        question = print_queries(deployed)
    stored = sum(len(json.dumps(item)) for item in deployed.aws.table.items.values())
    hours = [prices.bill(ran.to_prices(), question, stored) for ran in (unchanged, changed)]
    print(f"\nUSD a month ({prices.RUNS} runs, {prices.QUERIES:,} queries){'unchanged':>14}1 %")
    for line in hours[0]:
        print(f"  {line:<44}{hours[0][line]:>9.2f}{hours[1][line]:>9.2f}")
    print(f"  {'sum':<44}{sum(hours[0].values()):>9.2f}{sum(hours[1].values()):>9.2f}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.organization", description=__doc__)
    parser.add_argument("accounts", nargs="?", type=number(int, 1, 10_000), default=50)
    most = len(COMMERCIAL)
    parser.add_argument("regions", nargs="?", type=number(int, 1, most), default=17)
    parser.add_argument("reservations", nargs="?", type=number(int, 0), default=None)
    parser.add_argument(
        "--holding", type=number(int, 1), default=10, help="one scope in so many; default 10"
    )
    options = parser.parse_args(arguments)
    scopes = options.accounts * options.regions
    reservations = options.reservations if options.reservations is not None else scopes * 33 // 10
    names = [f"{n:012}" for n in range(1, options.accounts + 1)]
    if not ENVIRONMENT.items() <= os.environ.items():
        # The functions read it when they are imported.
        command = [sys.executable, "-m", "benchmarks.organization", *(arguments or sys.argv[1:])]
        return subprocess.run(command, env={**os.environ, **ENVIRONMENT}, check=False).returncode
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}.")
    print(
        f"{options.accounts:,} accounts × {options.regions} regions, {reservations:,} reservations "
        f"in one scope of {options.holding}."
    )
    play(Fleet(names, COMMERCIAL[: options.regions], reservations, options.holding))
    return 0


if __name__ == "__main__":
    sys.exit(main())
