"""Writes of a scope in several transactions, and writes that meet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.store.scopes import Conflict, ScopeStore
from lambdas.store.transactions import CONTENTION_TRIES
from tests.builders import HOUR, NOON, OHIO, a_snapshot, an_odcr
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Killed, Wire, client_error
from tests.lambdas.store.builders import many, stored, write
from truffle.core.model import Snapshot

WireTo = Callable[[str], Wire]


# --- more than one transaction's worth -----------------------------------------------------------


def grown(count: int) -> tuple[Snapshot, Snapshot]:
    """A scope before and after all its reservations changed, with an event for each."""
    return a_snapshot(*many(count)), a_snapshot(*many(count, state="pending"), at=NOON + HOUR)


@pytest.fixture
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for four changes with their events, and for the status."""
    monkeypatch.setattr("lambdas.store.scopes.MAX_ACTIONS", 12)


def test_130_changes_with_their_events_go_in_as_few_transactions_as_dynamodb_takes(
    scopes: ScopeStore, wire: WireTo
) -> None:
    first, second = grown(130)
    write(scopes, first)
    line = wire("dynamodb")
    write(scopes, second, first)
    sizes = [len(call["TransactItems"]) for call in line.parameters("TransactWriteItems")]
    assert sizes == [99, 99, 71]
    assert set(stored(scopes).values()) == {"pending"}


TAGS = {f"{number:02}{'研' * 126}": "究" * 256 for number in range(50)}
"""The most and the longest tags that EC2 takes: 50 of 128 and 256 characters."""


def test_no_transaction_has_more_bytes_than_dynamodb_takes(
    scopes: ScopeStore, wire: WireTo
) -> None:
    first = a_snapshot(*many(99, tags=TAGS))
    second = a_snapshot(*many(99, tags=TAGS, state="pending"), at=NOON + HOUR)
    line = wire("dynamodb")
    write(scopes, first)
    write(scopes, second, first)
    sizes = [bytes_of(call["TransactItems"]) for call in line.parameters("TransactWriteItems")]
    assert len(sizes) > 4
    assert max(sizes) < 4_000_000
    assert set(stored(scopes).values()) == {"pending"}


def bytes_of(actions: Any) -> int:
    """The bytes of all text in the items, which is nearly everything that they have."""
    items = [action["Put"]["Item"] for action in actions if "Put" in action]
    values = [text for item in items for value in item.values() for text in value.values()]
    return sum(len(str(value).encode()) for value in values)


@pytest.mark.usefixtures("small_transactions")
def test_every_transaction_moves_the_revision(scopes: ScopeStore) -> None:
    first, second = grown(20)
    write(scopes, first)
    before = scopes.status(OHIO).revision
    write(scopes, second, first)
    assert scopes.status(OHIO).revision == before + 5


@pytest.mark.usefixtures("small_transactions")
def test_a_reservation_is_never_parted_from_its_events(scopes: ScopeStore, wire: WireTo) -> None:
    first, second = grown(20)
    write(scopes, first)
    line = wire("dynamodb")
    write(scopes, second, first)
    calls = line.parameters("TransactWriteItems")
    assert len(calls) == 5
    for call in calls:
        items = [action["Put"]["Item"] for action in call["TransactItems"] if "Put" in action]
        rows = {item["sk"]["S"] for item in items if item["pk"]["S"].startswith("SCOPE#")}
        assert rows == {item["reservation_id"]["S"] for item in items if "expires_at" in item}


@pytest.mark.usefixtures("small_transactions")
@pytest.mark.parametrize("k", range(1, 5))
def test_a_scope_counts_as_observed_only_with_its_last_transaction(
    scopes: ScopeStore, wire: WireTo, k: int
) -> None:
    first, second = grown(20)
    write(scopes, first)
    wire("dynamodb").fails_after(Killed(), "TransactWriteItems", call=k)
    with pytest.raises(Killed):
        write(scopes, second, first)
    assert scopes.status(OHIO).observed_at == NOON
    assert list(stored(scopes).values()).count("pending") == k * 4


@pytest.mark.usefixtures("small_transactions")
def test_a_half_written_scope_has_no_digest_to_be_mistaken_for(
    scopes: ScopeStore, wire: WireTo
) -> None:
    first, second = grown(8)
    write(scopes, first)
    wire("dynamodb").fails_after(Killed(), "TransactWriteItems")
    with pytest.raises(Killed):
        write(scopes, second, first)
    assert scopes.status(OHIO).digest is None


# --- concurrent and late writers -----------------------------------------------------------------


def test_of_two_writes_from_one_revision_the_second_is_a_conflict(scopes: ScopeStore) -> None:
    first = a_snapshot(an_odcr("cr-a"))
    write(scopes, first)
    status = scopes.status(OHIO)
    write(scopes, a_snapshot(an_odcr("cr-a", state="pending"), at=NOON + HOUR), first, status)
    later = a_snapshot(an_odcr("cr-a", state="expired"), at=NOON + 2 * HOUR)
    with pytest.raises(Conflict):
        write(scopes, later, first, status)
    assert stored(scopes) == {"cr-a": "pending"}


def test_of_two_first_writes_the_second_is_a_conflict(scopes: ScopeStore) -> None:
    nothing = scopes.status(OHIO)
    write(scopes, a_snapshot(an_odcr("cr-a")), None, nothing)
    with pytest.raises(Conflict):
        write(scopes, a_snapshot(an_odcr("cr-b"), at=NOON + HOUR), None, nothing)
    assert stored(scopes) == {"cr-a": "active"}


@pytest.mark.parametrize("age", [timedelta(0), timedelta(microseconds=1), HOUR])
def test_a_snapshot_that_is_not_newer_than_the_last_is_a_conflict(
    stack: Stack, age: timedelta
) -> None:
    first = a_snapshot(an_odcr("cr-a"))
    write(stack.scopes, first)
    before = stack.items()
    with pytest.raises(Conflict):
        write(stack.scopes, a_snapshot(an_odcr("cr-a", state="expired"), at=NOON - age))
    assert stack.items() == before


def contended() -> ClientError:
    """The exception of a transaction that conflicts with another one."""
    cancelled = client_error("TransactionCanceledException")
    cancelled.response["CancellationReasons"] = [{"Code": "None"}, {"Code": "TransactionConflict"}]
    return cancelled


def test_a_transaction_that_meets_another_one_is_tried_again(
    scopes: ScopeStore, wire: WireTo
) -> None:
    wire("dynamodb").fails_before(contended(), "TransactWriteItems")
    write(scopes, a_snapshot(an_odcr("cr-a")))
    assert stored(scopes) == {"cr-a": "active"}


def test_an_item_that_other_transactions_keep_holding_is_a_conflict(
    scopes: ScopeStore, wire: WireTo
) -> None:
    line = wire("dynamodb")
    for _ in range(CONTENTION_TRIES):
        line.fails_before(contended(), "TransactWriteItems")
    with pytest.raises(Conflict):
        write(scopes, a_snapshot(an_odcr("cr-a")))


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
def test_a_fault_of_dynamodb_is_not_a_conflict(scopes: ScopeStore, wire: WireTo, code: str) -> None:
    wire("dynamodb").fails_before(client_error(code), "TransactWriteItems")
    with pytest.raises(ClientError, match=code):
        write(scopes, a_snapshot(an_odcr("cr-a")))


def test_one_bad_answer_of_dynamodb_is_tried_again(scopes: ScopeStore, wire: WireTo) -> None:
    wire("dynamodb").answers_once("TransactWriteItems", 500)
    write(scopes, a_snapshot(an_odcr("cr-a")))
    assert stored(scopes) == {"cr-a": "active"}
