"""A live listing of every region compared with other programs: seconds, ratios, stages.

``python -m benchmarks.list_live [--sizes 10,100,1000,3000] [--runs 3] [--aws PATH | --no-aws]``

Each is a separate process that queries one server on this machine, whose every call takes 200 ms,
and writes JSON to a file. The start of the interpreter counts. At the end, the goals.

floor       bare sockets, all regions at once, nothing parsed
truffle     ``truffle capacity -o json``, every reservation
boto3 pool  a thread pool of 32: a client per region, the paginator, JSON
aws x 10    the AWS command line, ten regions at a time
aws loop    the same, one region after the other
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from benchmarks.ec2_server import PAGE_SIZE
from benchmarks.numbers import number, numbers
from truffle.core.regions import COMMERCIAL

SIZES = (10, 100, 1_000, 3_000)
STAGES = ("import", "clients", "calls", "parse", "map", "sort", "json", "all")

FASTER = {10: 1, 1_000: 2}
"""The goal: how many times as fast as the boto3 pool truffle must be, by reservations per
region."""

Environment = Mapping[str, str]


@contextmanager
def server(size: int, regions: int, latency: float) -> Iterator[str]:
    """The URL of an EC2 with that many reservations in each region."""
    options = [f"--size={size}", f"--regions={regions}", f"--latency={latency}"]
    command = [sys.executable, "-m", "benchmarks.ec2_server", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def environment(url: str) -> Environment:
    """The environment that makes every contestant query this server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **kept,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_PAGER": "",
    }


@dataclass(frozen=True, slots=True)
class Timing:
    """Wall time and CPU time in seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Bench:
    """The contestants of one server, and a folder for their output."""

    url: str
    folder: Path
    aws: str | None
    size: int
    regions: int

    def run(self, command: Sequence[str], name: str) -> tuple[Timing, Path]:
        """Run one process; return its measurement and its stdout. Raises CalledProcessError."""
        output = self.folder / f"{name}.json"
        errors = self.folder / f"{name}.txt"
        began = time.perf_counter()
        with output.open("w") as out, errors.open("w") as err:
            process = subprocess.Popen(command, env=environment(self.url), stdout=out, stderr=err)
            _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} failed: {errors.read_text()[-2000:]}")
        return Timing(wall, used.ru_utime + used.ru_stime), output

    def floor(self) -> Timing:
        return self._python("benchmarks.contestants", "floor", self.url)[0]

    def truffle(self) -> Timing:
        return self._listed("truffle", "capacity", "--no-active-only", "-o", "json")

    def boto3_pool(self) -> Timing:
        return self._listed("benchmarks.contestants", "pool")

    def stages(self) -> Mapping[str, Any]:
        """truffle's time by stage, as measured by itself."""
        self._listed("benchmarks.contestants", "stages")
        stages: Mapping[str, Any] = json.loads((self.folder / "stages.txt").read_text())
        return stages

    def _python(self, *arguments: str) -> tuple[Timing, Path]:
        return self.run([sys.executable, "-m", *arguments], arguments[1])

    def _listed(self, *arguments: str) -> Timing:
        took, output = self._python(*arguments)
        expected, found = (
            self.size * self.regions,
            output.read_text().count("capacity-reservation/"),
        )
        if found != expected:
            raise SystemExit(f"{arguments[1]} listed {found} reservations instead of {expected}.")
        return took

    def aws_loop(self) -> Timing:
        return self._aws(1)

    def aws_ten_at_a_time(self) -> Timing:
        return self._aws(10)

    def _aws(self, at_once: int) -> Timing:
        began = time.perf_counter()
        query = ["describe-regions", "--query", "Regions[].RegionName"]
        took, output = self.run([str(self.aws), "ec2", *query, "--output", "json"], "aws")
        with ThreadPoolExecutor(at_once) as pool:
            each = [took, *pool.map(self._aws_region, json.loads(output.read_text()))]
        return Timing(time.perf_counter() - began, sum(one.cpu for one in each))

    def _aws_region(self, region: str) -> Timing:
        call = ["describe-capacity-reservations", "--page-size", "1000", "--region", region]
        return self.run([str(self.aws), "ec2", *call, "--output", "json"], region)[0]


def median(run: Callable[[], Timing], times: int) -> Timing:
    took = [run() for _ in range(times)]
    walls, cpus = [one.wall for one in took], [one.cpu for one in took]
    return Timing(statistics.median(walls), statistics.median(cpus))


def measure(bench: Bench, runs: int) -> dict[str, Timing]:
    """The measurements of each contestant."""
    took = {
        "floor": median(bench.floor, runs),
        "truffle": median(bench.truffle, runs),
        "boto3 pool": median(bench.boto3_pool, runs),
    }
    if bench.aws:
        took["aws x 10"] = median(bench.aws_ten_at_a_time, 1)
        took["aws loop"] = median(bench.aws_loop, 1)
    return took


COLUMNS = ("floor", "truffle", "boto3 pool", "aws x 10", "aws loop")


def header() -> str:
    named = "  ".join(f"{name:>10}" for name in COLUMNS)
    return f"per region  {named}  pool/truffle  truffle/floor  cpu truffle  cpu pool"


def row(size: int, took: Mapping[str, Timing]) -> str:
    cells = [f"{took[name].wall:>10.2f}" if name in took else f"{'-':>10}" for name in COLUMNS]
    truffle, pool, floor = (took[name] for name in ("truffle", "boto3 pool", "floor"))
    return (
        f"{size:>10,}  {'  '.join(cells)}  {pool.wall / truffle.wall:>12.1f}"
        f"  {truffle.wall / floor.wall:>13.1f}  {truffle.cpu:>11.2f}  {pool.cpu:>8.2f}"
    )


def goals(size: int, latency: float, took: Mapping[str, Timing]) -> list[str]:
    """The goals at this size, and whether they were reached. The chain is the minimum of the
    slowest region: DescribeRegions, then each of its pages."""
    seconds, pool = took["truffle"].wall, took["boto3 pool"].wall
    lines = []
    if size in FASTER:
        least = FASTER[size]
        lines.append(
            f"{size:>10,}  at least {least} × as fast as the boto3 pool: {pool / seconds:.1f} ×"
            f"{_met(pool / seconds >= least)}"
        )
    if size == min(FASTER):
        calls = 1 + ceil(size / PAGE_SIZE)
        most = 1.6 * calls * latency / 1000 + 1
        lines.append(
            f"{size:>10,}  at most 1.6 × {calls} calls of {latency:g} ms and 1 s = {most:.2f} s: "
            f"{seconds:.2f} s{_met(seconds <= most)}"
        )
    return lines


def _met(is_met: bool) -> str:
    return ", reached" if is_met else ", NOT REACHED"


def stage_row(size: int, stages: Mapping[str, Any]) -> str:
    cells = [f"{stages['seconds'].get(name, 0):>8.2f}" for name in STAGES]
    return f"{size:>10,}  {'  '.join(cells)}  {stages['peak'] / 1024:>8.0f}"


def machine() -> str:
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "name" in line]
        name = models[0].partition(":")[2].strip() if models else name
    return (
        f"{os.cpu_count()} × {name}, {platform.system()}, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.list_live",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    most = len(COMMERCIAL)
    parser.add_argument("--sizes", type=numbers(int, 0), default=SIZES, help="per region")
    parser.add_argument("--regions", type=number(int, 1, most), default=30, help=f"1 to {most}")
    parser.add_argument(
        "--latency", type=number(float, 0), default=200, help="of every call, milliseconds"
    )
    parser.add_argument(
        "--runs", type=number(int, 1), default=3, help="the median counts; aws runs once"
    )
    parser.add_argument("--aws", default=shutil.which("aws"), help="the AWS command line")
    parser.add_argument("--no-aws", action="store_true", help="leave it out: it takes minutes")
    chosen = parser.parse_args(arguments)
    print(f"{chosen.regions} regions, {chosen.latency:g} ms per call, on {machine()}.")
    if chosen.no_aws or not chosen.aws:
        print(f"AWS command line: {'left out' if chosen.no_aws else 'not installed'}.")
    print(f"\nSeconds, median of {chosen.runs}\n{header()}")
    spent, wanted = [], []
    for size in chosen.sizes:
        with (
            tempfile.TemporaryDirectory() as folder,
            server(size, chosen.regions, chosen.latency) as url,
        ):
            aws = None if chosen.no_aws else chosen.aws
            bench = Bench(url, Path(folder), aws, size, chosen.regions)
            took = measure(bench, chosen.runs)
            print(row(size, took), flush=True)
            wanted += goals(size, chosen.latency, took)
            spent.append(stage_row(size, bench.stages()))
    stages = "  ".join(f"{name:>8}" for name in STAGES)
    print(f"\nCPU seconds of truffle by stage, peak memory\nper region  {stages}  peak MiB")
    print("\n".join(spent))
    print("\n".join(["\nGoals", *wanted]))


if __name__ == "__main__":
    main()
