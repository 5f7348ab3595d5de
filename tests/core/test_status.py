"""How well a scope is known: its last success, its last failure, and whether its data is old."""

from datetime import datetime, timedelta

import pytest

from tests.builders import HOME, HOUR, NOON, OHIO, OTHER, a_status
from truffle.core.model import Scope
from truffle.core.status import (
    ScopeError,
    ScopeStatus,
    collection_to_json,
    error_of,
    scope_to_json,
)

AGE = 3 * HOUR
DENIED = ScopeError("UnauthorizedOperation", "You may not.", "denied", NOON - HOUR)
LATE = "NotCollected"


def test_a_healthy_scope_has_no_error() -> None:
    assert error_of(a_status(observed_at=NOON - AGE), NOON, AGE) is None


def test_a_failing_scope_has_its_failure() -> None:
    assert error_of(a_status(error=DENIED), NOON, AGE) == DENIED


@pytest.mark.parametrize(
    ("status", "since"),
    [
        (a_status(observed_at=NOON - AGE - timedelta(seconds=1)), NOON - AGE - timedelta(0, 1)),
        (ScopeStatus(OHIO), NOON),
    ],
    ids=["too long ago", "never"],
)
def test_a_scope_that_nothing_has_collected_for_too_long_is_not_healthy(
    status: ScopeStatus, since: datetime
) -> None:
    error = error_of(status, NOON, AGE)

    assert error is not None
    assert (error.code, error.kind, error.since) == (LATE, "error", since)


def test_a_healthy_scope_reads_as_the_contract_says() -> None:
    status = a_status(
        observed_at=NOON - HOUR / 2,
        reservations=7,
        run_id="run-1",
        unanswered=("DescribeCapacityBlockStatus: UnauthorizedOperation",),
    )

    assert scope_to_json(status, NOON, AGE) == {
        "account_id": HOME,
        "region": "us-east-2",
        "last_success": "2026-11-24T11:30:00Z",
        "age_seconds": 1800,
        "last_attempt": "2026-11-24T11:30:00Z",
        "error": None,
        "error_message": None,
        "failing_since": None,
        "reservations": 7,
        "run_id": "run-1",
        "unanswered": ["DescribeCapacityBlockStatus: UnauthorizedOperation"],
    }


def test_a_failing_scope_tells_its_error_and_its_last_success() -> None:
    status = a_status(observed_at=NOON - 2 * HOUR, attempted_at=NOON, error=DENIED)

    answer = scope_to_json(status, NOON, AGE)

    assert (answer["error"], answer["error_message"]) == ("UnauthorizedOperation", "You may not.")
    assert answer["failing_since"] == "2026-11-24T11:00:00Z"
    assert (answer["last_success"], answer["age_seconds"]) == ("2026-11-24T10:00:00Z", 7200)
    assert answer["last_attempt"] == "2026-11-24T12:00:00Z"


def test_a_scope_without_a_success_has_no_age() -> None:
    answer = scope_to_json(a_status(observed_at=None, attempted_at=NOON, error=DENIED), NOON, AGE)

    assert (answer["last_success"], answer["age_seconds"]) == (None, None)


def test_a_success_of_this_very_second_is_zero_seconds_old() -> None:
    assert scope_to_json(a_status(observed_at=NOON), NOON, AGE)["age_seconds"] == 0


def test_a_collection_is_complete_when_no_scope_is_old() -> None:
    statuses = [
        a_status(Scope(HOME, "us-east-2"), observed_at=NOON - HOUR),
        a_status(Scope(HOME, "us-east-1"), observed_at=NOON - HOUR / 2),
    ]

    assert collection_to_json(statuses, NOON, AGE) == {
        "complete": True,
        "observed_at": "2026-11-24T11:00:00Z",
        "newest": "2026-11-24T11:30:00Z",
        "failed_scopes": [],
    }


def test_every_scope_whose_data_is_old_is_named_with_its_last_success() -> None:
    statuses = [
        a_status(Scope(OTHER, "us-east-1"), observed_at=None, attempted_at=NOON, error=DENIED),
        a_status(Scope(HOME, "us-east-2"), observed_at=NOON - 9 * HOUR),
        a_status(Scope(HOME, "us-east-1"), observed_at=NOON),
    ]

    answer = collection_to_json(statuses, NOON, AGE)

    assert not answer["complete"]
    assert answer["observed_at"] == "2026-11-24T03:00:00Z"
    assert [
        (scope["account_id"], scope["region"], scope["error"], scope["last_success"])
        for scope in answer["failed_scopes"]
    ] == [
        (HOME, "us-east-2", LATE, "2026-11-24T03:00:00Z"),
        (OTHER, "us-east-1", "UnauthorizedOperation", None),
    ]


def test_before_the_first_run_nothing_is_complete() -> None:
    assert collection_to_json([], NOON, AGE) == {
        "complete": False,
        "observed_at": None,
        "newest": None,
        "failed_scopes": [],
    }
