"""Runs: opened once, answered unit by unit, and closed with their papers."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.clients import service
from lambdas.collecting.finish_run import Closer
from lambdas.store.archive import Archive, Rows, region_key
from lambdas.store.runs import Changed, RunStore
from lambdas.store.scopes import Attempt, Write, digest_of
from tests.builders import DAY, HOME, HOUR, NOON, OHIO, OTHER, a_block, a_run, a_snapshot, an_odcr
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Clock, client_error
from truffle.core.codec import decode
from truffle.core.model import Failure, FailureKind, Reservation, Scope
from truffle.core.runs import Finish, Run, Unit
from truffle.core.times import format_time

REGIONS = ("eu-west-1", "us-east-2")
IRELAND = Scope(HOME, "eu-west-1")


@pytest.fixture
def runs(stack: Stack) -> RunStore:
    return RunStore(service("dynamodb"), stack.table)


@pytest.fixture
def closer(stack: Stack, runs: RunStore, clock: Clock) -> Closer:
    return Closer(stack.scopes, runs, Archive(service("s3"), stack.bucket), clock)


def open_run(**facts: Any) -> Run:
    """A run over two regions that nobody has answered for."""
    return a_run(**{"run_id": "run-1", "regions": REGIONS, "pending": REGIONS, **facts})


def succeed(stack: Stack, *rows: Reservation, scope: Scope = OHIO, run_id: str = "run-1") -> None:
    """A scope's first snapshot, a minute after noon."""
    snapshot = a_snapshot(*rows, at=NOON + timedelta(minutes=1), scope=scope)
    attempt = Attempt(run_id, 2.5)
    digest = digest_of(rows)
    stack.scopes.write_snapshot(stack.scopes.status(scope), snapshot, digest, Write(rows), attempt)


def fail(
    stack: Stack, code: str = "RequestLimitExceeded", scope: Scope = IRELAND, minutes: int = 1
) -> None:
    moment = NOON + timedelta(minutes=minutes)
    failure = Failure(
        scope=scope, failed_at=moment, kind=FailureKind.ERROR, code=code, message="too fast"
    )
    assert stack.scopes.write_failure(failure, Attempt("run-1", 0.5))


# --- in the table --------------------------------------------------------------------------------


def test_a_run_comes_back_as_it_was_opened(runs: RunStore) -> None:
    run = open_run(accounts=(HOME, OTHER))
    assert runs.open(run) == run
    assert runs.get("run-1") == run


def test_opening_a_run_again_gives_the_run_that_was_opened_first(runs: RunStore) -> None:
    first = open_run()
    runs.open(first)
    runs.answer("run-1", "us-east-2/0")
    again = runs.open(open_run(started_at=NOON + HOUR, regions=("us-west-2",)))
    assert again == replace(first, pending=frozenset({"eu-west-1/0"}))


def test_a_run_that_was_never_opened_is_unknown(runs: RunStore) -> None:
    assert runs.get("never") is None
    assert runs.answer("never", "us-east-2/0") is None
    assert runs.latest(10) == []


def test_a_run_is_answered_with_its_last_unit(runs: RunStore) -> None:
    runs.open(open_run())
    answered = [runs.answer("run-1", f"{region}/0") for region in REGIONS]
    assert [run and run.is_answered for run in answered] == [False, True]


def test_a_unit_that_answers_again_changes_nothing(runs: RunStore) -> None:
    runs.open(open_run())
    first = runs.answer("run-1", "us-east-2/0")
    assert runs.answer("run-1", "us-east-2/0") == first


def test_the_latest_runs_come_newest_first(runs: RunStore) -> None:
    for name in ("run-2", "run-3", "run-1"):
        runs.open(open_run(run_id=name))
    assert [run.run_id for run in runs.latest(2)] == ["run-3", "run-2"]


def test_a_run_is_forgotten_after_90_days(stack: Stack, runs: RunStore) -> None:
    runs.open(open_run())
    expected = int((NOON + 90 * DAY).timestamp())
    assert [int(item["expires_at"]["N"]) for item in stack.items()] == [expected, expected]


def test_only_the_first_end_of_a_run_counts(runs: RunStore) -> None:
    run = runs.open(open_run())
    assert runs.finish(replace(run, succeeded=2, failed=1), NOON + HOUR)
    assert not runs.finish(replace(run, succeeded=3, closed=1), NOON + 2 * HOUR)
    stored = runs.get("run-1")
    assert stored is not None
    assert stored.finished_at == NOON + HOUR
    assert (stored.succeeded, stored.failed, stored.closed) == (3, 0, 1)


def test_a_run_without_a_success_is_no_completed_run_until_it_has_one(runs: RunStore) -> None:
    run = runs.open(open_run())
    completed = [
        runs.finish(replace(run, succeeded=succeeded), NOON + HOUR) for succeeded in (0, 0, 1, 2)
    ]
    assert completed == [False, False, True, False]


# --- its papers ----------------------------------------------------------------------------------


def answer_all(closer: Closer) -> list[bool]:
    return [closer.answer(Unit("run-1", region, (HOME,))) for region in REGIONS]


def test_a_run_is_closed_when_every_unit_had_an_attempt(
    stack: Stack, closer: Closer, clock: Clock
) -> None:
    closer.runs.open(open_run())
    succeed(stack, an_odcr("cr-a"))
    fail(stack)
    clock.advance(timedelta(minutes=3))
    assert answer_all(closer) == [False, True]
    run = closer.runs.get("run-1")
    assert run is not None
    assert (run.finished_at, run.succeeded, run.failed) == (clock(), 1, 1)


def test_nothing_is_written_while_units_are_pending(stack: Stack, closer: Closer) -> None:
    closer.runs.open(open_run())
    succeed(stack)
    assert not closer.answer(Unit("run-1", "us-east-2", (HOME,)))
    assert stack.keys() == []


def test_a_unit_of_an_unknown_run_closes_nothing(stack: Stack, closer: Closer) -> None:
    assert not closer.answer(Unit("never", "us-east-2", (HOME,)))
    assert stack.keys() == []


def test_the_manifest_tells_of_every_scope_its_counts_its_failure_and_its_time(
    stack: Stack, closer: Closer, clock: Clock
) -> None:
    closer.runs.open(open_run())
    succeed(stack, an_odcr("cr-a"), a_block("cr-b"))
    fail(stack)
    clock.advance(timedelta(minutes=3))
    answer_all(closer)
    manifest = stack.document("runs/dt=2026-11-24/run-1.json")
    assert {name: manifest[name] for name in ("run_id", "started_at", "seconds")} == {
        "run_id": "run-1",
        "started_at": "2026-11-24T12:00:00Z",
        "seconds": 180.0,
    }
    assert manifest["counts"] == {
        "scopes": 2,
        "succeeded": 1,
        "failed": 1,
        "closed": 0,
        "reservations": 2,
        "changed": 2,
        "events": 0,
    }
    assert manifest["failures"] == [
        {
            "account_id": HOME,
            "region": "eu-west-1",
            "code": "RequestLimitExceeded",
            "message": "too fast",
        }
    ]
    outcomes = [(each["region"], each["outcome"], each["seconds"]) for each in manifest["scopes"]]
    assert outcomes == [("eu-west-1", "failed", 0.5), ("us-east-2", "succeeded", 2.5)]


def test_the_latest_inventory_has_one_array_for_each_type_in_the_default_order(
    stack: Stack, closer: Closer
) -> None:
    full = an_odcr("cr-a", available_capacity=0)
    free = an_odcr("cr-b", available_capacity=7)
    late = a_block("cr-c", start_date=NOON + 9 * DAY)
    early = a_block("cr-d", start_date=NOON + 2 * DAY)
    closer.runs.open(open_run())
    succeed(stack, full, free, late, early)
    answer_all(closer)
    odcrs = stack.document("latest/odcrs.json")
    blocks = stack.document("latest/capacity-blocks.json")
    assert [row["reservation_id"] for row in odcrs] == ["cr-b", "cr-a"]
    assert [row["reservation_id"] for row in blocks] == ["cr-d", "cr-c"]
    assert decode(odcrs[0]) == replace(free, observed_at=NOON + timedelta(minutes=1))


def test_the_latest_inventory_is_empty_arrays_where_there_is_nothing(
    stack: Stack, closer: Closer
) -> None:
    closer.runs.open(open_run())
    answer_all(closer)
    assert stack.document("latest/odcrs.json") == []
    assert stack.document("latest/capacity-blocks.json") == []


def test_a_failed_scopes_reservations_stay_in_the_latest_inventory_as_last_seen(
    stack: Stack, closer: Closer
) -> None:
    closer.runs.open(open_run())
    succeed(stack, an_odcr("cr-a", region="eu-west-1"), scope=IRELAND)
    fail(stack, minutes=30)
    answer_all(closer)
    (row,) = stack.document("latest/odcrs.json")
    assert (row["reservation_id"], row["observed_at"]) == ("cr-a", "2026-11-24T12:01:00Z")


def test_the_latest_inventory_is_made_of_the_regions_rows_in_the_bucket(
    stack: Stack, closer: Closer
) -> None:
    row, at = an_odcr("cr-a"), NOON + timedelta(minutes=1)
    closer.runs.open(open_run())
    succeed(stack, row)
    known = replace(row, tags={"from": "bucket"})
    closer.archive.write_region("us-east-2", {OHIO: Rows(1, [known])})
    answer_all(closer)
    (latest,) = stack.document("latest/odcrs.json")
    assert (latest["tags"], latest["observed_at"]) == ({"from": "bucket"}, format_time(at))


@pytest.mark.parametrize("held", [{}, {OHIO: Rows(7, [an_odcr("cr-z")])}], ids=["none", "other"])
def test_a_scope_that_changed_since_the_last_close_is_read_from_the_table(
    stack: Stack, closer: Closer, held: dict[Scope, Rows]
) -> None:
    closer.runs.open(open_run())
    succeed(stack, an_odcr("cr-a"))
    closer.archive.write_region("us-east-2", held)
    answer_all(closer)
    (latest,) = stack.document("latest/odcrs.json")
    assert latest["reservation_id"] == "cr-a"
    (rows,) = closer.archive.read_region("us-east-2").values()
    assert (rows.revision, [row.reservation_id for row in rows.rows]) == (1, ["cr-a"])


def test_a_close_in_which_nothing_changed_reads_no_row_and_writes_no_region(
    stack: Stack, closer: Closer, wire: Callable[[str], Any]
) -> None:
    for number in (1, 2):
        closer.runs.open(open_run(run_id=f"run-{number}"))
    succeed(stack, an_odcr("cr-a"))
    for region in REGIONS:
        closer.answer(Unit("run-1", region, (HOME,)))
    table, bucket = wire("dynamodb"), wire("s3")
    for region in REGIONS:
        closer.answer(Unit("run-2", region, (HOME,)))
    read = [call["ExpressionAttributeValues"][":pk"]["S"] for call in table.parameters("Query")]
    assert not [place for place in read if place.startswith("SCOPE#")]
    written = [call["Key"] for call in bucket.parameters("PutObject")]
    assert written == [
        "latest/odcrs.json",
        "latest/capacity-blocks.json",
        "runs/dt=2026-11-24/run-2.json",
    ]


def test_a_reservation_that_two_scopes_list_is_one_row_of_the_latest_inventory(
    stack: Stack, closer: Closer
) -> None:
    closer.runs.open(open_run(accounts=(HOME, OTHER)))
    succeed(stack, an_odcr("cr-a"))
    shared = an_odcr("cr-a", account_id=OTHER, owner_id=HOME)
    succeed(stack, shared, scope=Scope(OTHER, "us-east-2"))
    answer_all(closer)
    (row,) = stack.document("latest/odcrs.json")
    assert (row["account_id"], row["seen_by"]) == (HOME, [HOME, OTHER])


def test_a_unit_that_succeeds_after_the_end_brings_the_papers_up_to_date(
    stack: Stack, closer: Closer
) -> None:
    closer.runs.open(open_run())
    fail(stack, scope=OHIO, minutes=0)
    answer_all(closer)
    succeed(stack, an_odcr("cr-a"))
    closer.answer(Unit("run-1", "us-east-2", (HOME,)))
    manifest = stack.document("runs/dt=2026-11-24/run-1.json")
    assert (manifest["counts"]["succeeded"], manifest["counts"]["reservations"]) == (1, 1)
    assert len(stack.document("latest/odcrs.json")) == 1


# --- runs that lost a message --------------------------------------------------------------------


def test_a_run_that_lost_a_unit_is_closed_and_its_manifest_names_the_scope(
    stack: Stack, closer: Closer, clock: Clock
) -> None:
    closer.runs.open(open_run())
    succeed(stack)
    closer.answer(Unit("run-1", "us-east-2", (HOME,)))
    assert closer.finish(Finish("run-1"))
    (failure,) = stack.document("runs/dt=2026-11-24/run-1.json")["failures"]
    assert (failure["region"], failure["code"]) == ("eu-west-1", "NotCollected")


@pytest.mark.parametrize("period", [timedelta(minutes=5), HOUR, DAY])
def test_a_run_that_is_open_when_the_next_one_starts_is_lost(
    runs: RunStore, period: timedelta
) -> None:
    runs.open(open_run())
    assert runs.lost(NOON + period / 3, period) == []
    assert [run.run_id for run in runs.lost(NOON + period, period)] == ["run-1"]


@pytest.mark.parametrize("name", ["mine", "zzz", "0-first", "2-mine", "99"])
def test_runs_that_people_named_keep_no_other_from_being_seen(runs: RunStore, name: str) -> None:
    for number in range(6):
        runs.open(open_run(run_id=f"{name}{number}", started_at=NOON - number * timedelta(1)))
    runs.open(open_run(run_id="20261125T110000Z-scheduled", started_at=NOON + 23 * HOUR))
    assert [run.run_id for run in runs.latest(2)] == ["20261125T110000Z-scheduled", f"{name}0"]
    lost = {run.run_id for run in runs.lost(NOON + 24 * HOUR, HOUR)}
    assert "20261125T110000Z-scheduled" in lost


def test_a_finished_run_is_not_closed_again(
    closer: Closer, clock: Clock, wire: Callable[[str], Any]
) -> None:
    closer.runs.open(open_run())
    answer_all(closer)
    line = wire("s3")
    assert closer.runs.lost(NOON + HOUR, HOUR) == []
    assert not closer.finish(Finish("run-1"))
    assert line.calls == []


def test_a_run_that_nobody_knows_cannot_be_finished(closer: Closer) -> None:
    assert not closer.finish(Finish("never"))


# --- closed once, and again only where something changed -----------------------------------------


def test_a_retry_that_found_nothing_new_does_not_close_its_run_again(
    closer: Closer, wire: Callable[[str], Any]
) -> None:
    closer.runs.open(open_run())
    answer_all(closer)
    line = wire("s3")
    assert not closer.answer(Unit("run-1", "us-east-2", (HOME,)), is_news=False)
    assert line.calls == []


def test_what_an_attempt_observed_that_died_before_it_said_so_closes_its_run_again(
    closer: Closer, clock: Clock, wire: Callable[[str], Any]
) -> None:
    closer.runs.open(open_run())
    answer_all(closer)
    line, unit = wire("s3"), Unit("run-1", "us-east-2", (HOME,))
    closer.answer(unit, is_news=False, observed_at=clock())
    assert line.count("PutObject") == 0
    closer.answer(unit, is_news=False, observed_at=clock() + HOUR)
    assert line.count("PutObject") == 3


def test_of_two_units_that_answer_last_only_one_closes_the_run(
    closer: Closer, wire: Callable[[str], Any]
) -> None:
    closer.runs.open(open_run())
    closer.runs.answer("run-1", "eu-west-1")
    assert closer.runs.answer("run-1", "us-east-2/0") is not None
    assert closer.runs.claim("run-1", "us-east-2/0") is not None
    line = wire("s3")
    assert not closer.answer(Unit("run-1", "eu-west-1", (HOME,)))
    assert line.calls == []


def test_a_unit_that_was_killed_as_it_closed_its_run_closes_it_when_it_comes_back(
    closer: Closer,
) -> None:
    closer.runs.open(open_run(regions=("us-east-2",), pending=frozenset({"us-east-2"})))
    closer.runs.answer("run-1", "us-east-2/0")
    closer.runs.claim("run-1", "us-east-2/0")
    closer.answer(Unit("run-1", "us-east-2", (HOME,)), is_news=False)
    run = closer.runs.get("run-1")
    assert run is not None
    assert run.finished_at is not None


def test_what_a_unit_finds_while_its_run_is_being_closed_is_in_the_papers(
    stack: Stack, closer: Closer
) -> None:
    closer.runs.open(open_run())
    answer_all(closer)
    run = closer.runs.answer("run-1", "us-east-2/0")
    assert run is not None
    closer.runs.answer("run-1", "us-east-2", is_news=True)
    succeed(stack, an_odcr("cr-a"))
    closer.close(run)
    assert stack.document("runs/dt=2026-11-24/run-1.json")["counts"]["reservations"] == 1
    with pytest.raises(Changed):
        closer.runs.finish(replace(run, succeeded=1), NOON)


# --- what the bucket does not give or take -------------------------------------------------------


DAMAGES = {
    "no gzip": b"{}",
    "cut off": gzip.compress(b"{}" * 100)[:-9],
    "no JSON": gzip.compress(b"{"),
    "no reservation": gzip.compress(b'{"type": "car"}'),
    "no object": gzip.compress(b"[1]"),
    "empty": b"",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_region_is_read_from_the_table_and_named(
    stack: Stack, closer: Closer, damage: str
) -> None:
    closer.runs.open(open_run())
    succeed(stack, an_odcr("cr-a"))
    key = region_key("us-east-2")
    service("s3").put_object(Bucket=stack.bucket, Key=key, Body=DAMAGES[damage])
    answer_all(closer)
    (latest,) = stack.document("latest/odcrs.json")
    (warning,) = stack.document("runs/dt=2026-11-24/run-1.json")["warnings"]
    assert latest["reservation_id"] == "cr-a"
    assert key in warning


def test_a_region_that_the_bucket_refuses_is_read_from_the_table_and_named(
    stack: Stack, closer: Closer, wire: Callable[[str], Any]
) -> None:
    closer.runs.open(open_run())
    succeed(stack, an_odcr("cr-a"))
    wire("s3").fails_before(client_error("AccessDenied", "GetObject"), "GetObject")
    answer_all(closer)
    (warning,) = stack.document("runs/dt=2026-11-24/run-1.json")["warnings"]
    assert "AccessDenied" in warning


def test_a_run_of_which_the_inventory_is_refused_has_its_manifest_and_stays_open(
    stack: Stack, closer: Closer, wire: Callable[[str], Any]
) -> None:
    closer.runs.open(open_run(regions=("us-east-2",), pending=frozenset({"us-east-2"})))
    wire("s3").fails_before(client_error("AccessDenied", "PutObject"), "PutObject")
    unit = Unit("run-1", "us-east-2", (HOME,))
    with pytest.raises(ClientError):
        closer.answer(unit)
    (warning,) = stack.document("runs/dt=2026-11-24/run-1.json")["warnings"]
    assert warning.startswith("latest/ was not written")
    closer.answer(unit)
    run = closer.runs.get("run-1")
    assert run is not None
    assert run.finished_at is not None
