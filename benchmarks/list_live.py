"""A live listing of every region beside what people use now: seconds, ratios, where time goes.

``python -m benchmarks.list_live [--sizes 10,100,1000,3000] [--runs 3] [--aws PATH | --no-aws]``

Each is a process of its own that asks one server on this machine, whose every call takes 200 ms,
and writes JSON to a file. The start of the interpreter counts.

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
from pathlib import Path

SIZES = (10, 100, 1_000, 3_000)
STAGES = ("import", "clients", "calls", "parse", "map", "sort", "encode", "write")

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
    """What makes every contestant ask this server, and no configuration of this machine."""
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
class Bench:
    """One server's contestants, and a folder for what they write."""

    url: str
    folder: Path
    aws: str | None
    size: int
    regions: int

    def run(self, command: Sequence[str], name: str) -> str:
        """What a process writes to stdout. Raises CalledProcessError."""
        output = self.folder / f"{name}.json"
        with output.open("w") as file:
            subprocess.run(command, env=environment(self.url), stdout=file, check=True)
        return output.read_text()

    def python(self, *arguments: str) -> str:
        return self.run([sys.executable, "-m", *arguments], arguments[1])

    def floor(self) -> None:
        self.python("benchmarks.contestants", "floor", self.url)

    def truffle(self) -> None:
        self._check(self.python("truffle", "capacity", "--no-active-only", "-o", "json"))

    def boto3_pool(self) -> None:
        self._check(self.python("benchmarks.contestants", "pool"))

    def stages(self) -> str:
        return self.python("benchmarks.contestants", "stages")

    def _check(self, text: str) -> None:
        expected = self.size * self.regions
        if text.count('"cr-') < expected:
            raise SystemExit(f"{expected} reservations were to be listed: {text[:200]}")

    def aws_loop(self) -> None:
        self._aws(1)

    def aws_ten_at_a_time(self) -> None:
        self._aws(10)

    def _aws(self, at_once: int) -> None:
        assert self.aws is not None
        command = [self.aws, "ec2", "describe-regions", "--query", "Regions[].RegionName"]
        names = json.loads(self.run([*command, "--output", "json"], "aws"))
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(self._aws_region, names))

    def _aws_region(self, region: str) -> None:
        assert self.aws is not None
        command = [self.aws, "ec2", "describe-capacity-reservations", "--page-size", "1000"]
        self.run([*command, "--region", region, "--output", "json"], region)


def median_seconds(run: Callable[[], object], times: int) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def measure(bench: Bench, runs: int) -> dict[str, float]:
    """Seconds by contestant."""
    contestants: dict[str, Callable[[], object]] = {
        "floor": bench.floor,
        "truffle": bench.truffle,
        "boto3 pool": bench.boto3_pool,
    }
    seconds = {name: median_seconds(run, runs) for name, run in contestants.items()}
    if bench.aws:
        seconds["aws x 10"] = median_seconds(bench.aws_ten_at_a_time, 1)
        seconds["aws loop"] = median_seconds(bench.aws_loop, 1)
    return seconds


COLUMNS = ("floor", "truffle", "boto3 pool", "aws x 10", "aws loop")


def header() -> str:
    ratios = "  pool/truffle  truffle/floor"
    return "per region  " + "  ".join(f"{name:>10}" for name in COLUMNS) + ratios


def row(size: int, seconds: Mapping[str, float]) -> str:
    cells = [f"{seconds[name]:>10.2f}" if name in seconds else f"{'-':>10}" for name in COLUMNS]
    pool = seconds["boto3 pool"] / seconds["truffle"]
    floor = seconds["truffle"] / seconds["floor"]
    return f"{size:>10,}  {'  '.join(cells)}  {pool:>12.1f}  {floor:>13.1f}"


def stage_row(size: int, told: str) -> str:
    answer = json.loads(told)
    cells = [f"{answer['stages'].get(name, 0):>8.2f}" for name in STAGES]
    return f"{size:>10,}  {'  '.join(cells)}  {answer['cpu']:>8.2f}"


def machine() -> str:
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "name" in line]
        name = models[0].partition(":")[2].strip() if models else name
    return (
        f"{os.cpu_count()} × {name}, {platform.system()}, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.list_live",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="per region")
    parser.add_argument("--regions", type=int, default=30)
    parser.add_argument("--latency", type=float, default=200, help="of every call, milliseconds")
    parser.add_argument("--runs", type=int, default=3, help="the median counts; aws runs once")
    parser.add_argument("--aws", default=shutil.which("aws"), help="the AWS command line")
    parser.add_argument("--no-aws", action="store_true", help="leave it out: it takes minutes")
    chosen = parser.parse_args()
    print(f"{chosen.regions} regions, {chosen.latency:g} ms per call, on {machine()}.")
    if chosen.no_aws or not chosen.aws:
        print(f"AWS command line: {'left out' if chosen.no_aws else 'not installed'}.")
    print(f"\nSeconds, median of {chosen.runs}\n{header()}")
    spent = []
    for size in map(int, chosen.sizes.split(",")):
        with (
            tempfile.TemporaryDirectory() as folder,
            server(size, chosen.regions, chosen.latency) as url,
        ):
            aws = None if chosen.no_aws else chosen.aws
            bench = Bench(url, Path(folder), aws, size, chosen.regions)
            print(row(size, measure(bench, chosen.runs)), flush=True)
            spent.append(stage_row(size, bench.stages()))
    stages = "  ".join(f"{name:>8}" for name in (*STAGES, "all"))
    print(f"\nProcessor seconds of truffle by stage\nper region  {stages}")
    print("\n".join(spent))


if __name__ == "__main__":
    main()
