"""The query function, warm, at several sizes: CPU time per request, and memory.

CPU time is measured, so that other load on the machine counts as little as possible; it does
not include waiting for the network and DynamoDB.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice
from typing import Any
from urllib.parse import quote

from benchmarks.organizations import ACCOUNT, NOW, REGIONS, rows
from lambdas.settings import QuerySettings
from lambdas.store.prices import NOTHING_KNOWN, PriceList
from lambdas.store.scopes import StoredStatus
from truffle.core.model import Reservation, Scope

Ask = Callable[[str, str], str]
"""Path and query → the response's body."""

SCOPES = 30
SIZES = (1_000, 10_000, 100_000)
QUESTIONS = {
    "no filter, first page": "limit=100",
    "type": "type=capacity-block",
    "region": "region=us-east-1",
    "zone": "availability_zone=us-east-1a,us-west-2b",
    "glob, GPUs only": "instance_type=p*&gpu_only=true",
    "account": "account=123456789012",
    "owner": "owner=123456789012",
    "state": "state=active,scheduled",
    "active only": "active_only=true",
    "available only": "available_only=true",
    "min capacity": "min_capacity=8",
    "tag of few values": "tag=Team:research",
    "tag of one row": "tag=Name:job-7",
    "tag and state": "tag=Team:research&state=active",
    "start window": "starts_after=2026-11-01&starts_before=2026-12-01",
    "both windows": "starts_after=2026-11-01&starts_before=2026-12-01"
    "&ends_after=2026-11-05&ends_before=2026-12-10",
    "every filter": "type=odcr&instance_type=g6*&state=active&available_only=true"
    "&min_capacity=4&owner=123456789012&account=123456789012&tag=Team:serving",
    "sorted by utilization": "sort=-utilization",
    "sorted, filtered": "sort=-utilization&state=active&tag=Team:research",
    "sorted by observation": "sort=observed_at",
    "page of 1,000": "limit=1000",
    "page of 1,000, filtered": "limit=1000&state=active&gpu_only=true",
}


class MemoryStore:
    """Scopes in memory, without network access."""

    def __init__(self, count: int) -> None:
        share = count // SCOPES
        self._rows = {
            Scope(ACCOUNT, region): rows(region, share + (count % SCOPES if not index else 0))
            for index, region in enumerate(REGIONS[:SCOPES])
        }

    def cache(self) -> MemoryStore:
        return self

    def statuses(self, *, with_rows: bool = False) -> list[StoredStatus]:
        return [StoredStatus(scope=scope, revision=1, observed_at=NOW) for scope in self._rows]

    def reservations(self, status: StoredStatus) -> tuple[Reservation, ...]:
        return self._rows[status.scope]

    def read(self) -> PriceList:
        return NOTHING_KNOWN


class Invocation:
    """The part of a Lambda context that the handler reads."""

    function_name = "query"
    memory_limit_in_mb = 1769
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:query"
    aws_request_id = "00000000-0000-0000-0000-000000000000"


def asker(count: int) -> Ask:
    """The handler with this many reservations, as a function of path and query."""
    settings = QuerySettings(
        table="none",
        bucket="none",
        schedule_minutes="1e9",
        event_retention_days="400",
        expected_denied="",
        queues="{}",
        publisher="none",
    )
    os.environ |= {
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "truffle",
        "POWERTOOLS_METRICS_NAMESPACE": "truffle",
        **settings.to_env(),
    }
    from lambdas import query, wiring
    from lambdas.api.inventory import Inventory

    store: Any = MemoryStore(count)
    wiring.query().inventory, wiring.query().price_list = Inventory(store), store

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


def milliseconds(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return (time.process_time() - began) * 1000


def resident_megabytes() -> float:
    with open("/proc/self/statm") as status:
        return int(status.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def tokens(ask: Ask, limit: int) -> Iterator[str]:
    """The tokens of all pages of the list except the first."""
    text = f"limit={limit}"
    while token := json.loads(ask("/reservations", text))["next_token"]:
        yield quote(token)
        text = f"limit={limit}&next_token={quote(token)}"


def measure(count: int, repeats: int) -> None:
    """Print the table of one size, in a separate process with separate memory."""
    before = resident_megabytes()
    ask = asker(count)
    loaded = milliseconds(partial(ask, "/reservations", "limit=1"))
    print(f"\n{count:,} reservations; the first request, which fills the memory: {loaded:,.0f} ms")
    print(f"{'question':<26}{'first ms':>10}{'median ms':>11}{'p95 ms':>9}{'matches':>9}")
    for name, text in QUESTIONS.items():
        matches = partial(_matches, ask, text)
        _print_row(name, partial(ask, "/reservations", text), repeats, matches)
    pages = cycle([f"limit=100&next_token={token}" for token in islice(tokens(ask, 100), 50)])
    further = partial(_ask_next, ask, pages)
    if count > 100:
        _print_row("pages further on", further, repeats, lambda: count)
    for name, text in {"summary of all": "", "summary, filtered": "gpu_only=true"}.items():
        matches = partial(_matches, ask, text)
        _print_row(name, partial(ask, "/summary", text), repeats, matches)
    print(f"memory: {resident_megabytes() - before:,.0f} MB more than before")


def _matches(ask: Ask, text: str) -> int:
    return int(json.loads(ask("/reservations", text))["count"])


def _ask_next(ask: Ask, texts: Iterator[str]) -> str:
    return ask("/reservations", next(texts))


def _print_row(
    name: str, act: Callable[[], object], repeats: int, matches: Callable[[], int]
) -> None:
    """Print the first time, the median and the 95th percentile of this many repeats."""
    gc.collect()
    first = milliseconds(act)
    taken = [milliseconds(act) for _ in range(repeats)]
    late = statistics.quantiles(taken, n=20)[-1]
    median = statistics.median(taken)
    print(f"{name:<26}{first:>10.2f}{median:>11.2f}{late:>9.2f}{matches():>9,}")


def _positive(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if number < least:
            raise argparse.ArgumentTypeError(f"invalid value {number}: must be at least {least}")
        return number

    return read


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.query", description=__doc__)
    parser.add_argument(
        "sizes",
        nargs="*",
        type=_positive(1),
        default=SIZES,
        metavar="SIZE",
        help="how many reservations, a table for each size (default: 1000 10000 100000)",
    )
    parser.add_argument(
        "--repeats",
        type=_positive(2),
        default=50,
        help="requests per question (default: 50)",
    )
    options = parser.parse_args(arguments)
    if len(options.sizes) == 1:
        measure(options.sizes[0], options.repeats)
        return 0
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}.")
    print("CPU time of the handler from event to answer.")
    for size in options.sizes:
        command = [sys.executable, "-m", "benchmarks.query", str(size)]
        subprocess.run([*command, "--repeats", str(options.repeats)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
