"""The last known accounts in the table: complete for every reader."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.clients import service
from lambdas.store.directory import DirectoryCache, DirectoryStore
from lambdas.store.documents import LARGEST_PART, DocumentStore, Incomplete
from tests.builders import HOUR, NOON
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Wire, client_error
from truffle.core.coverage import AccountRegions
from truffle.core.organization import Account, Directory

WireTo = Callable[[str], Wire]

UNITS = {"ou-abcd-teams000": "Teams"}


@pytest.fixture
def store(stack: Stack) -> DirectoryStore:
    return DirectoryStore(service("dynamodb"), stack.table)


def a_directory(count: int = 3) -> Directory:
    """Names that cannot be compressed well, as of an organization that likes random ones."""
    chance = random.Random(count)
    accounts = tuple(
        Account(f"{number:012}", chance.randbytes(25).hex(), "ACTIVE", ("r-abcd",))
        for number in range(count)
    )
    return Directory(accounts, UNITS, NOON, NOON - HOUR)


def test_what_was_written_is_read(store: DirectoryStore) -> None:
    directory = a_directory().failed("AccessDenied", "no", NOON)
    store.write(directory, NOON)
    assert store.directory() == directory


def test_before_the_first_one_there_is_an_empty_directory(store: DirectoryStore) -> None:
    assert store.directory() == Directory()
    assert store.regions() == {}


def test_twenty_thousand_accounts_fit_in_parts(stack: Stack, store: DirectoryStore) -> None:
    directory = a_directory(20_000)
    store.write(directory, NOON)
    sizes = [len(bytes(item["content"]["B"])) for item in stack.items() if "content" in item]
    assert len(sizes) > 1
    assert max(sizes) <= LARGEST_PART
    assert store.directory() == directory


def test_an_hour_without_a_change_is_one_small_write(stack: Stack, store: DirectoryStore) -> None:
    store.write(a_directory(), NOON)
    parts = [item for item in stack.items() if "content" in item]
    store.write(replace(a_directory(), observed_at=NOON + HOUR), NOON + HOUR)
    assert [item for item in stack.items() if "content" in item] == parts
    assert store.directory().observed_at == NOON + HOUR


def test_a_writer_that_dies_leaves_the_last_directory_whole(
    store: DirectoryStore, wire: WireTo
) -> None:
    store.write(a_directory(3), NOON)
    line = wire("dynamodb")
    line.fails_before(client_error("InternalServerError"), "PutItem", call=2)
    with pytest.raises(Exception, match="InternalServerError"):
        store.write(a_directory(4), NOON + HOUR)
    line.mends()
    assert store.directory() == a_directory(3)


def test_a_reader_finds_the_parts_of_the_head_that_it_read(store: DirectoryStore) -> None:
    store.write(a_directory(3), NOON)
    head = store.head()
    assert head is not None
    store.write(a_directory(4), NOON + HOUR)
    assert store.read(head) == a_directory(3)


def test_parts_of_an_old_version_expire(stack: Stack, store: DirectoryStore) -> None:
    store.write(a_directory(3), NOON)
    store.write(a_directory(4), NOON + HOUR)
    expiring = [item["expires_at"]["N"] for item in stack.items() if "expires_at" in item]
    assert expiring == [str(int((NOON + HOUR + timedelta(days=1)).timestamp()))]
    store.write(a_directory(3), NOON + 2 * HOUR)
    assert store.directory() == a_directory(3)
    assert len([item for item in stack.items() if "expires_at" in item]) == 1


def test_missing_parts_are_not_an_empty_directory(stack: Stack, store: DirectoryStore) -> None:
    store.write(a_directory(), NOON)
    (part,) = [item for item in stack.items() if "content" in item]
    key = {name: part[name] for name in ("pk", "sk")}
    service("dynamodb").delete_item(TableName=stack.table, Key=key)
    with pytest.raises(Incomplete, match="0 of 1 parts"):
        store.directory()


def test_regions_are_kept_beside_it(store: DirectoryStore) -> None:
    known = {"1": AccountRegions(("us-east-1",), NOON), "2": AccountRegions(None, NOON, "No")}
    store.write(a_directory(), NOON)
    store.write_regions(known, NOON)
    assert store.regions() == known
    assert store.directory() == a_directory()


def test_names_of_documents_do_not_meet(stack: Stack) -> None:
    documents = DocumentStore(service("dynamodb"), stack.table)
    documents.write("one", [1], {}, NOON)
    documents.write("two", [2], {}, NOON)
    for name, content in (("one", [1]), ("two", [2])):
        head = documents.head(name)
        assert head is not None
        assert documents.content(name, head) == content


def test_a_cache_reads_the_parts_only_where_they_changed(
    store: DirectoryStore, wire: WireTo
) -> None:
    store.write(a_directory(3), NOON)
    cache = DirectoryCache(store)
    assert len(cache.labels()) == 3
    line = wire("dynamodb")
    store.write(replace(a_directory(3), observed_at=NOON + HOUR), NOON + HOUR)
    assert cache.directory().observed_at == NOON + HOUR
    assert len(cache.labels()) == 3
    assert line.count("Query") == 0
    store.write(a_directory(4), NOON + 2 * HOUR)
    assert len(cache.labels()) == 4
