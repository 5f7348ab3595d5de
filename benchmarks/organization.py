"""A whole organization: calls, items, wall time, memory and the month's bill of its hourly runs.

The deployed handlers run in this process against an AWS that counts (``benchmarks/fake_aws.py``).
40 collectors take turns, each with its own clients and sessions, all of them cold. A sample of
units waits as long as AWS would; the run's wall time is that of 40 collectors at once, each with
the processor's share of its memory.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from heapq import heapreplace
from pathlib import Path
from typing import Any

from benchmarks import prices
from benchmarks.ec2_server import raw_reservation
from benchmarks.fake_aws import FakeAWS
from benchmarks.numbers import number
from benchmarks.query import Invocation
from sandbox.ec2.wire import answer_xml, renderer
from truffle.core.regions import COMMERCIAL

COLLECTORS = 40
COLLECT_MEGABYTES, FAN_OUT_MEGABYTES, QUERY_MEGABYTES = 1024, 256, 1769
VCPU_MEGABYTES = 1769
"""The memory with which a function has one processor (Lambda Developer Guide, "Memory")."""

SAMPLED = 20
"""Units that wait as long as AWS would."""

HOLDING = 10
"""One scope in so many holds something."""

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "own",
    "AWS_SECRET_ACCESS_KEY": "own",
    "POWERTOOLS_SERVICE_NAME": "truffle",
    "POWERTOOLS_METRICS_NAMESPACE": "truffle",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
GOALS = {"month": 60.0, "run": 300.0, "query": 100.0, "items": 1_000}


@dataclass
class Fleet:
    """What EC2 lists: reservations, spread over one scope in ten."""

    accounts: list[str]
    regions: tuple[str, ...]
    reservations: int
    changed: set[int] = field(default_factory=set)

    @cached_property
    def held(self) -> dict[tuple[str, str], range]:
        """The numbers of each holding scope's reservations."""
        scopes = [(it, region) for it in self.accounts for region in self.regions]
        chosen = scopes[::HOLDING]
        bounds = [self.reservations * n // len(chosen) for n in range(len(chosen) + 1)]
        return {scope: range(bounds[n], bounds[n + 1]) for n, scope in enumerate(chosen)}

    def list_scope(self, key: str, region: str) -> bytes:
        """EC2's answer to the account of an access key; the function's own key is the first's."""
        account = key if key.isdecimal() else self.accounts[0]
        numbers = self.held.get((account, region), range(0))
        render = renderer("DescribeCapacityReservations", "CapacityReservations")
        items = [render(self._raw(account, region, index)) for index in numbers]
        return answer_xml("DescribeCapacityReservations", "CapacityReservations", items, None, "0")

    def _raw(self, account: str, region: str, index: int) -> dict[str, Any]:
        raw = raw_reservation(region, index) | {"OwnerId": account}
        if index in self.changed:
            raw["Tags"] = [{"Key": "Name", "Value": "changed"}]
        return raw

    def change(self, every: int) -> None:
        """Another tag on every so-manieth reservation: a change that is stored and no event."""
        self.changed.update(range(0, self.reservations, every))


class Unhurried(Invocation):
    """An invocation that has all its time before it."""

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


@dataclass(frozen=True, slots=True)
class Took:
    """What an invocation took: seconds of the clock and of the processor without the fake's, and
    MB more than before at its peak."""

    wall: float
    processor: float
    megabytes: float
    has_latency: bool

    def at(self, megabytes: int) -> float:
        """Seconds with a memory, whose share of a processor the function has."""
        return self.wall + self.processor * (max(1.0, VCPU_MEGABYTES / megabytes) - 1)


class Play:
    """A deployment in this process."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet, self.aws = fleet, FakeAWS(fleet.list_scope)
        self.hour, self.closes = 0, list[Took]()
        os.environ |= _settings(fleet, folder)
        from lambdas import clients, wiring
        from lambdas.collecting.finish_run import Closer

        clients.session.cache_clear()
        self.aws.attach(clients.session()._session)
        wiring.now = lambda: START + timedelta(hours=self.hour)
        close = Closer.close

        def measured_close(closer: Closer, run: Any) -> bool:
            return self.measure(lambda: close(closer, run), True, self.closes)

        Closer.close = measured_close  # type: ignore[method-assign]

    def measure(self, act: Callable[[], Any], has_latency: bool, into: list[Took]) -> Any:
        before, self.aws.has_latency = self.aws.has_latency, has_latency
        _forget_peak()
        resident, fake = _megabytes("VmRSS"), self.aws.seconds
        wall, processor = time.perf_counter(), time.process_time()
        answer = act()
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        fake = self.aws.seconds - fake
        more = _megabytes("VmHWM") - resident
        into.append(Took(max(0, wall - fake), max(0, processor - fake), more, has_latency))
        self.aws.has_latency = before
        return answer

    def run(self) -> Ran:
        """One hour later: a run from its opening to its close."""
        from lambdas import fan_out

        self.hour += 1
        self.aws.calls.clear()
        self.aws.amounts.clear()
        self.closes.clear()
        opened, units = list[Took](), list[Took]()
        invocation: Any = Unhurried()
        event = {"run_id": f"run-{self.hour}"}
        self.measure(lambda: fan_out.handler(event, invocation), True, opened)
        messages = self.aws.messages[:]
        self.aws.messages.clear()
        self._collect(messages, units)
        closed = self.closes[0]
        # The last unit closed the run: that is measured apart.
        units.pop()
        counts, amounts = Counter(self.aws.calls), Counter(self.aws.amounts)
        return Ran(opened[0], units, closed, counts, amounts, len(messages))

    def _collect(self, messages: list[str], units: list[Took]) -> None:
        """Collector by collector: each has clients and sessions of its own."""
        from lambdas import clients, collect, wiring

        every = max(1, len(messages) // SAMPLED)
        invocation: Any = Unhurried()
        for collector in range(min(COLLECTORS, len(messages))):
            wiring.collect.cache_clear()
            clients.sts_client.cache_clear()
            gc.collect()
            for index in range(collector, len(messages), COLLECTORS):
                event = {"Records": [_record(messages[index], index)]}

                def act(event: dict[str, Any] = event) -> None:
                    answer = collect.handler(event, invocation)
                    if answer["batchItemFailures"]:
                        raise RuntimeError(f"a unit failed: {event}")

                self.measure(act, index % every == 0, units)

    def ask(self, path: str, query: str) -> tuple[Took, Counter[str]]:
        """A query, with what it read."""
        from lambdas import query as function

        http = {"method": "GET", "path": path}
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {},
            "requestContext": {"http": http, "stage": "$default", "requestId": "0"},
        }
        taken, invocation = list[Took](), Invocation()
        before = Counter(self.aws.amounts)

        def act() -> None:
            answer = function.handler(event, invocation)  # type: ignore[arg-type]
            if answer["statusCode"] != 200:
                raise RuntimeError(answer["body"])

        self.measure(act, True, taken)
        return taken[0], Counter(self.aws.amounts) - before


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run took."""

    opened: Took
    units: list[Took]
    closed: Took
    calls: Counter[str]
    amounts: Counter[str]
    messages: int

    @property
    def unit_seconds(self) -> float:
        """Of a unit, as deployed: the median of those that waited, and what the others needed of
        the processor more or less than they."""
        waited = [it for it in self.units if it.has_latency]
        seconds = statistics.median(it.at(COLLECT_MEGABYTES) for it in waited)
        share = VCPU_MEGABYTES / COLLECT_MEGABYTES
        usual = statistics.median(it.processor for it in waited)
        mean = statistics.fmean(it.processor for it in self.units)
        return seconds + (mean - usual) * share

    @property
    def wall(self) -> float:
        """Seconds from the opening to the close, with so many collectors at once."""
        ends = [0.0] * COLLECTORS
        for _ in range(self.messages):
            heapreplace(ends, ends[0] + self.unit_seconds)
        opened, closed = self.opened.at(FAN_OUT_MEGABYTES), self.closed.at(COLLECT_MEGABYTES)
        return opened + max(ends) + closed

    def to_prices(self) -> prices.Run:
        collecting = self.messages * self.unit_seconds + self.closed.at(COLLECT_MEGABYTES)
        opening = self.opened.at(FAN_OUT_MEGABYTES)
        return prices.Run(
            collecting * COLLECT_MEGABYTES / 1024 + opening * FAN_OUT_MEGABYTES / 1024,
            self.messages + 1,
            self.amounts["dynamodb.wru"],
            self.amounts["dynamodb.rru"],
            self.calls["s3.PutObject"],
            self.calls["s3.GetObject"],
            self.messages,
            self.amounts["s3.bytes"],
        )


def _record(body: str, index: int) -> dict[str, Any]:
    return {
        "messageId": f"message-{index}",
        "receiptHandle": "0",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:units",
        "awsRegion": "us-east-1",
    }


def _settings(fleet: Fleet, folder: Path) -> dict[str, str]:
    from lambdas.account_settings import FILE_VARIABLE
    from lambdas.settings import CollectSettings, FanOutSettings, QuerySettings
    from truffle.core.organization import AccountSettings

    file = folder / "accounts.json"
    file.write_text(json.dumps(AccountSettings(listed=tuple(fleet.accounts)).to_json()))
    own, queue = fleet.accounts[0], "https://sqs.us-east-1.amazonaws.com/123456789012/units"
    arn = "arn:aws:sqs:us-east-1:123456789012:units"
    collect = CollectSettings(
        *("table", "bucket", queue, own, "truffle-read", "5", "400", "60"),
        *("checks", arn, "arn:aws:iam::123456789012:role/checks", ""),
    )
    return {
        FILE_VARIABLE: str(file),
        **collect.to_env(),
        **FanOutSettings("table", "bucket", queue, own, ",".join(fleet.regions), "c").to_env(),
        **QuerySettings("table", "bucket", "60", "400", "", "{}", "publisher").to_env(),
    }


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _megabytes(name: str) -> float:
    (line,) = [it for it in Path("/proc/self/status").read_text().splitlines() if name in it]
    return int(line.split()[1]) / 1024


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the metrics, which are printed."""
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
    print(
        f"  wall time with {COLLECTORS} collectors: {ran.wall:.0f} s (opening "
        f"{ran.opened.at(FAN_OUT_MEGABYTES):.1f}, a unit {ran.unit_seconds:.2f}, close "
        f"{ran.closed.at(COLLECT_MEGABYTES):.1f})"
    )
    print(
        f"  memory beside the runtime's: fan_out {ran.opened.megabytes:.0f} MB, collect "
        f"{max(it.megabytes for it in ran.units):.0f} MB, close {ran.closed.megabytes:.0f} MB"
    )


def print_queries(play: Play) -> prices.Question:
    """Print what queries take; the warm one."""
    with _quiet():
        cold, cold_read = play.ask("/reservations", "limit=100")
        warm = [play.ask("/reservations", "limit=100&state=active") for _ in range(20)][1:]
        status, _ = play.ask("/status", "limit=100")
    own = statistics.median(took.processor for took, _ in warm) * 1000
    read = warm[-1][1]
    print("\nqueries")
    print(
        f"  cold: {cold.wall:.1f} s, {cold_read['dynamodb.read']:,} items, "
        f"{cold.megabytes:.0f} MB; warm: {own:.0f} ms of its own, "
        f"{read['dynamodb.read']:,} items; /status: {status.processor * 1000:.0f} ms"
    )
    took = statistics.median(it.wall for it, _ in warm)
    return prices.Question(took * QUERY_MEGABYTES / 1024, read["dynamodb.rru"])


def play(accounts: int, regions: int, reservations: int) -> None:
    names = [f"{n:012}" for n in range(1, accounts + 1)]
    fleet = Fleet(names, COMMERCIAL[:regions], reservations)
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
    asked = parser.parse_args(arguments)
    scopes = asked.accounts * asked.regions
    reservations = asked.reservations if asked.reservations is not None else scopes * 33 // 10
    if not ENVIRONMENT.items() <= os.environ.items():
        # The functions read it as they are imported.
        command = [sys.executable, "-m", "benchmarks.organization", *(arguments or sys.argv[1:])]
        return subprocess.run(command, env={**os.environ, **ENVIRONMENT}, check=False).returncode
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}.")
    print(
        f"{asked.accounts:,} accounts × {asked.regions} regions, {reservations:,} reservations in "
        f"one scope of {HOLDING}."
    )
    play(asked.accounts, asked.regions, reservations)
    return 0


if __name__ == "__main__":
    sys.exit(main())
