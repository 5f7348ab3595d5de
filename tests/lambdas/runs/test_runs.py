"""Runs: opened once, attempted unit by unit, and closed with their documents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lambdas.collecting.finish_run import Closer
from lambdas.store.runs import RunChanged, RunStore
from tests.builders import DAY, HOME, HOUR, NOON, OTHER, a_block, an_odcr
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Clock
from tests.lambdas.runs.builders import REGIONS, answer_all, fail, open_run, succeed
from truffle.core.runs import Finish, Unit


def test_a_run_comes_back_as_it_was_opened(runs: RunStore) -> None:
    run = open_run(accounts=(HOME, OTHER))
    assert runs.open(run) == run
    assert runs.get("run-1") == run


def test_opening_a_run_again_gives_the_run_that_was_opened_first(runs: RunStore) -> None:
    first = open_run()
    runs.open(first)
    runs.record_attempt("run-1", "us-east-2/0")
    again = runs.open(open_run(started_at=NOON + HOUR, regions=("us-west-2",)))
    assert again == replace(first, pending=frozenset({"eu-west-1/0"}))


def test_a_run_that_was_never_opened_is_unknown(runs: RunStore) -> None:
    assert runs.get("never") is None
    assert runs.record_attempt("never", "us-east-2/0") is None
    assert runs.latest(10) == []


def test_a_run_has_all_attempts_with_its_last_unit(runs: RunStore) -> None:
    runs.open(open_run())
    answered = [runs.record_attempt("run-1", f"{region}/0") for region in REGIONS]
    assert [run and run.has_all_attempts for run in answered] == [False, True]


def test_a_unit_that_answers_again_changes_nothing(runs: RunStore) -> None:
    runs.open(open_run())
    first = runs.record_attempt("run-1", "us-east-2/0")
    assert runs.record_attempt("run-1", "us-east-2/0") == first


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


def test_a_run_without_a_success_is_not_a_completed_run_until_it_has_one(runs: RunStore) -> None:
    run = runs.open(open_run())
    completed = [
        runs.finish(replace(run, succeeded=succeeded), NOON + HOUR) for succeeded in (0, 0, 1, 2)
    ]
    assert completed == [False, False, True, False]


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
    assert not closer.record_attempt(Unit("run-1", "us-east-2", (HOME,)))
    assert stack.keys() == []


def test_a_unit_of_an_unknown_run_closes_nothing(stack: Stack, closer: Closer) -> None:
    assert not closer.record_attempt(Unit("never", "us-east-2", (HOME,)))
    assert stack.keys() == []


def test_the_manifest_has_every_scope_with_its_counts_failure_and_time(
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


# --- runs that lost a message --------------------------------------------------------------------


def test_a_run_that_lost_a_unit_is_closed_and_its_manifest_names_the_scope(
    stack: Stack, closer: Closer, clock: Clock
) -> None:
    closer.runs.open(open_run())
    succeed(stack)
    closer.record_attempt(Unit("run-1", "us-east-2", (HOME,)))
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


def test_an_unknown_run_cannot_be_finished(closer: Closer) -> None:
    assert not closer.finish(Finish("never"))


# --- closed once, and again only where something changed -----------------------------------------


def test_a_retry_that_found_nothing_new_does_not_close_its_run_again(
    closer: Closer, wire: Callable[[str], Any]
) -> None:
    closer.runs.open(open_run())
    answer_all(closer)
    line = wire("s3")
    assert not closer.record_attempt(Unit("run-1", "us-east-2", (HOME,)), has_changes=False)
    assert line.calls == []


def test_what_an_attempt_observed_that_died_before_it_said_so_closes_its_run_again(
    closer: Closer, clock: Clock, wire: Callable[[str], Any]
) -> None:
    closer.runs.open(open_run())
    answer_all(closer)
    line, unit = wire("s3"), Unit("run-1", "us-east-2", (HOME,))
    closer.record_attempt(unit, has_changes=False, observed_at=clock())
    assert line.count("PutObject") == 0
    closer.record_attempt(unit, has_changes=False, observed_at=clock() + HOUR)
    assert [call["Key"] for call in line.parameters("PutObject")] == [
        "runs/dt=2026-11-24/run-1.json"
    ]


def test_of_two_units_that_answer_last_only_one_closes_the_run(
    closer: Closer, wire: Callable[[str], Any]
) -> None:
    closer.runs.open(open_run())
    closer.runs.record_attempt("run-1", "eu-west-1")
    assert closer.runs.record_attempt("run-1", "us-east-2/0") is not None
    assert closer.runs.claim("run-1", "us-east-2/0") is not None
    line = wire("s3")
    assert not closer.record_attempt(Unit("run-1", "eu-west-1", (HOME,)))
    assert line.calls == []


def test_a_unit_that_was_killed_as_it_closed_its_run_closes_it_when_it_comes_back(
    closer: Closer,
) -> None:
    closer.runs.open(open_run(regions=("us-east-2",), pending=frozenset({"us-east-2"})))
    closer.runs.record_attempt("run-1", "us-east-2/0")
    closer.runs.claim("run-1", "us-east-2/0")
    closer.record_attempt(Unit("run-1", "us-east-2", (HOME,)), has_changes=False)
    run = closer.runs.get("run-1")
    assert run is not None
    assert run.finished_at is not None


def test_a_find_during_the_close_of_its_run_is_in_the_manifest(
    stack: Stack, closer: Closer
) -> None:
    closer.runs.open(open_run())
    answer_all(closer)
    run = closer.runs.record_attempt("run-1", "us-east-2/0")
    assert run is not None
    closer.runs.record_attempt("run-1", "us-east-2", has_changes=True)
    succeed(stack, an_odcr("cr-a"))
    closer.close(run)
    assert stack.document("runs/dt=2026-11-24/run-1.json")["counts"]["reservations"] == 1
    with pytest.raises(RunChanged):
        closer.runs.finish(replace(run, succeeded=1), NOON)
