"""The scopes in the table: what a write changes, and what no crash, repeat or delay can do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.store.events import EventStore
from lambdas.store.scopes import (
    Attempt,
    Conflict,
    ScopeStore,
    StoredStatus,
    Write,
    digest_of,
)
from tests.builders import DAY, HOME, HOUR, NOON, OHIO, OTHER, a_block, a_snapshot, an_odcr
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Killed, Wire, client_error
from truffle.core.diff import compare
from truffle.core.model import Failure, FailureKind, Reservation, Scope, Snapshot, Unanswered

ATTEMPT = Attempt("run-1", 1.2345)
IRELAND = Scope(HOME, "eu-west-1")

WireTo = Callable[[str], Wire]


@pytest.fixture
def scopes(stack: Stack) -> ScopeStore:
    return stack.scopes


def changes(before: Snapshot | None, after: Snapshot) -> Write:
    """Everything that differs between two snapshots, and what it means."""
    old = {row.reservation_id: row for row in before.reservations} if before else {}
    new = {row.reservation_id for row in after.reservations}
    left = [row for name, row in old.items() if name not in new]
    changed = [row for row in after.reservations if old.get(row.reservation_id) != row]
    return Write(changed, left, left, compare(before, after) if before else ())


def write(
    scopes: ScopeStore,
    snapshot: Snapshot,
    before: Snapshot | None = None,
    status: StoredStatus | None = None,
) -> None:
    """Store a snapshot on top of the one before, as read from the table or from a given status."""
    scopes.write_snapshot(
        status or scopes.status(snapshot.scope),
        snapshot,
        digest_of(snapshot.reservations),
        changes(before, snapshot),
        ATTEMPT,
    )


def a_failure(
    code: str = "RequestLimitExceeded", after: timedelta = HOUR, scope: Scope = OHIO
) -> Failure:
    return Failure(
        scope=scope, failed_at=NOON + after, kind=FailureKind.ERROR, code=code, message="too fast"
    )


def stored(scopes: ScopeStore, scope: Scope = OHIO) -> dict[str, str]:
    """The states of a scope's stored rows."""
    rows = scopes.reservations(scopes.status(scope))
    return {row.reservation_id: row.state for row in rows}


def many(count: int, **facts: object) -> list[Reservation]:
    return [an_odcr(f"cr-{number:04}", **facts) for number in range(count)]


# --- what is written -----------------------------------------------------------------------------


def test_a_snapshots_rows_come_back_as_they_were_observed(scopes: ScopeStore) -> None:
    snapshot = a_snapshot(an_odcr("cr-a", tags={"Team": "ML"}), a_block("cr-b"))
    write(scopes, snapshot)
    observed = tuple(replace(row, observed_at=NOON) for row in snapshot.reservations)
    assert scopes.reservations(scopes.status(OHIO)) == observed


def test_a_scopes_status_tells_of_its_last_snapshot(scopes: ScopeStore) -> None:
    refused = Unanswered("DescribeCapacityBlockStatus", "UnauthorizedOperation")
    snapshot = a_snapshot(an_odcr("cr-a"), an_odcr("cr-b"), unanswered=(refused,))
    write(scopes, snapshot)
    assert scopes.status(OHIO) == StoredStatus(
        OHIO,
        revision=1,
        observed_at=NOON,
        attempted_at=NOON,
        digest=digest_of(snapshot.reservations),
        run_id="run-1",
        reservations=2,
        changed=2,
        events=0,
        seconds=1.234,
        unanswered=("DescribeCapacityBlockStatus: UnauthorizedOperation",),
    )


def test_a_scope_that_was_never_attempted_has_an_empty_status(scopes: ScopeStore) -> None:
    assert scopes.status(OHIO) == StoredStatus(OHIO)
    assert scopes.statuses() == []


def test_scopes_do_not_mix(scopes: ScopeStore) -> None:
    write(scopes, a_snapshot(an_odcr("cr-a")))
    write(scopes, a_snapshot(an_odcr("cr-b", region="eu-west-1"), scope=IRELAND))
    assert stored(scopes).keys() == {"cr-a"}
    assert stored(scopes, IRELAND).keys() == {"cr-b"}
    assert {status.scope for status in scopes.statuses()} == {OHIO, IRELAND}


def test_only_changed_rows_are_written(scopes: ScopeStore, wire: WireTo) -> None:
    first = a_snapshot(*many(10))
    second = a_snapshot(*many(9), an_odcr("cr-0009", state="pending"), at=NOON + HOUR)
    write(scopes, first)
    line = wire("dynamodb")
    write(scopes, second, first)
    (transaction,) = line.parameters("TransactWriteItems")
    puts = [action["Put"]["Item"] for action in transaction["TransactItems"] if "Put" in action]
    assert [item["sk"]["S"] for item in puts if item["pk"]["S"].startswith("SCOPE#")] == ["cr-0009"]


def test_an_unchanged_snapshot_is_one_write_and_no_revision(
    scopes: ScopeStore, wire: WireTo
) -> None:
    first = a_snapshot(*many(10))
    write(scopes, first)
    line = wire("dynamodb")
    status = scopes.status(OHIO)
    scopes.write_snapshot(
        status, a_snapshot(*many(10), at=NOON + HOUR), str(status.digest), Write(), ATTEMPT
    )
    assert line.count("UpdateItem") == 1
    assert line.count("TransactWriteItems", "PutItem", "DeleteItem") == 0
    after = scopes.status(OHIO)
    assert (after.revision, after.observed_at) == (status.revision, NOON + HOUR)


def test_a_change_and_its_event_are_in_one_transaction(scopes: ScopeStore, wire: WireTo) -> None:
    first = a_snapshot(an_odcr("cr-a"))
    second = a_snapshot(an_odcr("cr-a", state="expired"), at=NOON + HOUR)
    write(scopes, first)
    line = wire("dynamodb")
    write(scopes, second, first)
    (transaction,) = line.parameters("TransactWriteItems")
    kinds = [
        next(iter(action.values())).get("Item", {"pk": {"S": "status"}})["pk"]["S"].split("#")[0]
        for action in transaction["TransactItems"]
    ]
    assert kinds == ["SCOPE", "EVENT", "status"]


def test_the_digest_is_the_same_for_the_same_rows_however_they_were_observed() -> None:
    early = an_odcr("cr-a", observed_at=NOON, seen_by=(HOME,))
    late = an_odcr("cr-a", observed_at=NOON + HOUR, seen_by=(HOME, OTHER))
    assert digest_of([early]) == digest_of([late])


@pytest.mark.parametrize(
    "other", [an_odcr("cr-a", state="expired"), an_odcr("cr-a", tags={"a": "b"}), an_odcr("cr-b")]
)
def test_the_digest_differs_where_a_stored_fact_does(other: Reservation) -> None:
    assert digest_of([an_odcr("cr-a")]) != digest_of([other])


# --- reservations that leave ---------------------------------------------------------------------


def test_a_reservation_that_is_gone_leaves_the_scope_and_keeps_its_last_row(
    scopes: ScopeStore,
) -> None:
    first = a_snapshot(an_odcr("cr-a", tags={"Name": "last"}))
    write(scopes, first)
    write(scopes, a_snapshot(at=NOON + HOUR), first)
    gone = scopes.gone("cr-a")
    assert stored(scopes) == {}
    assert gone is not None
    assert (gone["tags"], gone["vanished_at"]) == ({"Name": "last"}, "2026-11-24T13:00:00Z")


def test_a_reservation_that_others_still_list_is_not_gone(scopes: ScopeStore) -> None:
    row = an_odcr("cr-a")
    write(scopes, a_snapshot(row))
    left = Write(left=[row])
    scopes.write_snapshot(scopes.status(OHIO), a_snapshot(at=NOON + HOUR), "", left, ATTEMPT)
    assert (stored(scopes), scopes.gone("cr-a")) == ({}, None)


def test_a_reservation_that_nobody_listed_is_not_gone(scopes: ScopeStore) -> None:
    assert scopes.gone("cr-never") is None


# --- more than one transaction's worth -----------------------------------------------------------


def grown(count: int) -> tuple[Snapshot, Snapshot]:
    """A scope before and after all its reservations changed, with an event for each."""
    return a_snapshot(*many(count)), a_snapshot(*many(count, state="pending"), at=NOON + HOUR)


@pytest.fixture
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for four changes with their events, and for the status."""
    monkeypatch.setattr("lambdas.store.scopes.MAX_ACTIONS", 10)


def test_130_changes_with_their_events_go_in_as_few_transactions_as_dynamodb_takes(
    scopes: ScopeStore, wire: WireTo
) -> None:
    first, second = grown(130)
    write(scopes, first)
    line = wire("dynamodb")
    write(scopes, second, first)
    sizes = [len(call["TransactItems"]) for call in line.parameters("TransactWriteItems")]
    assert sizes == [99, 99, 65]
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


@pytest.mark.parametrize("changed", [True, False])
def test_an_item_that_another_transaction_holds_is_a_conflict(
    scopes: ScopeStore, wire: WireTo, changed: bool
) -> None:
    busy = client_error("TransactionConflictException")
    cancelled = client_error("TransactionCanceledException")
    cancelled.response["CancellationReasons"] = [{"Code": "None"}, {"Code": "TransactionConflict"}]
    line = wire("dynamodb")
    line.fails_before(cancelled, "TransactWriteItems")
    line.fails_before(busy, "UpdateItem")
    with pytest.raises(Conflict):
        write(scopes, a_snapshot(*([an_odcr("cr-a")] if changed else [])))


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
def test_a_fault_of_dynamodb_is_no_conflict(scopes: ScopeStore, wire: WireTo, code: str) -> None:
    wire("dynamodb").fails_before(client_error(code), "TransactWriteItems")
    with pytest.raises(ClientError, match=code):
        write(scopes, a_snapshot(an_odcr("cr-a")))


def test_one_bad_answer_of_dynamodb_is_tried_again(scopes: ScopeStore, wire: WireTo) -> None:
    wire("dynamodb").answers_once("TransactWriteItems", 500)
    write(scopes, a_snapshot(an_odcr("cr-a")))
    assert stored(scopes) == {"cr-a": "active"}


# --- failures ------------------------------------------------------------------------------------


def test_a_failure_is_on_the_scope_and_its_rows_stay(scopes: ScopeStore) -> None:
    write(scopes, a_snapshot(an_odcr("cr-a")))
    assert scopes.write_failure(a_failure(), Attempt("run-2", 3.0))
    status = scopes.status(OHIO)
    assert status.error is not None
    assert (status.error.code, status.error.message, status.error.kind) == (
        "RequestLimitExceeded",
        "too fast",
        "error",
    )
    assert (status.observed_at, status.attempted_at) == (NOON, NOON + HOUR)
    assert (status.run_id, status.revision) == ("run-2", 1)
    assert stored(scopes) == {"cr-a": "active"}


def test_a_scope_fails_since_its_first_failure(scopes: ScopeStore) -> None:
    for hours in (1, 2, 3):
        scopes.write_failure(a_failure(f"Fault{hours}", hours * HOUR), ATTEMPT)
    error = scopes.status(OHIO).error
    assert error is not None
    assert (error.code, error.since) == ("Fault3", NOON + HOUR)


def test_a_success_ends_a_failure_and_the_next_one_begins_anew(scopes: ScopeStore) -> None:
    scopes.write_failure(a_failure(after=HOUR), ATTEMPT)
    write(scopes, a_snapshot(at=NOON + 2 * HOUR))
    assert scopes.status(OHIO).error is None
    scopes.write_failure(a_failure(after=3 * HOUR), ATTEMPT)
    error = scopes.status(OHIO).error
    assert error is not None
    assert error.since == NOON + 3 * HOUR


def test_a_failure_before_the_last_success_changes_nothing(stack: Stack) -> None:
    write(stack.scopes, a_snapshot(an_odcr("cr-a")))
    before = stack.items()
    assert not stack.scopes.write_failure(a_failure(after=-HOUR), ATTEMPT)
    assert stack.items() == before


def test_a_failure_before_the_last_attempt_changes_nothing(stack: Stack) -> None:
    stack.scopes.write_failure(a_failure("Later", 2 * HOUR), ATTEMPT)
    before = stack.items()
    assert not stack.scopes.write_failure(a_failure("Earlier", HOUR), ATTEMPT)
    assert stack.items() == before


def test_a_first_snapshot_can_follow_a_failure(scopes: ScopeStore) -> None:
    scopes.write_failure(a_failure(after=-HOUR), ATTEMPT)
    write(scopes, a_snapshot(an_odcr("cr-a")))
    assert stored(scopes) == {"cr-a": "active"}


def test_a_very_long_error_message_is_cut(scopes: ScopeStore) -> None:
    failure = replace(a_failure(), message="x" * 500_000)
    scopes.write_failure(failure, ATTEMPT)
    error = scopes.status(OHIO).error
    assert error is not None
    assert error.message == "x" * 1000


# --- scopes that no run covers any more ----------------------------------------------------------


def test_a_scope_outside_the_run_leaves_every_answer(scopes: ScopeStore) -> None:
    write(scopes, a_snapshot())
    write(scopes, a_snapshot(scope=IRELAND))
    scopes.retire_others(frozenset({OHIO}), NOON + HOUR)
    assert [status.scope for status in scopes.statuses()] == [OHIO]


@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_collecting_a_retired_scope_brings_it_back(scopes: ScopeStore, outcome: str) -> None:
    first = a_snapshot(an_odcr("cr-a"))
    write(scopes, first)
    scopes.retire_others(frozenset(), NOON + HOUR)
    if outcome == "success":
        write(scopes, a_snapshot(an_odcr("cr-a"), at=NOON + 2 * HOUR), first)
    else:
        scopes.write_failure(a_failure(after=2 * HOUR), ATTEMPT)
    assert [status.scope for status in scopes.statuses()] == [OHIO]
    assert stored(scopes) == {"cr-a": "active"}


@pytest.mark.parametrize("age", [timedelta(0), HOUR])
def test_a_repeated_old_run_does_not_retire_what_a_later_run_covers(
    scopes: ScopeStore, age: timedelta
) -> None:
    write(scopes, a_snapshot(scope=IRELAND))
    scopes.retire_others(frozenset({OHIO}), NOON - age)
    assert [status.scope for status in scopes.statuses()] == [IRELAND]


# --- events --------------------------------------------------------------------------------------


def test_an_event_is_kept_for_its_retention_under_its_day(stack: Stack) -> None:
    scopes = replace(stack.scopes, retention_days=30)
    first = a_snapshot(an_odcr("cr-a"))
    write(scopes, first)
    write(scopes, a_snapshot(an_odcr("cr-a", state="expired"), at=NOON + HOUR), first)
    (item,) = stack.event_items()
    assert item["pk"]["S"] == "EVENT#2026-11-24"
    assert item["sk"]["S"].startswith("2026-11-24T13:00:00.000000Z#")
    assert int(item["expires_at"]["N"]) == int((NOON + HOUR + 30 * DAY).timestamp())


def tell(stack: Stack, *hours: int) -> EventStore:
    """One event of ``cr-a`` at each of these hours after noon."""
    states = ["pending", "active"]
    before = a_snapshot(an_odcr("cr-a"), at=NOON - 30 * DAY)
    write(stack.scopes, before)
    for number, hour in enumerate(hours):
        row = an_odcr("cr-a", state=states[number % 2])
        after = a_snapshot(row, at=NOON + hour * HOUR)
        write(stack.scopes, after, before)
        before = after
    return EventStore(stack.scopes.client, stack.table)


def test_events_between_two_moments_include_the_first_and_exclude_the_second(stack: Stack) -> None:
    events = tell(stack, -1, 0, 1, 2)
    found = [message["observed_at"] for _, message in events.between(NOON, NOON + 2 * HOUR)]
    assert found == ["2026-11-24T13:00:00Z", "2026-11-24T12:00:00Z"]


def test_events_of_several_days_come_newest_first(stack: Stack) -> None:
    events = tell(stack, -50, -20, 5, 13)
    found = [message["observed_at"] for _, message in events.between(NOON - 3 * DAY, NOON + DAY)]
    assert found == sorted(found, reverse=True)
    assert len(found) == 4


@pytest.mark.parametrize("length", [timedelta(0), -HOUR, -DAY])
def test_there_are_no_events_in_no_time(stack: Stack, length: timedelta) -> None:
    assert tell(stack, 0).between(NOON, NOON + length) == []


def test_a_reservations_events_are_found_by_its_id_newest_first(stack: Stack) -> None:
    events = tell(stack, -20, 0, 5)
    found = [message["reason"] for message in events.of_reservation("cr-a")]
    assert found == ["active → pending", "pending → active", "active → pending"]
    assert events.of_reservation("cr-b") == []
