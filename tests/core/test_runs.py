"""A run: its units of work, and the manifest that tells how it went."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import HOME, HOUR, NOON, OTHER, a_run, a_status
from truffle.core.calls import Calls
from truffle.core.expected import expected_denials
from truffle.core.model import FailureKind, Scope
from truffle.core.runs import (
    SCHEDULED,
    Unit,
    manifest,
    new_run,
    run_id_of,
    run_to_json,
    scheduled_at,
    to_retire,
)
from truffle.core.status import ScopeError

EAST, OHIO = Scope(HOME, "us-east-1"), Scope(HOME, "us-east-2")
THIRD = "333344445555"
END = NOON + timedelta(seconds=7.5)
THROTTLED = ScopeError("RequestLimitExceeded", "Too fast.", FailureKind.ERROR, NOON)


def test_a_unit_is_one_region_of_a_group_of_accounts() -> None:
    coverage = {HOME: ["us-east-1", "us-east-2"], OTHER: ["us-east-2"], THIRD: ["us-east-2"]}

    run = new_run("run-1", NOON, coverage, {HOME: 0, OTHER: 0, THIRD: 1})

    assert set(run.units) == {
        Unit("run-1", "us-east-1", (HOME,), 0, NOON),
        Unit("run-1", "us-east-2", (HOME, OTHER), 0, NOON),
        Unit("run-1", "us-east-2", (THIRD,), 1, NOON),
    }
    assert run.pending == {"us-east-1/0", "us-east-2/0", "us-east-2/1"}
    assert run.scope_count == 4


def test_the_units_cover_each_scope_of_the_run_once() -> None:
    run = a_run(regions=("us-east-1", "us-east-2"), accounts=(HOME, OTHER))

    covered = [scope for unit in run.units for scope in unit.scopes]

    assert sorted(covered) == sorted(run.scopes)
    assert len(set(covered)) == 4


def test_units_that_a_run_no_longer_covers_are_to_be_retired() -> None:
    run = a_run(regions=("us-east-1",))

    assert to_retire(run, ["us-east-1/0", "us-east-1/1", "us-west-2/0"]) == [
        Unit(None, "us-east-1", (), 1, NOON),
        Unit(None, "us-west-2", (), 0, NOON),
    ]


def test_a_run_that_may_not_cover_everything_retires_nothing() -> None:
    run = new_run("run-1", NOON, {HOME: ["us-east-1"]}, {HOME: 0}, is_complete=False)

    assert to_retire(run, ["us-west-2/0"]) == []
    assert [unit.opened_at for unit in run.units] == [None]


def test_run_ids_sort_by_their_start() -> None:
    assert run_id_of(NOON, "1a2b3c4d") == "20261124T120000Z-1a2b3c4d"
    assert run_id_of(NOON, "ffffffff") < run_id_of(NOON + HOUR, "00000000")


def test_a_run_has_all_attempts_when_no_region_is_pending() -> None:
    assert a_run(pending=frozenset()).has_all_attempts
    assert not a_run(pending=frozenset({"us-east-1"})).has_all_attempts


def test_a_run_under_way_reads_without_an_end() -> None:
    run = a_run(pending=frozenset({"us-east-2", "us-east-1"}))

    assert run_to_json(run) == {
        "run_id": run.run_id,
        "started_at": "2026-11-24T12:00:00Z",
        "finished_at": None,
        "seconds": None,
        "scopes": 2,
        "succeeded": 0,
        "failed": 0,
        "closed": 0,
        "pending_regions": ["us-east-1", "us-east-2"],
    }


def test_a_finished_run_has_its_duration() -> None:
    answer = run_to_json(a_run(finished_at=END, succeeded=1, failed=1))

    assert (answer["finished_at"], answer["seconds"]) == ("2026-11-24T12:00:07.5Z", 7.5)
    assert (answer["succeeded"], answer["failed"]) == (1, 1)


@pytest.mark.parametrize(
    ("run_id", "start"),
    [
        ("20261124T110000Z-scheduled", datetime(2026, 11, 24, 11, tzinfo=UTC)),
        ("20261124T110000Z-1a2b3c4d", None),
        ("20261124T110000Z-scheduled-2", None),
        ("mine-scheduled", None),
        ("2026112T1110000Z-scheduled", None),
        ("", None),
    ],
)
def test_the_start_of_a_scheduled_run_is_in_its_id(run_id: str, start: datetime | None) -> None:
    assert scheduled_at(run_id) == start
    assert start is None or run_id_of(start, SCHEDULED) == run_id


def test_a_manifest_names_scopes_counts_failures_and_timings() -> None:
    # Given a run of which one scope succeeded and one failed
    run = a_run(calls=Calls({"ec2": 2, "sagemaker": 3, "rds": 4, "dynamodb": 9, "s3": 4}, 7, 8))
    well = a_status(
        EAST, run_id=run.run_id, reservations=5, changed=2, events=1, seconds=0.8, unanswered=("x",)
    )
    ill = a_status(
        OHIO,
        run_id=run.run_id,
        observed_at=NOON - HOUR,
        attempted_at=NOON,
        error=THROTTLED,
        reservations=3,
        changed=9,
        events=9,
    )

    # When it ends
    found = manifest(run, {EAST: well, OHIO: ill}, END)

    # Then the failed scope still has its rows, as last seen, and no changes
    assert found == {
        "schema_version": 1,
        "run_id": run.run_id,
        "started_at": "2026-11-24T12:00:00Z",
        "finished_at": "2026-11-24T12:00:07.5Z",
        "seconds": 7.5,
        "latest_written_at": None,
        "counts": {
            "scopes": 2,
            "succeeded": 1,
            "failed": 1,
            "closed": 0,
            "reservations": 8,
            "changed": 2,
            "events": 1,
        },
        "discovery": None,
        "calls": {
            "ec2": 2,
            "sts": 0,
            "dynamodb": 9,
            "s3": 4,
            "sqs": 0,
            "sagemaker": 3,
            "rds": 4,
        },
        "dynamodb_items": {"read": 7, "written": 8},
        "scopes": [
            {
                "account_id": HOME,
                "region": "us-east-1",
                "outcome": "succeeded",
                "error": None,
                "observed_at": "2026-11-24T12:00:00Z",
                "seconds": 0.8,
                "reservations": 5,
                "changed": 2,
                "events": 1,
                "unanswered": ["x"],
            },
            {
                "account_id": HOME,
                "region": "us-east-2",
                "outcome": "failed",
                "error": {"code": "RequestLimitExceeded", "message": "Too fast."},
                "observed_at": "2026-11-24T11:00:00Z",
                "seconds": 0,
                "reservations": 3,
                "changed": 0,
                "events": 0,
                "unanswered": [],
            },
        ],
        "failures": [
            {
                "account_id": HOME,
                "region": "us-east-2",
                "code": "RequestLimitExceeded",
                "message": "Too fast.",
            }
        ],
    }


def test_an_expected_denial_is_closed_and_neither_failed_nor_succeeded() -> None:
    run, denied = a_run(), ScopeError("UnauthorizedOperation", "No.", FailureKind.DENIED, NOON)
    statuses = {
        EAST: a_status(EAST, run_id=run.run_id, error=THROTTLED),
        OHIO: a_status(OHIO, run_id=run.run_id, error=denied),
    }

    found = manifest(run, statuses, END, expected=expected_denials(["*/*"]))

    counts = found["counts"]
    assert (counts["succeeded"], counts["failed"], counts["closed"]) == (0, 1, 1)
    assert [scope["outcome"] for scope in found["scopes"]] == ["failed", "closed"]
    assert found["scopes"][1]["error"] == {"code": "UnauthorizedOperation", "message": "No."}
    assert [failure["region"] for failure in found["failures"]] == ["us-east-1"]


def test_a_scope_that_the_run_never_reached_failed() -> None:
    run = a_run(regions=("us-east-1", "us-east-2"))
    old = a_status(OHIO, run_id="an-older-run", observed_at=NOON - HOUR)

    found = manifest(run, {OHIO: old}, END)

    assert [scope["outcome"] for scope in found["scopes"]] == ["failed", "failed"]
    assert {failure["code"] for failure in found["failures"]} == {"NotCollected"}


def test_a_scope_that_a_later_run_collected_meanwhile_succeeded() -> None:
    run = a_run(regions=("us-east-2",))
    newer = a_status(OHIO, run_id="a-newer-run", observed_at=NOON + HOUR)

    found = manifest(run, {OHIO: newer}, END)

    assert found["counts"]["succeeded"] == 1
