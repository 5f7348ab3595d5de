"""Copies of additional data in the bucket: a cold reader gets what the table has, in few reads."""

from __future__ import annotations

import gzip
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.collecting.beside_file import BesideFile
from lambdas.store.archive import Archive
from lambdas.store.beside import BesideCache, BesideStore, ItemKind
from lambdas.store.beside_copy import BesideCopy
from lambdas.store.groups import GroupStore
from lambdas.store.placements import PlacementStore, ScopePlacements, to_placements
from tests.builders import NOON
from tests.effort import examples
from tests.lambdas.memory import MemoryBucket, MemoryTable
from truffle.core.model import Scope
from truffle.core.topology import Placement

ACCOUNTS = ("111111111111", "222222222222", "333333333333")
GROUPS = dict(zip(ACCOUNTS, (0, 0, 1), strict=True))
SCOPES = [Scope(account, region) for region in ("us-east-2", "eu-west-1") for account in ACCOUNTS]
UNITS = 4
KEY = "latest/beside/placements.json.gz"


@dataclass
class CountingTable(MemoryTable):
    """A table that counts its queries and their items."""

    counts: Counter[str] = field(default_factory=Counter)

    def query(self, **call: Any) -> dict[str, Any]:
        answer = super().query(**call)
        self.counts.update(queries=1, items=len(answer["Items"]))
        return answer


@dataclass
class World:
    """A table in which each scope has placements, and a bucket with copies of them."""

    table: CountingTable = field(default_factory=CountingTable)
    bucket: MemoryBucket = field(default_factory=MemoryBucket)

    def __post_init__(self) -> None:
        table: Any = self.table
        bucket: Any = self.bucket
        self.store = BesideStore(GroupStore(table, "table", dict(GROUPS)))
        self.copy = BesideCopy(Archive(bucket, "bucket"), ItemKind.PLACEMENTS)
        for scope in SCOPES:
            self.place(scope, "cr-1")

    def place(self, scope: Scope, *ids: str) -> None:
        rows = tuple(
            Placement(reservation_id=it, region=scope.region, network_nodes=("nn-ü",)) for it in ids
        )
        PlacementStore(self.store).write(scope, ScopePlacements(frozenset(ids), rows, NOON))

    def remove(self, scope: Scope) -> None:
        PlacementStore(self.store).remove(scope)

    def publish(self) -> None:
        BesideFile(self.store, self.copy).publish()

    def cold(self, copy: BesideCopy | None = None) -> dict[Scope, ScopePlacements]:
        """What a new reader finds; by default without the copy."""
        cache = BesideCache(self.store, ItemKind.PLACEMENTS, to_placements, copy)
        self.table.counts.clear()
        return cache.everything()


@pytest.fixture
def world() -> World:
    return World()


def test_a_cold_reader_reads_one_item_for_each_unit(world: World) -> None:
    present = world.cold()
    world.publish()
    assert world.cold(world.copy) == present
    assert world.table.counts == {"queries": 1, "items": UNITS}


def test_only_units_written_since_the_copy_are_read(world: World) -> None:
    world.publish()
    world.place(SCOPES[0], "cr-2", "cr-3")
    present = world.cold()
    assert world.cold(world.copy) == present
    assert world.table.counts == {"queries": 2, "items": UNITS + 2}


def test_an_unchanged_copy_is_not_written_again(world: World) -> None:
    world.publish()
    world.publish()
    assert world.bucket.writes == 1


def test_a_new_copy_is_made_from_the_last_one(world: World) -> None:
    world.publish()
    world.place(SCOPES[0], "cr-2")
    world.table.counts.clear()
    world.publish()
    assert world.table.counts["queries"] == 2


def test_a_stack_without_items_gets_no_copy() -> None:
    world = World()
    for key in [key for key in world.table.items if key[0] == "BESIDE"]:
        world.table.delete({"Key": {"pk": {"S": key[0]}, "sk": {"S": key[1]}}})
    world.publish()
    assert world.bucket.objects == {}


DAMAGED = {
    "no gzip": b"{}",
    "truncated": gzip.compress(b'{"schema_version":1}\n{"unit":"us-east-2/0"')[:-9],
    "empty": gzip.compress(b""),
    "another version": gzip.compress(b'{"schema_version":9}\n'),
    "no unit": gzip.compress(b'{"schema_version":1}\n[]\n'),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_copy_costs_only_reads(world: World, content: bytes) -> None:
    world.bucket.objects[KEY] = content
    assert world.cold(world.copy) == world.cold()
    world.publish()
    world.cold(world.copy)
    assert world.table.counts["queries"] == 1


def test_a_bucket_that_refuses_costs_only_reads(world: World) -> None:
    world.publish()
    world.bucket.refuses = True
    assert world.cold(world.copy) == world.cold()


def test_a_read_that_failed_begins_with_the_copy_again(world: World) -> None:
    world.publish()
    cache = BesideCache(world.store, ItemKind.PLACEMENTS, to_placements, world.copy)
    world.place(SCOPES[0], "cr-2")
    query = world.table.query

    def refuse_units(**call: Any) -> Any:
        if call["ExpressionAttributeValues"][":pk"]["S"].startswith("UNIT#"):
            raise OSError("no connection")
        return query(**call)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.table, "query", refuse_units)
        with pytest.raises(OSError, match="no connection"):
            cache.everything()
    world.table.counts.clear()
    cache.everything()
    assert world.table.counts["queries"] == 2


STEPS = st.one_of(
    st.tuples(st.just("place"), st.sampled_from(SCOPES), st.sampled_from(["cr-1", "cr-2"])),
    st.tuples(st.just("remove"), st.sampled_from(SCOPES), st.none()),
    st.tuples(st.just("publish"), st.none(), st.none()),
)


@given(st.lists(STEPS, max_size=12))
@settings(max_examples=examples(60), deadline=None)
def test_whatever_was_written_and_copied_a_cold_reader_finds_the_present(steps: Any) -> None:
    world = World()
    warm = BesideCache(world.store, ItemKind.PLACEMENTS, to_placements, world.copy)
    for what, scope, name in steps:
        match what:
            case "place":
                world.place(scope, name)
            case "remove":
                world.remove(scope)
            case _:
                world.publish()
        assert world.cold(world.copy) == world.cold() == warm.everything()
