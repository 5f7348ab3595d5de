"""Scopes in the table: rows, statuses, failures, and scopes that leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.store.scopes import Attempt, ScopeStore, StoredStatus, Write, digest_of
from tests.builders import HOME, HOUR, NOON, OHIO, OTHER, a_block, a_snapshot, an_odcr
from tests.lambdas.aws import Stack, retire_others
from tests.lambdas.fakes import Wire
from tests.lambdas.store.builders import ATTEMPT, many, stored, write
from truffle.core.model import Failure, FailureKind, Reservation, Scope, Unanswered

IRELAND = Scope(HOME, "eu-west-1")


WireTo = Callable[[str], Wire]


def a_failure(
    code: str = "RequestLimitExceeded", after: timedelta = HOUR, scope: Scope = OHIO
) -> Failure:
    return Failure(
        scope=scope, failed_at=NOON + after, kind=FailureKind.ERROR, code=code, message="too fast"
    )


# --- what is written -----------------------------------------------------------------------------


def test_a_snapshots_rows_come_back_as_they_were_observed(scopes: ScopeStore) -> None:
    snapshot = a_snapshot(an_odcr("cr-a", tags={"Team": "ML"}), a_block("cr-b"))
    write(scopes, snapshot)
    observed = tuple(replace(row, observed_at=NOON) for row in snapshot.reservations)
    assert scopes.reservations(scopes.status(OHIO)) == observed


def test_a_scopes_status_describes_its_last_snapshot(scopes: ScopeStore) -> None:
    refused = Unanswered("DescribeCapacityBlockStatus", "UnauthorizedOperation")
    snapshot = a_snapshot(an_odcr("cr-a"), an_odcr("cr-b"), unanswered=(refused,))
    write(scopes, snapshot)
    assert scopes.status(OHIO) == StoredStatus(
        scope=OHIO,
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
    assert scopes.status(OHIO) == StoredStatus(scope=OHIO)
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
    assert line.count("TransactWriteItems") == 1
    assert line.count("UpdateItem", "PutItem", "DeleteItem") == 0
    after = scopes.status(OHIO)
    assert (after.revision, after.observed_at) == (status.revision, NOON + HOUR)


def test_a_change_and_its_event_are_in_one_transaction(scopes: ScopeStore, wire: WireTo) -> None:
    first = a_snapshot(an_odcr("cr-a"))
    second = a_snapshot(an_odcr("cr-a", state="expired"), at=NOON + HOUR)
    write(scopes, first)
    line = wire("dynamodb")
    write(scopes, second, first)
    (transaction,) = line.parameters("TransactWriteItems")
    actions = [next(iter(action.values())) for action in transaction["TransactItems"]]
    places = [action.get("Item") or action["Key"] for action in actions]
    kinds = [place["pk"]["S"].split("#")[0] for place in places]
    assert kinds == ["SCOPE", "EVENT", "UNIT", "UNITS", "SCOPES"]


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


def test_a_reservation_that_was_never_listed_is_not_gone(scopes: ScopeStore) -> None:
    assert scopes.gone("cr-never") is None


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
    retire_others(scopes, "eu-west-1/0", (), NOON + HOUR)
    assert [status.scope for status in scopes.statuses()] == [OHIO]


@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_collecting_a_retired_scope_brings_it_back(scopes: ScopeStore, outcome: str) -> None:
    first = a_snapshot(an_odcr("cr-a"))
    write(scopes, first)
    retire_others(scopes, "us-east-2/0", (), NOON + HOUR)
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
    retire_others(scopes, "eu-west-1/0", (), NOON - age)
    assert [status.scope for status in scopes.statuses()] == [IRELAND]
