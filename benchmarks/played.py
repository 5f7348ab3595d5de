"""A deployment in this process: its runs and queries, and the cost of each invocation."""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from heapq import heapreplace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from benchmarks import prices
from benchmarks.ec2_server import raw_reservation
from benchmarks.fake_aws import FakeAWS
from benchmarks.query import Invocation
from sandbox.ec2.wire import answer_xml, renderer
from truffle.core.runs import run_id_of

if TYPE_CHECKING:
    from lambdas.settings import CollectSettings

COLLECTORS = 40
COLLECT_MEGABYTES, FAN_OUT_MEGABYTES, QUERY_MEGABYTES = 1769, 1769, 1769
VCPU_MEGABYTES = 1769
"""The memory at which a function gets one processor (Lambda Developer Guide, "Memory")."""

SAMPLED = 20
"""The number of units with AWS's latency."""

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "own",
    "AWS_SECRET_ACCESS_KEY": "own",
    "POWERTOOLS_SERVICE_NAME": "truffle",
    "POWERTOOLS_METRICS_NAMESPACE": "truffle",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}

START = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass
class Fleet:
    """EC2's fleet: reservations in one of ``holding`` scopes."""

    accounts: list[str]
    regions: tuple[str, ...]
    reservations: int
    holding: int = 10
    changed: set[int] = field(default_factory=set)

    @cached_property
    def held(self) -> dict[tuple[str, str], range]:
        """The numbers of the reservations of each scope that holds some."""
        scopes = [(it, region) for it in self.accounts for region in self.regions]
        chosen = scopes[:: self.holding]
        bounds = [self.reservations * n // len(chosen) for n in range(len(chosen) + 1)]
        return {scope: range(bounds[n], bounds[n + 1]) for n, scope in enumerate(chosen)}

    def list_scope(self, key: str, region: str) -> bytes:
        """EC2's response to the account of an access key; the function's own key belongs to the
        first account."""
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
        """Change a tag of every ``every``-th reservation: a change that is stored but causes no
        event."""
        self.changed.update(range(0, self.reservations, every))


class UnlimitedTime(Invocation):
    """An invocation with all its time remaining."""

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


@dataclass(frozen=True, slots=True)
class Timing:
    """The cost of an invocation: seconds with a call in progress, CPU seconds without the
    fake's own, and additional MB at the peak."""

    waited: float
    processor: float
    megabytes: float
    has_latency: bool

    def at(self, megabytes: int) -> float:
        """The seconds with a memory size, which determines the share of a processor. An upper
        bound, as if nothing were computed during calls, so other load on this machine does not
        matter."""
        return self.waited + self.processor * max(1.0, VCPU_MEGABYTES / megabytes)


class Play:
    """A deployment in this process."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet, self.aws = fleet, FakeAWS(fleet.list_scope)
        self.hour, self.closes = 0, list[Timing]()
        os.environ |= _settings(fleet, folder)
        from lambdas import clients, wiring
        from lambdas.collecting.finish_run import Closer

        clients.session.cache_clear()
        self.aws.attach(clients.session()._session)
        wiring.now = lambda: START + timedelta(hours=self.hour)
        close = Closer.close

        def measured_close(closer: Closer, run: Any) -> Any:
            return self.measure(lambda: close(closer, run), True, self.closes)

        Closer.close = measured_close  # type: ignore[assignment, method-assign]

    def measure(self, act: Callable[[], Any], has_latency: bool, into: list[Timing]) -> Any:
        before, self.aws.has_latency = self.aws.has_latency, has_latency
        _forget_peak()
        resident, fake, waited = _megabytes("VmRSS"), self.aws.seconds, self.aws.waited
        processor = time.process_time()
        answer = act()
        processor = time.process_time() - processor - (self.aws.seconds - fake)
        more = max(0.0, _megabytes("VmHWM") - resident)
        into.append(Timing(self.aws.waited - waited, max(0, processor), more, has_latency))
        self.aws.has_latency = before
        return answer

    def run(self) -> Ran:
        """Run one hour later, from the opening to the close."""
        from lambdas import fan_out

        self.hour += 1
        self.aws.calls.clear()
        self.aws.amounts.clear()
        self.closes.clear()
        opened, units = list[Timing](), list[Timing]()
        invocation: Any = UnlimitedTime()
        event = {"run_id": self.run_id}
        self.measure(lambda: fan_out.handler(event, invocation), True, opened)
        messages = self.aws.messages[:]
        self.aws.messages.clear()
        self._collect(messages, units)
        closed, written = self.closes[0], self._write_latest()
        if warnings := self._manifest().get("warnings"):
            raise RuntimeError(f"the run was closed with warnings: {warnings}")
        # The last unit closed the run, which is measured separately; its peak is that of the close.
        last = units.pop()
        waited, processor = last.waited - closed.waited, last.processor - closed.processor
        units.append(Timing(max(0, waited), max(0, processor), 0.0, last.has_latency))
        counts, amounts = Counter(self.aws.calls), Counter(self.aws.amounts)
        return Ran(
            opened=opened[0],
            units=units,
            closed=closed,
            written=written,
            calls=counts,
            amounts=amounts,
            messages=len(messages),
        )

    def _write_latest(self) -> Timing:
        """Handle the message of the close: an invocation that no run waits for."""
        from lambdas import collect

        (message,), taken = self.aws.messages[:], list[Timing]()
        self.aws.messages.clear()
        event, invocation = {"Records": [_record(message, 0)]}, UnlimitedTime()

        def act() -> None:
            answer = collect.handler(event, invocation)
            if answer["batchItemFailures"]:
                raise RuntimeError("latest/ was not written")

        self.measure(act, True, taken)
        return taken[0]

    @property
    def run_id(self) -> str:
        """An id as long as those of scheduled runs, since heartbeats have it."""
        return run_id_of(START + timedelta(hours=self.hour), "scheduled")

    def _manifest(self) -> dict[str, Any]:
        """The manifest of the last run."""
        (key,) = [it for it in self.aws.objects if it.endswith(f"/{self.run_id}.json")]
        found: dict[str, Any] = json.loads(self.aws.objects[key])
        return found

    def _collect(self, messages: list[str], units: list[Timing]) -> None:
        """Run collector by collector; each has its own clients and sessions."""
        from lambdas import collect, scope_clients, wiring

        every = max(1, len(messages) // SAMPLED)
        invocation: Any = UnlimitedTime()
        began = time.monotonic()
        for collector in range(min(COLLECTORS, len(messages))):
            wiring.collect.cache_clear()
            scope_clients.sts_client.cache_clear()
            gc.collect()
            for index in range(collector, len(messages), COLLECTORS):
                event = {"Records": [_record(messages[index], index)]}

                def act(event: dict[str, Any] = event) -> None:
                    answer = collect.handler(event, invocation)
                    if answer["batchItemFailures"]:
                        raise RuntimeError(f"a unit failed: {event}")

                self.measure(act, index % every == 0, units)
                self._report_progress(len(units), len(messages), time.monotonic() - began)

    def _report_progress(self, done: int, units: int, seconds: float) -> None:
        """Print progress on stderr if it is a terminal; a thousand accounts take tens of
        minutes."""
        if not sys.stderr.isatty():
            return
        left = seconds / done * (units - done)
        text = f"run {self.hour}: {done:,} of {units:,} units, {left / 60:.0f} min left"
        print(f"\r{text:<60}", end="\n" if done == units else "", file=sys.stderr, flush=True)

    def ask(self, path: str, query: str) -> tuple[Timing, Counter[str]]:
        """Run a query; return its cost with what it read."""
        from lambdas import query as function

        http = {"method": "GET", "path": path}
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {},
            "requestContext": {"http": http, "stage": "$default", "requestId": "0"},
        }
        taken, invocation = list[Timing](), Invocation()
        before = Counter(self.aws.amounts)

        def act() -> None:
            answer = function.handler(event, invocation)  # type: ignore[arg-type]
            if answer["statusCode"] != 200:
                raise RuntimeError(answer["body"])

        self.measure(act, True, taken)
        return taken[0], Counter(self.aws.amounts) - before


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """The cost of a run; ``written`` is that of ``latest/`` after it."""

    opened: Timing
    units: list[Timing]
    closed: Timing
    written: Timing
    calls: Counter[str]
    amounts: Counter[str]
    messages: int

    @property
    def unit_seconds(self) -> list[float]:
        """The seconds of each unit, as deployed. A unit without latency gets the average of the
        others."""
        waited = statistics.median(it.waited for it in self.units if it.has_latency)
        return [
            (it if it.has_latency else replace(it, waited=waited)).at(COLLECT_MEGABYTES)
            for it in self.units
        ]

    @property
    def collecting(self) -> float:
        """Seconds until the last unit is done, with this number of concurrent collectors."""
        ends = [0.0] * COLLECTORS
        for seconds in self.unit_seconds:
            heapreplace(ends, ends[0] + seconds)
        return max(ends)

    @property
    def wall(self) -> float:
        """Seconds from the opening to the end of the close."""
        opened, closed = self.opened.at(FAN_OUT_MEGABYTES), self.closed.at(COLLECT_MEGABYTES)
        return opened + self.collecting + closed

    def to_prices(self) -> prices.Run:
        collecting = sum(self.unit_seconds) + self.closed.at(COLLECT_MEGABYTES)
        opening = self.opened.at(FAN_OUT_MEGABYTES)
        return prices.Run(
            gb_seconds=collecting * COLLECT_MEGABYTES / 1024 + opening * FAN_OUT_MEGABYTES / 1024,
            latest_gb_seconds=self.written.at(COLLECT_MEGABYTES) * COLLECT_MEGABYTES / 1024,
            invocations=self.messages + 2,
            write_units=self.amounts["dynamodb.wru"],
            read_units=self.amounts["dynamodb.rru"],
            puts=self.calls["s3.PutObject"],
            gets=self.calls["s3.GetObject"],
            messages=self.messages + 1,
            bytes_kept=self.amounts["s3.bytes"],
        )


def _record(body: str, index: int) -> dict[str, Any]:
    return {
        "messageId": str(UUID(int=index)),
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
    from lambdas.settings import FanOutSettings, QuerySettings
    from truffle.core.organization import AccountSettings

    file = folder / "accounts.json"
    file.write_text(json.dumps(AccountSettings(listed=tuple(fleet.accounts)).to_json()))
    own, queue = fleet.accounts[0], "https://sqs.us-east-1.amazonaws.com/123456789012/units"
    return {
        FILE_VARIABLE: str(file),
        **_collect_settings(own, queue).to_env(),
        **FanOutSettings(
            table="table",
            bucket="bucket",
            queue_url=queue,
            account_id=own,
            regions=",".join(fleet.regions),
            collector="c",
        ).to_env(),
        **QuerySettings(
            table="table",
            bucket="bucket",
            schedule_minutes="60",
            event_retention_days="400",
            expected_denied="",
            queues="{}",
            publisher="publisher",
        ).to_env(),
    }


def _collect_settings(own: str, queue: str) -> CollectSettings:
    from lambdas.settings import CollectSettings

    return CollectSettings(
        table="table",
        bucket="bucket",
        queue_url=queue,
        account_id=own,
        role_name="truffle-read",
        max_receives="5",
        event_retention_days="400",
        schedule_minutes="60",
        checks_group="checks",
        checks_queue_arn="arn:aws:sqs:us-east-1:123456789012:units",
        checks_role_arn="arn:aws:iam::123456789012:role/checks",
        expected_denied="",
    )


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _megabytes(name: str) -> float:
    (line,) = [it for it in Path("/proc/self/status").read_text().splitlines() if name in it]
    return int(line.split()[1]) / 1024
