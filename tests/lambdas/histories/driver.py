"""Drives the collector through a random history: late, repeated, failing, killed and concurrent."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock, Thread
from typing import Any, Self

import pytest

from lambdas.collecting import collector
from lambdas.collecting.collector import Collector
from lambdas.store.archive import Archive
from lambdas.store.scopes import Conflict, ScopeStore
from lambdas.store.table import BASELINES, EVENT_PREFIX, GROUPS, SCOPES, read_body
from tests.lambdas.aws import retire_others
from tests.lambdas.fakes import Killed, client_error
from tests.lambdas.histories.earlier_items import item_before_heartbeats
from tests.lambdas.histories.oracle import Oracle, Page
from tests.lambdas.histories.world import ACCOUNTS, HOUR, World
from tests.lambdas.memory import MemoryTable, scopes_in
from truffle.core.groups import assign_groups
from truffle.core.model import Scope
from truffle.core.runs import Unit
from truffle.core.thresholds import Thresholds
from truffle.ec2.listing import DescribedTypes

REGION = "us-east-2"
WRITES = ("update_item", "transact_write_items")
CALLS = (*WRITES, "put_item", "get_item", "batch_get_item", "query")
THRESHOLDS = Thresholds(ending_soon=(), late_delivery=(), scope_failing=1000)


class Serial:
    """A ThreadPoolExecutor without threads: the driver alone decides what comes when."""

    def __init__(self, _: int) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, call: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        return [call(item) for item in items]


class Mute:
    """A logger without output."""

    def info(self, *_: object, **__: object) -> None:
        pass

    warning = info


@contextmanager
def quietly() -> Iterator[None]:
    """No threads and no logs in the collector, and transactions of few actions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collector, "ThreadPoolExecutor", Serial)
        patch.setattr(collector, "logger", Mute())
        patch.setattr("lambdas.store.scopes.MAX_ACTIONS", 9)
        yield


class NoArchive(Archive):
    """A bucket that takes everything."""

    def __init__(self) -> None:
        nothing: Any = None
        super().__init__(nothing, "")

    def write_snapshots(self, unit: str, results: object) -> None:
        pass


class Nothing:
    def paginate(self, **_: object) -> Iterator[Mapping[str, Any]]:
        yield {}


@dataclass
class Delivery:
    """One collection of a unit: its clock, its faults, and the last page that it read of each."""

    history: History
    accounts: tuple[str, ...]
    failing: frozenset[str]
    skew: timedelta = timedelta()
    dies_at: int | None = None
    pauses: Callable[[], None] = lambda: None
    began: int = 0
    calls: int = 0
    pages: dict[str, Page] = field(default_factory=dict)

    def run(self, number: int) -> None:
        """Ends as a function ends: done, given up for conflicts, or killed."""
        history = self.history
        self.began = history.world.step()
        scopes = scopes_in(Table(self))
        collector = Collector(
            ec2_of=self.client,
            types=DescribedTypes(),
            scopes=scopes,
            archive=NoArchive(),
            clock=self.clock,
            thresholds=THRESHOLDS,
        )
        group = history.groups.get(self.accounts[0], 0)
        unit = Unit(f"run-{number}", REGION, self.accounts, group)
        with suppress(Killed, Conflict):
            collector.collect(unit, history.world.now + 1000 * HOUR)
        history.deliveries += 1

    def clock(self) -> datetime:
        self.history.world.now += timedelta(milliseconds=200)
        return self.history.world.now + self.skew

    def client(self, scope: Scope) -> Delivery:
        self.scope = scope
        return self

    def get_paginator(self, operation: str) -> Delivery | Nothing:
        if operation.startswith("describe_capacity_reservation_"):
            return Nothing()
        assert operation == "describe_capacity_reservations"
        return self

    def paginate(self, **_: object) -> Iterator[Mapping[str, Any]]:
        account = self.scope.account_id
        self.edge()
        if account in self.failing:
            raise client_error("InternalError")
        self.scope = Scope(account, REGION)
        world = self.history.world
        page = Page(account, self.began, world.step(), world.content(account))
        rows = world.lists(account)
        self.edge()
        self.scope = Scope(account, REGION)
        self.pages[account] = page
        yield {"CapacityReservations": rows}

    def get_capacity_reservation_usage(self, **_: object) -> Mapping[str, Any]:
        return {}

    describe_capacity_reservation_topology = get_capacity_reservation_usage

    def edge(self) -> None:
        """A moment at which the function can be killed, or others can do something."""
        self.calls += 1
        if self.calls == self.dies_at:
            raise Killed
        self.history.happens()
        self.pauses()


@dataclass
class Table:
    """The table as one delivery uses it: the oracle sees what is written, when it is."""

    delivery: Delivery

    @property
    def exceptions(self) -> Any:
        return self.delivery.history.table.exceptions

    def __getattr__(self, name: str) -> Any:
        assert name in CALLS, name

        def call(**parameters: Any) -> Any:
            self.delivery.edge()
            answer = getattr(self.delivery.history.table, name)(**parameters)
            self.delivery.history.world.step()
            if name == "transact_write_items":
                entries = parameters["TransactItems"]
                self._written([next(iter(entry.items())) for entry in entries])
            elif name == "update_item":
                self._written([("Update", parameters)])
            self.delivery.edge()
            return answer

        return call

    def _written(self, actions: list[tuple[str, Any]]) -> None:
        oracle, pages = self.delivery.history.oracle, self.delivery.pages
        items = [action["Item"] for kind, action in actions if kind == "Put"]
        for item in items:
            place = item["pk"]["S"]
            if place.startswith("SCOPE#"):
                account = place.split("#")[1]
                if not oracle.established(account):
                    oracle.shows(pages[account], [item["sk"]["S"]])
        for item in items:
            if item["pk"]["S"].startswith(EVENT_PREFIX):
                message = read_body(item)
                oracle.reports(message, pages[message["account_id"]])
        for item in items:
            if item["pk"]["S"].startswith("SCOPE#"):
                oracle.stores_part(pages[item["pk"]["S"].split("#")[1]], item["sk"]["S"])
        for kind, action in actions:
            if kind == "Delete" and action["Key"]["pk"]["S"].startswith("SCOPE#"):
                account = action["Key"]["pk"]["S"].split("#")[1]
                oracle.drops(account, action["Key"]["sk"]["S"])
        for kind, action in actions:
            place = action["Key"]["pk"]["S"] if kind == "Update" else ""
            if place.startswith("UNIT#"):
                self._beat(action)
            elif place == BASELINES:
                for account in oracle.looks:
                    oracle.counts(account)

    def _beat(self, update: Any) -> None:
        """Heartbeats were written: those that name another observation end a listing. What is
        beside reservations is in the same partition, and names no account."""
        oracle, observed = self.delivery.history.oracle, self.delivery.history.observed
        for alias, account in update.get("ExpressionAttributeNames", {}).items():
            text = update["ExpressionAttributeValues"][f":{alias[1:]}"]["S"]
            at = json.loads(text)[0]
            if observed.get(account) != at:
                observed[account] = at
                oracle.stores(self.delivery.pages[account])
            oracle.returns(account)


@dataclass
class History:
    """A world, a table, and what was done so far."""

    seed: int
    table: MemoryTable = field(default_factory=MemoryTable)
    live: list[str] = field(default_factory=lambda: list(ACCOUNTS))
    failing: set[str] = field(default_factory=set)
    deliveries: int = 0
    restlessness: float = 0.0
    observed: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.world = World(self.dice)
        self.oracle = Oracle(self.world)
        self.most = self.dice.choice((1, 2, 3))
        self._regroup()

    @property
    def scopes(self) -> ScopeStore:
        return scopes_in(self.table)

    def _regroup(self) -> None:
        """Assign groups, as ``fan_out`` does, to the accounts that are collected from now on."""
        store = self.scopes.groups
        before = store.read()
        self.groups = assign_groups(self.live, before or {}, self.most)
        assert self.groups == before or store.write(before, self.groups)

    def happens(self) -> None:
        """Between any two calls the world goes on."""
        if self.dice.random() < self.restlessness:
            self.world.change()

    def play(self, steps: int) -> list[str]:
        """The problems of a history with this number of steps."""
        for _ in range(self.dice.randrange(4)):
            self.world.change()
        for _ in range(steps):
            self._step()
        self._settle(frozenset())
        return self.oracle.wrong

    def _step(self) -> None:
        dice, what = self.dice, self.dice.random()
        self.world.now += dice.choice([1, 30, 600, 3600]) * timedelta(seconds=1)
        self.restlessness = dice.choice([0, 0, 0.02, 0.1])
        if what < 0.3:
            self.world.change()
        elif what < 0.36:
            self.failing ^= {dice.choice(ACCOUNTS)}
        elif what < 0.38:
            self._retire()
        elif what < 0.44:
            self._settle(frozenset(self.failing) if dice.random() < 0.5 else frozenset())
        elif what < 0.445 and len(self.live) == len(ACCOUNTS):
            self._upgrade()
        elif what < 0.8:
            self._delivery().run(dice.randrange(10**9))
        else:
            self._at_once([self._delivery() for _ in range(dice.choice([2, 2, 3]))])

    def _delivery(self) -> Delivery:
        dice = self.dice
        group = self.groups[dice.choice(self.live)]
        members = [it for it in self.live if self.groups[it] == group]
        accounts = [it for it in members if dice.random() < 0.6] or [dice.choice(members)]
        failing = {it for it in accounts if it in self.failing or dice.random() < 0.05}
        return Delivery(
            self,
            tuple(accounts),
            frozenset(failing),
            dice.choice([0, 0, 0, 0, -2, 2, -900, 900]) * timedelta(seconds=1),
            dice.randrange(1, 40) if dice.random() < 0.2 else None,
        )

    def _at_once(self, deliveries: list[Delivery]) -> None:
        """Each runs in a thread of its own, one at a time: which goes on is diced at each edge."""
        waiting: dict[int, Lock] = {}
        main = Lock()
        main.acquire()

        def run(number: int, delivery: Delivery) -> None:
            waiting[number].acquire()
            try:
                delivery.run(self.dice.randrange(10**9))
            except Exception as error:
                self.oracle.wrong.append(f"{self.world.tick}: a collection raised {error!r}")
            finally:
                del waiting[number]
                main.release()

        def pause(number: int) -> None:
            if self.dice.random() < 0.4:
                lock = waiting[number]
                main.release()
                lock.acquire()

        threads = []
        for number, delivery in enumerate(deliveries):
            waiting[number] = Lock()
            waiting[number].acquire()
            delivery.pauses = lambda number=number: pause(number)  # type: ignore[misc]
            threads.append(Thread(target=run, args=(number, delivery), daemon=True))
            threads[-1].start()
        while waiting:
            waiting[self.dice.choice(sorted(waiting))].release()
            main.acquire()
        for thread in threads:
            thread.join()

    def _retire(self) -> None:
        """The accounts that are collected are others from now on."""
        self.live = [it for it in ACCOUNTS if self.dice.random() < 0.7] or [ACCOUNTS[0]]
        self._regroup()
        for unit in self.scopes.heartbeats.versions():
            retire_others(self.scopes, unit, self.live, self.world.now + HOUR)
        self.oracle.retired |= set(ACCOUNTS) - set(self.live)

    def _settle(self, failing: frozenset[str]) -> None:
        """All accounts are listed, one after the other, and those that do not fail succeed."""
        self.restlessness = 0.0
        self.world.now += 2 * HOUR
        ready = {it for it in self.live if self.oracle.established(it)} - failing
        rounds = 1 if ready == set(self.live) else 2
        for _ in range(rounds):
            self.world.now += HOUR
            self._round(failing)
        if not failing:
            ready = set(self.live)
        answering = [it for it in self.live if it not in failing]
        self.oracle.settles(answering, ready if failing else self.live)

    def _round(self, failing: frozenset[str]) -> None:
        order = self.dice.sample(self.live, len(self.live))
        whole = [[it for it in order if self.groups[it] == group] for group in range(len(ACCOUNTS))]
        is_whole = self.dice.random() < 0.5
        units = [it for it in whole if it] if is_whole else [[account] for account in order]
        for unit in units:
            Delivery(self, tuple(unit), failing).run(self.dice.randrange(10**9))

    def _upgrade(self) -> None:
        """The table as it was before there were reports, and the first run after that."""
        self._settle(frozenset())
        statuses = self.scopes.statuses()
        for pk, sk in list(self.table.items):
            if pk.startswith(("REPORT#", "UNIT")) or pk in (BASELINES, GROUPS, SCOPES):
                self.table.delete({"Key": {"pk": {"S": pk}, "sk": {"S": sk}}})
            else:
                self.table.items[pk, sk].pop("reported", None)
        for status in statuses:
            self.table.put({"Item": item_before_heartbeats(replace(status, baselines=None))})
        self._regroup()
        self.scopes.adopt()
        for _ in range(2):
            self.world.change(may_share=False)
        self._settle(frozenset())
