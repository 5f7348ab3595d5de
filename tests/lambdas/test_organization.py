"""The cost of an organization: calls of an unchanged run, and their growth with the accounts.

The functions run in this process against a fake AWS that counts. The bars are those of units and
regions, never of scopes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import pytest

from lambdas import collect, fan_out, query, wiring
from lambdas.clients import service
from lambdas.settings import CollectSettings, FanOutSettings, QuerySettings
from lambdas.store.archive import manifest_key
from lambdas.store.runs import RunStore
from tests.builders import HOUR
from tests.lambdas.aws import Stack, deliver
from tests.lambdas.fakes import Clock, FakeContext, Fleet, Wire, a_raw_odcr, client_error
from truffle.core.groups import MOST_ACCOUNTS
from truffle.core.model import Scope

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")

REGIONS = ("eu-west-1", "eu-west-3", "us-east-1", "us-east-2", "us-west-2")
READS = ("GetItem", "BatchGetItem", "Query")
DAYS_OF_EVENTS = 31
"""Each is a query of the report that a close writes, whatever the number of scopes."""
CLEARING_UP = 4
"""Queries with which ``fan_out`` looks for units to retire and for lost runs."""
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")


@dataclass
class Organization:
    """Accounts in five regions, one scope in ten of which holds three reservations."""

    stack: Stack
    clock: Clock
    fleet: Fleet
    deploy: Callable[..., None]
    choose: Callable[..., None]
    accounts: list[str]
    lines: dict[str, Wire] = field(default_factory=dict)

    @property
    def scopes(self) -> list[Scope]:
        return [Scope(account, region) for region in REGIONS for account in self.accounts]

    @property
    def holding(self) -> list[Scope]:
        return self.scopes[::10]

    @property
    def units(self) -> int:
        return len(REGIONS) * ceil(len(self.accounts) / MOST_ACCOUNTS)

    def settles(self) -> None:
        """Two runs: after the second nothing is new."""
        for number, scope in enumerate(self.holding):
            raw = [a_raw_odcr(f"cr-{number:03}{each}", OwnerId=scope.account_id) for each in "abc"]
            self.fleet.holds(scope, *raw)
        for _ in range(2):
            self.runs()

    def runs(self) -> Counter[str]:
        """A run an hour later; how often each operation was called."""
        self.clock.advance(HOUR)
        self.choose(listed=tuple(self.accounts))
        self._uses(FanOutSettings, regions=",".join(REGIONS))
        before = self.counts()
        context: Any = FakeContext(str(self.clock()))
        fan_out.handler({}, context)
        self._uses(CollectSettings)
        wiring.collect().ec2 = self.fleet  # type: ignore[assignment]
        for _ in ("units", "latest/"):
            answer = collect.handler(deliver(self.stack.units), context)
            assert answer == {"batchItemFailures": []}
        return self.counts() - before

    def asks(self, path: str, is_cold: bool = True) -> tuple[Any, Counter[str]]:
        """The body of an answer, and what it took."""
        if is_cold:
            self._uses(QuerySettings)
        before = self.counts()
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {},
            "requestContext": {"http": {"method": "GET", "path": path}, "stage": "$default"},
            "isBase64Encoded": False,
        }
        context: Any = FakeContext()
        answer = query.handler(event, context)
        assert answer["statusCode"] == 200, answer["body"]
        return answer["body"], self.counts() - before

    def counts(self) -> Counter[str]:
        """How often each operation was called so far."""
        return Counter(name for line in self.lines.values() for name, _ in line.calls)

    def _uses(self, kind: type[Any], **changes: str) -> None:
        self.deploy(kind, **changes)


@pytest.fixture
def organization(
    stack: Stack, deploy: Callable[..., None], choose: Callable[..., None], clock: Clock
) -> Iterator[Callable[[int], Organization]]:
    lines: dict[str, Wire] = {}

    def make(count: int) -> Organization:
        accounts = [f"{number:012}" for number in range(1, count + 1)]
        lines.update({name: Wire(service(name)) for name in ("dynamodb", "s3", "sqs")})
        return Organization(stack, clock, Fleet(), deploy, choose, accounts, lines)

    yield make
    for line in lines.values():
        line.mends()


Make = Callable[[int], Organization]


def total(counts: Counter[str], *names: str) -> int:
    return sum(counts[name] for name in names)


def test_an_unchanged_run_costs_a_few_calls_for_each_unit(organization: Make) -> None:
    made = organization(MOST_ACCOUNTS + 2)
    made.settles()
    counts = made.runs()
    units, regions, holding = made.units, len(REGIONS), len(made.holding)
    assert total(counts, *READS, *WRITES) - DAYS_OF_EVENTS <= 0.2 * len(made.scopes)
    assert total(counts, *WRITES) <= 3 * units + 5
    assert counts["PutObject"] <= holding + units + regions + 5
    assert counts["GetObject"] <= units + regions + 5
    assert counts["SendMessage"] == units + 1  # latest/


def test_a_manifest_says_what_its_run_cost(organization: Make) -> None:
    made = organization(12)
    made.settles()
    for line in made.lines.values():
        line.calls.clear()
    made.runs()
    table, queue = made.lines["dynamodb"], made.lines["sqs"]
    calls = list(table.calls)
    sent = {
        "dynamodb": len(calls) - CLEARING_UP,
        "s3": made.lines["s3"].count(),
        "sqs": queue.count("SendMessage"),
    }
    written = sum(len(params.get("TransactItems", "1")) for name, params in calls if name in WRITES)
    (run,) = RunStore(service("dynamodb"), made.stack.table).latest(1)
    manifest = made.stack.document(manifest_key(run))
    assert manifest["calls"] == {"ec2": 0, "sts": 0, **sent}
    assert manifest["dynamodb_items"]["written"] == written


def test_a_run_of_three_times_the_accounts_takes_hardly_more_calls(
    organization: Make,
) -> None:
    small = organization(8)
    small.settles()
    before = small.runs()
    large = organization(24)
    large.settles()
    after = large.runs()
    assert large.units == small.units
    for names in (READS, WRITES, ("GetObject",), ("PutObject",)):
        assert total(after, *names) <= 1.5 * total(before, *names)


def test_a_query_reads_units_and_not_scopes(organization: Make) -> None:
    made = organization(12)
    made.settles()
    _, warm = made.asks("/reservations")
    _, warm = made.asks("/reservations", is_cold=False)
    assert total(warm, *READS) <= 2
    for path in ("/reservations", "/summary", "/status", "/fleets", "/topology"):
        _, cold = made.asks(path)
        assert total(cold, *READS, "GetObject") <= made.units + len(REGIONS) + 5, path


def test_every_scopes_age_is_exact_after_an_unchanged_run(organization: Make) -> None:
    made = organization(12)
    made.settles()
    made.runs()
    body, _ = made.asks("/status")
    scopes = json.loads(body)["scopes"]
    assert {it["last_success"] for it in scopes} == {"2026-11-24T15:00:00Z"}
    assert {it["age_seconds"] for it in scopes} == {0}


def test_a_denied_region_costs_no_more_than_a_healthy_one_once_it_is_known(
    organization: Make,
) -> None:
    made = organization(12)
    for account in made.accounts:
        made.fleet.fails(Scope(account, "eu-west-1"), client_error("UnauthorizedOperation"))
    made.settles()
    counts = made.runs()
    assert total(counts, *WRITES) <= 3 * made.units + 5


def test_accounts_that_leave_are_retired_by_their_units(organization: Make, stack: Stack) -> None:
    made = organization(12)
    made.settles()
    made.accounts = made.accounts[:10]
    counts = made.runs()
    assert {it.scope.account_id for it in stack.scopes.statuses()} == set(made.accounts)
    assert counts["SendMessage"] == made.units + 1  # latest/
