"""How well a scope is known: its last success, its last failure, and whether its data is old."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.builders import DAY, HOME, HOUR, NOON, OHIO, OTHER, a_status
from truffle.core.expected import NOTHING_EXPECTED, ExpectedDenials, expected_denials
from truffle.core.model import FailureKind, Scope
from truffle.core.status import (
    Judged,
    ScopeError,
    ScopeStatus,
    State,
    collection_to_json,
    error_of,
    judge,
    judge_all,
    totals_to_json,
)

AGE = 3 * HOUR
DENIED = ScopeError("UnauthorizedOperation", "You may not.", FailureKind.DENIED, NOON - HOUR)
DISABLED = replace(DENIED, code="AuthFailure", kind=FailureKind.DISABLED)
THROTTLED = replace(DENIED, code="RequestLimitExceeded", kind=FailureKind.ERROR)
LATE = "NotCollected"
EAST = Scope(HOME, "us-east-1")
NOTHING = {"total": 0, "by_code": {}}


def judged(*statuses: ScopeStatus, expected: ExpectedDenials = NOTHING_EXPECTED) -> list[Judged]:
    return [judge(status, NOON, AGE, expected) for status in statuses]


def scope_json(status: ScopeStatus) -> dict[str, Any]:
    return judge(status, NOON, AGE).to_json(NOON)


def test_a_healthy_scope_has_no_error() -> None:
    assert error_of(a_status(observed_at=NOON - AGE), NOON, AGE) is None


def test_a_failing_scope_has_its_failure() -> None:
    assert error_of(a_status(error=DENIED), NOON, AGE) == DENIED


@pytest.mark.parametrize(
    ("status", "since"),
    [
        (a_status(observed_at=NOON - AGE - timedelta(seconds=1)), NOON - AGE - timedelta(0, 1)),
        (ScopeStatus(scope=OHIO), NOON),
    ],
    ids=["too long ago", "never"],
)
def test_a_scope_that_nothing_has_collected_for_too_long_is_not_healthy(
    status: ScopeStatus, since: datetime
) -> None:
    error = error_of(status, NOON, AGE)

    assert error is not None
    assert (error.code, error.kind, error.since) == (LATE, "error", since)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (a_status(observed_at=NOON - AGE), State.CURRENT),
        (a_status(observed_at=NOON - AGE, error=DENIED), State.FAILED),
        (a_status(observed_at=None, attempted_at=NOON, error=DENIED), State.FAILED),
        (a_status(observed_at=NOON - 2 * AGE), State.OLD),
        (a_status(observed_at=None, attempted_at=NOON - 2 * AGE), State.NEVER),
        (ScopeStatus(scope=OHIO), State.NEVER),
    ],
)
def test_the_state_of_a_scope_is_that_of_its_last_attempt_and_of_its_data(
    status: ScopeStatus, state: State
) -> None:
    assert judge(status, NOON, AGE).state is state


@pytest.mark.parametrize(
    ("error", "state"),
    [(DENIED, State.CLOSED), (DISABLED, State.CLOSED), (THROTTLED, State.FAILED)],
)
def test_only_what_is_denied_or_not_enabled_can_be_expected(
    error: ScopeError, state: State
) -> None:
    expected = expected_denials(["*/us-east-2"])

    assert judge(a_status(error=error), NOON, AGE, expected).state is state


def test_a_healthy_scope_reads_as_the_contract_says() -> None:
    status = a_status(
        observed_at=NOON - HOUR / 2,
        reservations=7,
        run_id="run-1",
        unanswered=("DescribeCapacityBlockStatus: UnauthorizedOperation",),
    )

    assert scope_json(status) == {
        "account_id": HOME,
        "region": "us-east-2",
        "state": "current",
        "last_success": "2026-11-24T11:30:00Z",
        "age_seconds": 1800,
        "last_attempt": "2026-11-24T11:30:00Z",
        "error": None,
        "error_message": None,
        "next_step": None,
        "failing_since": None,
        "reservations": 7,
        "run_id": "run-1",
        "unanswered": ["DescribeCapacityBlockStatus: UnauthorizedOperation"],
    }


def test_a_failing_scope_has_its_error_and_its_last_success() -> None:
    answer = scope_json(a_status(observed_at=NOON - 2 * HOUR, attempted_at=NOON, error=DENIED))

    assert (answer["error"], answer["error_message"]) == ("UnauthorizedOperation", "You may not.")
    assert answer["next_step"].startswith("Allow the call in the role that the message names")
    assert answer["failing_since"] == "2026-11-24T11:00:00Z"
    assert (answer["last_success"], answer["age_seconds"]) == ("2026-11-24T10:00:00Z", 7200)
    assert answer["last_attempt"] == "2026-11-24T12:00:00Z"


def test_a_scope_without_a_success_has_no_age() -> None:
    answer = scope_json(a_status(observed_at=None, attempted_at=NOON, error=DENIED))

    assert (answer["last_success"], answer["age_seconds"]) == (None, None)


def test_a_success_of_this_very_second_is_zero_seconds_old() -> None:
    assert scope_json(a_status(observed_at=NOON))["age_seconds"] == 0


# --- the collection of an answer -----------------------------------------------------------------


def test_a_collection_is_complete_when_no_scope_is_old() -> None:
    scopes = judged(
        a_status(Scope(HOME, "us-east-2"), observed_at=NOON - HOUR),
        a_status(Scope(HOME, "us-east-1"), observed_at=NOON - HOUR / 2),
    )

    assert collection_to_json(scopes) == {
        "complete": True,
        "observed_at": "2026-11-24T11:00:00Z",
        "newest": "2026-11-24T11:30:00Z",
        "failed_scopes": [],
        "failed": NOTHING,
        "closed": NOTHING,
    }


def test_scopes_whose_data_is_old_are_named_the_longest_failing_first() -> None:
    scopes = judged(
        a_status(Scope(OTHER, "us-east-1"), observed_at=None, attempted_at=NOON, error=DENIED),
        a_status(Scope(HOME, "us-east-2"), observed_at=NOON - 9 * HOUR),
        a_status(Scope(HOME, "us-east-1"), observed_at=NOON),
    )

    answer = collection_to_json(scopes)

    assert not answer["complete"]
    assert answer["observed_at"] == "2026-11-24T03:00:00Z"
    assert [
        (scope["account_id"], scope["region"], scope["error"], scope["last_success"])
        for scope in answer["failed_scopes"]
    ] == [
        (HOME, "us-east-2", LATE, "2026-11-24T03:00:00Z"),
        (OTHER, "us-east-1", "UnauthorizedOperation", None),
    ]
    assert answer["failed"] == {"total": 2, "by_code": {LATE: 1, "UnauthorizedOperation": 1}}


def test_of_thousands_of_failures_20_are_named_and_all_are_counted() -> None:
    scopes = judged(
        *(
            a_status(
                Scope(f"{number:012}", "us-east-1"),
                error=replace(DENIED if number % 3 else THROTTLED, since=NOON - number * HOUR),
            )
            for number in range(3000)
        )
    )

    answer = collection_to_json(scopes)

    assert [scope["account_id"] for scope in answer["failed_scopes"]] == [
        f"{number:012}" for number in range(2999, 2979, -1)
    ]
    assert answer["failed"] == {
        "total": 3000,
        "by_code": {"UnauthorizedOperation": 2000, "RequestLimitExceeded": 1000},
    }


def test_a_collection_is_complete_and_current_without_what_is_expected_to_be_denied() -> None:
    scopes = judged(
        a_status(Scope(HOME, "us-east-1"), observed_at=NOON),
        a_status(Scope(HOME, "ap-east-1"), observed_at=NOON - 90 * 24 * HOUR, error=DENIED),
        a_status(Scope(OTHER, "ap-east-1"), observed_at=None, error=DISABLED),
        expected=expected_denials(["*/ap-*"]),
    )

    assert collection_to_json(scopes) == {
        "complete": True,
        "observed_at": "2026-11-24T12:00:00Z",
        "newest": "2026-11-24T12:00:00Z",
        "failed_scopes": [],
        "failed": NOTHING,
        "closed": {"total": 2, "by_code": {"AuthFailure": 1, "UnauthorizedOperation": 1}},
    }


def test_where_everything_is_closed_nothing_is_complete() -> None:
    scopes = judged(a_status(error=DENIED), expected=expected_denials(["*/*"]))

    assert not collection_to_json(scopes)["complete"]


def test_before_the_first_run_nothing_is_complete() -> None:
    assert collection_to_json([]) == {
        "complete": False,
        "observed_at": None,
        "newest": None,
        "failed_scopes": [],
        "failed": NOTHING,
        "closed": NOTHING,
    }


def test_the_totals_count_every_scope_by_its_state_and_its_error() -> None:
    scopes = judged(
        a_status(Scope(HOME, "us-east-1"), observed_at=NOON),
        a_status(Scope(HOME, "us-east-2"), observed_at=NOON - HOUR, error=THROTTLED),
        a_status(Scope(HOME, "us-west-1"), observed_at=NOON - 9 * HOUR),
        a_status(Scope(HOME, "ap-east-1"), observed_at=None, error=DENIED),
        expected=expected_denials(["*/ap-*"]),
    )

    assert totals_to_json(scopes) == {
        "scopes": 4,
        "by_state": {"failed": 1, "never": 0, "old": 1, "closed": 1, "current": 1},
        "by_error": {LATE: 1, "RequestLimitExceeded": 1, "UnauthorizedOperation": 1},
        "observed_at": "2026-11-24T03:00:00Z",
        "newest": "2026-11-24T12:00:00Z",
    }


def test_a_judgement_is_in_the_order_of_the_scopes() -> None:
    made = [a_status(scope) for scope in (OHIO, EAST, Scope(OTHER, "af-south-1"))]
    found = judge_all(made, NOON, AGE)
    assert [each.scope for each in found.scopes] == sorted(it.scope for it in made)


def test_a_judgement_holds_until_the_oldest_listing_is_too_old() -> None:
    young = a_status(EAST, observed_at=NOON)
    older = a_status(OHIO, observed_at=NOON - HOUR)
    found = judge_all([young, older], NOON, AGE)
    last = NOON - HOUR + AGE
    assert found.is_valid(last)
    assert judge(older, last, AGE).state is State.CURRENT
    assert not found.is_valid(last + timedelta(microseconds=1))
    assert judge(older, last + timedelta(microseconds=1), AGE).state is State.OLD
    assert not found.is_valid(NOON - timedelta(microseconds=1))


def test_what_failed_or_is_old_stays_so_until_it_is_written_again() -> None:
    failed = a_status(EAST, error=THROTTLED)
    old = a_status(OHIO, observed_at=NOON - 9 * DAY)
    assert judge_all([failed, old], NOON, AGE).is_valid(NOON + 9 * DAY)


def test_a_scope_that_nothing_attempted_is_judged_at_each_moment() -> None:
    found = judge_all([ScopeStatus(scope=EAST)], NOON, AGE)
    assert found.is_valid(NOON)
    assert not found.is_valid(NOON + timedelta(microseconds=1))


def test_a_judgement_says_of_all_scopes_what_is_said_of_each() -> None:
    made = [a_status(EAST), a_status(OHIO, error=THROTTLED)]
    found = judge_all(made, NOON, AGE)
    assert found.collection == collection_to_json(found.scopes)
    assert found.totals == totals_to_json(found.scopes)
    assert found.regions == ["us-east-1", "us-east-2"]


def test_a_service_that_did_not_answer_is_named_with_its_scopes() -> None:
    denied = "ListTrainingPlans: AccessDeniedException"
    made = [a_status(EAST, unanswered=(denied,)), a_status(OHIO, unanswered=("Other: Denied",))]
    assert judge_all(made, NOON, AGE).silent_kinds == {
        "training-plan": f"ListTrainingPlans did not respond in {EAST} (AccessDeniedException): "
        "training plans there are the last known ones."
    }


def test_of_many_silent_scopes_five_are_named() -> None:
    scopes = [Scope(f"{number:012}", "us-east-1") for number in range(8)]
    made = [a_status(scope, unanswered=("ListTrainingPlans: Throttled",)) for scope in scopes]
    (text,) = judge_all(made, NOON, AGE).silent_kinds.values()
    assert text.count("us-east-1") == 5
    assert "and 3 more" in text
