"""A live listing of every region, beside what people use now: seconds, ratios, where time goes.

``python -m benchmarks.list_live [--sizes 10,100,1000,3000] [--runs 3] [--aws PATH] [--no-aws]``

All run as processes of their own against one server on this machine whose every call takes 200 ms,
start of the interpreter included, and write JSON to a file:

floor        bare sockets, all regions at once, nothing parsed
truffle      ``truffle capacity -o json``
boto3 pool   a thread pool of 32: one client per region, the paginator, ``json.dump``
aws loop     the AWS command line, one region after the other
aws x 10     the same, ten at a time
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks.ec2_server import ACCOUNT

SIZES = (10, 100, 1_000, 3_000)
RUNNERS = Path(__file__).parent / "runners"

Environment = Mapping[str, str]
Run = Callable[[], None]


@contextmanager
def server(size: int, regions: int, latency: float) -> Iterator[str]:
    """The URL of an EC2 with that many reservations in each region."""
    arguments = [f"--size={size}", f"--regions={regions}", f"--latency={latency}"]
    command = [sys.executable, "-m", "benchmarks.ec2_server", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def environment(url: str) -> dict[str, str]:
    """What makes every contestant ask this server, with the same credentials and settings."""
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


def measured(run: Run, times: int) -> float:
    """The median of so many runs, in seconds."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def process(command: Sequence[str], env: Environment, output: Path) -> None:
    with output.open("wb") as file:
        subprocess.run(command, env=env, stdout=file, check=True)
