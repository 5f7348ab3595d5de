"""A cold inventory: what the last close left in the bucket gives the same answers as the table."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.api.inventory import Inventory
from lambdas.collecting.collector import Collector
from lambdas.collecting.finish_run import Closer
from lambdas.collecting.latest_files import LatestFiles
from lambdas.store.archive import Archive, region_key
from lambdas.store.latest import LatestRegions
from lambdas.store.scopes import ScopeStore
from tests.builders import HOME, HOUR, OTHER, a_run
from tests.effort import examples
from tests.lambdas.fakes import Clock, Fleet, a_raw_odcr, client_error
from tests.lambdas.memory import MemoryBucket, MemoryTable
from tests.lambdas.runs.builders import CLOSED
from truffle.core.model import Scope
from truffle.core.runs import Run, Unit
from truffle.core.status import ScopeStatus
from truffle.ec2.listing import DescribedTypes

ACCOUNTS = (HOME, OTHER, "333344445555")
REGIONS = ("eu-west-1", "us-east-2")

SHOWN = [it.name for it in fields(ScopeStatus) if it.name not in ("streak", "is_retired")]
"""The fields of a scope in a response."""


@dataclass
class CountingTable(MemoryTable):
    """A table that counts the queries of rows and the items of scopes that were read, and notes the
    partition of every item."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.items_read: list[str] = []

    def get_item(self, **call: Any) -> dict[str, Any]:
        self.items_read.append(call["Key"]["pk"]["S"])
        return super().get_item(**call)

    def query(self, **call: Any) -> dict[str, Any]:
        self.reads += call["ExpressionAttributeValues"][":pk"]["S"].startswith("SCOPE#")
        answer = super().query(**call)
        self.items_read += [item["pk"]["S"] for item in answer["Items"]]
        return answer

    def batch_get_item(self, **call: Any) -> dict[str, Any]:
        ((_, wanted),) = call["RequestItems"].items()
        self.reads += sum(key["pk"]["S"] == "SCOPES" for key in wanted["Keys"])
        self.items_read += [key["pk"]["S"] for key in wanted["Keys"]]
        return super().batch_get_item(**call)


class Runs:
    """Runs that need not be remembered."""

    def get(self, run_id: str) -> Run | None:
        return a_run()

    def note_latest(self, *_: Any) -> None:
        pass


@dataclass
class World:
    """Three accounts in two regions, collected unit by unit, and the inventory of that."""

    fleet: Fleet = field(default_factory=Fleet)
    table: Any = field(default_factory=CountingTable)
    bucket: Any = field(default_factory=MemoryBucket)
    clock: Clock = field(default_factory=Clock)
    covered: set[str] = field(default_factory=lambda: set(ACCOUNTS))

    def __post_init__(self) -> None:
        self.scopes = ScopeStore(self.table, "table")
        self.scopes.groups.write(None, dict.fromkeys(ACCOUNTS, 0))
        self.archive = Archive(self.bucket, "bucket")

    def holds(self, scope: Scope, *states: str) -> None:
        names = [f"cr-{scope.account_id[:2]}{scope.region[:2]}{number}" for number in range(9)]
        owner = scope.account_id
        raw = [
            a_raw_odcr(name, State=state, OwnerId=owner)
            for name, state in zip(names, states, strict=False)
        ]
        self.fleet.holds(scope, *raw)

    def collects(self) -> None:
        self.clock.advance(HOUR)
        make = Collector(
            ec2_of=self.fleet.of,
            types=DescribedTypes(),
            scopes=self.scopes,
            archive=self.archive,
            clock=self.clock,
        )
        for region in REGIONS:
            unit = Unit(str(self.clock()), region, tuple(sorted(self.covered)), 0, self.clock())
            self.scopes.heartbeats.add_names([unit.name])
            make.collect(unit, self.clock() + HOUR)

    def closes(self) -> None:
        runs: Any = Runs()
        closer = Closer(
            scopes=self.scopes,
            runs=runs,
            archive=self.archive,
            clock=self.clock,
            send=lambda _: None,
        )
        LatestFiles(closer, pause=lambda _: None).write(CLOSED)

    def starts(self, *, from_bucket: bool) -> tuple[Any, ...]:
        """All that a cold inventory has: what responses show of each scope, and the rows. Without
        the bucket it also finds the units by their counters instead of their names."""
        latest = LatestRegions(self.archive) if from_bucket else None
        if not from_bucket:
            del self.table.items["GROUPS", "UNITS"]
        view = Inventory(ScopeStore(self.table, "table"), latest).view()
        statuses = [{name: getattr(it, name) for name in SHOWN} for it in view.statuses]
        return statuses, [view.encoded(row) for row in view.rows]


def settled() -> World:
    """Everything is held, collected and closed."""
    made = World()
    for scope in (Scope(account, region) for account in ACCOUNTS for region in REGIONS):
        made.holds(scope, "active", "pending")
    made.collects()
    made.closes()
    return made


@pytest.fixture
def world() -> World:
    return settled()


def test_a_cold_start_reads_an_object_for_each_region_and_no_scope(world: World) -> None:
    world.table.reads = world.bucket.reads = 0
    _, rows = world.starts(from_bucket=True)
    assert len(rows) == 2 * len(ACCOUNTS) * len(REGIONS)
    assert (world.bucket.reads, world.table.reads) == (len(REGIONS), 0)


@pytest.mark.parametrize("few", [0, 500])
def test_statuses_alone_decode_no_row(
    world: World, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """Few of them are read from the table, many from the bucket; rows from the bucket."""
    monkeypatch.setattr("lambdas.store.status_reader.FEW_ITEMS", few)
    inventory = Inventory(ScopeStore(world.table, "table"), LatestRegions(world.archive))
    world.table.reads = world.bucket.reads = 0
    with monkeypatch.context() as patch:
        patch.setattr("lambdas.store.archive.decode", refuse)
        statuses = inventory.statuses()
    count = len(ACCOUNTS) * len(REGIONS)
    assert [it.reservations for it in statuses] == [2] * count
    assert world.bucket.reads == (0 if few else len(REGIONS))
    assert len(inventory.view().rows) == 2 * count
    assert (world.bucket.reads, world.table.reads) == (len(REGIONS), count if few else 0)


def refuse(_: object) -> Any:
    raise AssertionError("a row was decoded")


def test_a_cold_start_reads_an_item_for_each_unit(world: World) -> None:
    world.table.items_read.clear()
    world.starts(from_bucket=True)
    units = [f"UNIT#{region}/0" for region in REGIONS]
    assert sorted(world.table.items_read) == ["GROUPS", "GROUPS", *units]


def test_the_next_request_reads_the_counters_and_no_unit_again(world: World) -> None:
    inventory = Inventory(ScopeStore(world.table, "table"), LatestRegions(world.archive))
    first = inventory.view()
    world.table.items_read.clear()
    assert inventory.view() is first
    assert world.table.items_read == ["UNITS"] * len(REGIONS)


def test_the_first_names_of_a_table_include_the_units_that_are_stored(world: World) -> None:
    del world.table.items["GROUPS", "UNITS"]
    world.scopes.heartbeats.add_names(["us-east-2/0"])
    assert world.scopes.heartbeats.names() == frozenset(f"{region}/0" for region in REGIONS)


def test_heartbeats_without_a_number_are_read_once_more(world: World) -> None:
    for region in REGIONS:
        world.table.items[f"UNIT#{region}/0", "HEARTBEATS"].pop("version")
    inventory = Inventory(ScopeStore(world.table, "table"), LatestRegions(world.archive))
    first = inventory.view().rows
    assert inventory.view().rows == first
    world.table.items_read.clear()
    inventory.view()
    assert world.table.items_read == ["UNITS"] * len(REGIONS)


def test_a_scope_that_was_written_since_the_close_is_read_from_the_table(world: World) -> None:
    world.holds(Scope(HOME, "us-east-2"), "cancelled")
    world.collects()
    world.table.reads = 0
    _, rows = world.starts(from_bucket=True)
    assert [row["state"] for row in rows].count("cancelled") == 1
    assert world.table.reads == 2, "the scope's item and its rows"


DAMAGES = {
    "missing": None,
    "no gzip": b"{}",
    "empty": b"",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_missing_or_damaged_object_is_made_good_by_the_table(world: World, damage: str) -> None:
    content = DAMAGES[damage]
    for region in REGIONS:
        world.bucket.objects.pop(region_key(region))
        if content is not None:
            world.bucket.objects[region_key(region)] = content
    assert world.starts(from_bucket=True) == world.starts(from_bucket=False)


def test_an_object_whose_statuses_cannot_be_read_is_made_good_by_the_table(world: World) -> None:
    held = world.archive.read_region("us-east-2")
    for rows in held.values():
        assert rows.status is not None
        rows.status["error"] = {"code": "x"}
    world.archive.write_region("us-east-2", held)
    assert world.starts(from_bucket=True) == world.starts(from_bucket=False)


def test_a_refused_object_is_made_good_by_the_table(world: World) -> None:
    world.bucket.refuses = True
    assert world.starts(from_bucket=True) == world.starts(from_bucket=False)


def test_a_scope_that_left_and_came_back_has_what_it_has_now(world: World) -> None:
    # Given a close that S3 did not take, so that its region's object is from before
    objects = dict(world.bucket.objects)
    world.covered.remove(OTHER)
    world.collects()
    world.holds(Scope(OTHER, "us-east-2"), "cancelled")
    world.covered.add(OTHER)
    world.collects()
    world.bucket.objects = objects
    assert world.starts(from_bucket=True) == world.starts(from_bucket=False)


SCOPES = st.builds(Scope, st.sampled_from(ACCOUNTS), st.sampled_from(REGIONS))
STEPS = st.one_of(
    st.tuples(
        st.just("holds"),
        SCOPES,
        st.lists(st.sampled_from(["active", "pending", "cancelled"]), max_size=3),
    ),
    st.tuples(
        st.just("fails"), SCOPES, st.sampled_from(["UnauthorizedOperation", "RequestLimitExceeded"])
    ),
    st.just(("collects",)),
    st.tuples(st.sampled_from(["recovers", "closes"])),
    st.tuples(st.sampled_from(["leaves", "returns"]), st.sampled_from(ACCOUNTS)),
    st.tuples(st.just("loses"), st.sampled_from(REGIONS)),
)


def play(world: World, step: tuple[Any, ...]) -> None:
    match step:
        case ("holds", scope, states):
            world.holds(scope, *states)
        case ("fails", scope, code):
            world.fleet.fails(scope, client_error(code))
        case ("recovers",):
            world.fleet.recovers()
        case ("collects",):
            world.collects()
        case ("closes",):
            world.closes()
        case ("leaves", account):
            world.covered.discard(account)
        case ("returns", account):
            world.covered.add(account)
        case ("loses", region):
            world.bucket.objects.pop(region_key(region), None)


@settings(max_examples=examples(40), deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=14))
def test_the_bucket_never_changes_an_answer(steps: list[tuple[Any, ...]]) -> None:
    world = settled()
    for step in steps:
        play(world, step)
    assert world.starts(from_bucket=True) == world.starts(from_bucket=False)
    world.collects()
    assert world.starts(from_bucket=True) == world.starts(from_bucket=False)
