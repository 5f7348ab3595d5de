"""Rounds of a pile: within what DynamoDB takes as an item and the function as memory."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.clients import service
from lambdas.store import digest_buffer as store
from lambdas.store.digest_buffer import (
    MOST_BODIES,
    MOST_EVENTS,
    MOST_IDS,
    DigestBuffer,
    DigestContents,
    Placed,
)
from tests.builders import NOON
from tests.effort import examples
from tests.lambdas.aws import Stack

ITEM = 400 * 1024
RUN = "20261124T120000Z-1a2b3c4d"


def a_pile(sizes: dict[str, int]) -> DigestContents:
    return DigestContents(sizes, {}, None, NOON)


def rounds_of(sizes: dict[str, int]) -> list[list[str]]:
    """All rounds, one after the other."""
    batches: dict[int, frozenset[str]] = {}
    while part := DigestContents(sizes, batches, None, NOON).next_part():
        batches[len(batches)] = part
    return [sorted(part) for part in batches.values()]


def item_bytes(ids: list[str]) -> int:
    """Of a round's item: DynamoDB counts names and values in UTF-8, and three bytes a set."""
    return sum(len(it.encode()) + 1 for it in ids) + 3000


def test_one_round_takes_all_where_it_can() -> None:
    assert rounds_of({f"{it:032}": 2000 for it in range(3000)}) == [
        [f"{it:032}" for it in range(3000)]
    ]


def test_a_round_is_never_a_mere_remainder() -> None:
    sizes = [len(ids) for ids in rounds_of({f"{it:032}": 100 for it in range(MOST_EVENTS + 3)})]
    assert sizes == [2502, 2501]


def test_an_empty_buffer_has_no_batch() -> None:
    assert a_pile({}).next_part() == frozenset()


@settings(max_examples=examples(20))
@given(
    st.lists(st.tuples(st.integers(1, 380_000), st.integers(1, 900)), min_size=1, max_size=100),
    st.integers(1, 60),
)
def test_every_event_is_in_one_round_that_fits(
    shapes: list[tuple[int, int]], repeated: int
) -> None:
    sizes = {
        f"{turn:05}{'研' * (length // 3)}": size
        for turn, (size, length) in enumerate(shapes * repeated)
    }
    rounds = rounds_of(sizes)
    assert sorted(it for ids in rounds for it in ids) == sorted(sizes)
    for ids in rounds:
        assert len(ids) == 1 or sum(sizes[it] for it in ids) <= MOST_BODIES
        assert item_bytes(ids) <= ITEM
        assert len(ids) <= MOST_EVENTS
    assert MOST_IDS < ITEM


@pytest.fixture
def pending(stack: Stack) -> DigestBuffer:
    return DigestBuffer(service("dynamodb"), stack.table)


def test_a_buffer_too_large_for_one_batch_is_delivered_in_several(
    pending: DigestBuffer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_EVENTS", 4)
    ids = [f"{it:032}" for it in range(10)]
    for event_id in ids:
        pending.add("oncall", RUN, {"event_id": event_id}, NOON)
    batches = []
    while (found := pending.next_batch("oncall", RUN, NOON)) is not None:
        batches.append([message["event_id"] for message in found.messages])
        pending.finish("oncall", RUN, found.number, NOON)
    assert batches == [ids[:4], ids[4:7], ids[7:]]


def test_a_delivered_event_is_known(pending: DigestBuffer) -> None:
    message = {"event_id": "e"}
    assert pending.add("oncall", RUN, message, NOON) is Placed.NEW
    assert pending.add("oncall", RUN, message, NOON) is Placed.BUFFERED
    found = pending.next_batch("oncall", RUN, NOON)
    assert found is not None
    assert pending.add("oncall", RUN, message, NOON) is Placed.BUFFERED
    pending.finish("oncall", RUN, found.number, NOON)
    assert pending.add("oncall", RUN, message, NOON) is Placed.DELIVERED


def test_ids_longer_than_a_key_are_refused(pending: DigestBuffer) -> None:
    """A sort key has 1,024 bytes, a partition key 2,048 (DynamoDB Developer Guide, quotas)."""
    run_id, messages = "研" * 900, [{"event_id": "é" * 600 + last} for last in "ab"]
    for message in messages:
        pending.add("oncall", run_id, message, NOON)
    found = pending.next_batch("oncall", run_id, NOON)
    assert found is not None
    assert sorted(found.messages, key=str) == messages
