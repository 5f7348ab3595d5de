"""The query function, warm, at three sizes: time per request, and memory.

``python -m benchmarks.query [requests per question]``
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from urllib.parse import quote

from benchmarks.organizations import ACCOUNT, NOW, REGIONS, rows
from truffle.core.model import Reservation, Scope
from truffle.core.status import ScopeStatus

Ask = Callable[[str, str], str]
"""Path and query → the answer's body."""

SCOPES = 30
SIZES = (1_000, 10_000, 100_000)
QUESTIONS = {
    "no filter, first page": "limit=100",
    "one region": "region=us-east-1&limit=100",
    "glob, GPUs only": "instance_type=p*&gpu_only=true&limit=100",
    "tag and state": "tag=Team:research&state=active&limit=100",
    "start window": "starts_after=2026-11-01&starts_before=2026-12-01&limit=100",
    "every filter": "type=odcr&instance_type=g6*&state=active&available_only=true"
    "&min_capacity=4&owner=123456789012&account=123456789012&tag=Team:serving&limit=100",
    "sorted by utilization": "sort=-utilization&limit=100",
    "page of 1,000": "limit=1000",
}


class MemoryStore:
    """Scopes that are read without a network, which is DynamoDB's to measure."""

    def __init__(self, count: int) -> None:
        share = count // SCOPES
        self._rows = {
            Scope(ACCOUNT, region): rows(region, share + (count % SCOPES if not index else 0))
            for index, region in enumerate(REGIONS[:SCOPES])
        }

    def statuses(self) -> list[ScopeStatus]:
        return [ScopeStatus(scope, revision=1, observed_at=NOW) for scope in self._rows]

    def reservations(self, status: ScopeStatus) -> tuple[Reservation, ...]:
        return self._rows[status.scope]


class Invocation:
    """What the handler reads of a Lambda context."""

    function_name = "query"
    memory_limit_in_mb = 1769
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:query"
    aws_request_id = "00000000-0000-0000-0000-000000000000"


def asker(count: int) -> Ask:
    """The handler over so many reservations, as a function of path and query."""
    os.environ |= {
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "truffle",
        "POWERTOOLS_METRICS_NAMESPACE": "truffle",
        "TRUFFLE_TABLE": "none",
        "TRUFFLE_SCHEDULE_MINUTES": "1e9",
    }
    from lambdas import query
    from lambdas.inventory import Inventory

    inventory = Inventory(MemoryStore(count))  # type: ignore[arg-type]
    query._inventory = lambda: inventory  # type: ignore[assignment]

    def ask(path: str, text: str) -> str:
        http = {"method": "GET", "path": path}
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": text,
            "headers": {},
            "requestContext": {"http": http, "stage": "$default", "requestId": "0"},
        }
        answer = query.handler(event, Invocation())  # type: ignore[arg-type]
        if answer["statusCode"] != 200:
            raise RuntimeError(answer["body"])
        return str(answer["body"])

    return ask


def milliseconds(act: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median and 95th percentile of so many repeats, after two that warm up."""
    taken = []
    for turn in range(repeats + 2):
        began = time.perf_counter()
        act()
        if turn >= 2:
            taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1]


def resident_megabytes() -> float:
    with open("/proc/self/statm") as status:
        return int(status.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def deep_page(ask: Ask) -> str:
    """The question for a page from the middle of the list."""
    token = json.loads(ask("/reservations", "limit=500"))["next_token"]
    return f"limit=100&next_token={quote(token)}"


def measure(count: int, repeats: int) -> None:
    """Print the table of one size; a process of its own, so that its memory is its own."""
    before = resident_megabytes()
    ask = asker(count)
    began = time.perf_counter()
    ask("/reservations", "limit=1")
    loaded = time.perf_counter() - began
    print(f"\n{count:,} reservations; the first request, which fills the memory: {loaded:.2f} s")
    print(f"{'question':<24}{'median ms':>10}{'p95 ms':>9}{'matches':>9}")
    questions = dict(QUESTIONS) | {"a page further on": deep_page(ask)}
    for name, text in questions.items():
        median, late = milliseconds(partial(ask, "/reservations", text), repeats)
        matches = json.loads(ask("/reservations", text))["count"]
        print(f"{name:<24}{median:>10.2f}{late:>9.2f}{matches:>9,}")
    median, late = milliseconds(partial(ask, "/summary", ""), repeats)
    print(f"{'summary of all':<24}{median:>10.2f}{late:>9.2f}{count:>9,}")
    print(f"memory: {resident_megabytes() - before:,.0f} MB more than before")


def main() -> int:
    if len(sys.argv) == 3:
        measure(int(sys.argv[1]), int(sys.argv[2]))
        return 0
    repeats = sys.argv[1] if len(sys.argv) == 2 else "50"
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}.")
    print("The handler from event to answer; DynamoDB's own time is not in it.")
    for size in SIZES:
        subprocess.run([sys.executable, "-m", "benchmarks.query", str(size), repeats], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
