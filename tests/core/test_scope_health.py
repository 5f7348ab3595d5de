"""A scope that fails in consecutive runs causes one event, and so does its first success after
that."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import HOUR, NOON, OHIO, a_status
from truffle.core.events import EventType, Severity, event_id
from truffle.core.model import Failure, FailureKind
from truffle.core.scope_health import after_failure, after_success
from truffle.core.status import ScopeError, ScopeStatus, Streak


def a_failure(kind: FailureKind = FailureKind.ERROR, hours: int = 3) -> Failure:
    return Failure(
        scope=OHIO,
        failed_at=NOON + hours * HOUR,
        kind=kind,
        code="RequestLimitExceeded",
        message="too fast",
    )


SINCE_ONE = ScopeError("RequestLimitExceeded", "too fast", FailureKind.ERROR, NOON + HOUR)
TWICE = a_status(error=SINCE_ONE, streak=Streak(("run-1", "run-2")))


def id_of(kind: EventType) -> str:
    """The same whenever it is computed: of the scope, the type, and since when it failed."""
    return event_id("123456789012/us-east-2", kind, None, {"since": "2026-11-24T13:00:00Z"}, None)


def test_the_failed_run_at_the_threshold_is_reported() -> None:
    streak, event = after_failure(TWICE, a_failure(), "run-3", 3)
    assert streak == Streak(("run-1", "run-2", "run-3"), True)
    assert event is not None
    assert (event.type, event.severity) == (EventType.SCOPE_FAILING, Severity.WARNING)
    assert event.summary == (
        "123456789012/us-east-2 could not be listed in 3 consecutive runs: RequestLimitExceeded."
    )
    assert event.after == {
        "error": "RequestLimitExceeded",
        "message": "too fast",
        "failed_runs": 3,
        "since": "2026-11-24T13:00:00Z",
        "last_success": "2026-11-24T12:00:00Z",
    }
    assert (event.observed_at, event.previous_observed_at) == (NOON + 3 * HOUR, NOON)
    assert (event.reservation, event.run_id) == (None, "run-3")
    assert event.event_id == id_of(EventType.SCOPE_FAILING)


@pytest.mark.parametrize("run_id", ["run-1", "run-2", None])
def test_a_retry_of_a_run_or_a_collection_outside_of_runs_does_not_count(
    run_id: str | None,
) -> None:
    assert after_failure(TWICE, a_failure(), run_id, 3) == (TWICE.streak, None)


def test_it_is_reported_once() -> None:
    status = replace(TWICE, streak=Streak(("run-1",), True))
    assert after_failure(status, a_failure(), "run-9", 1) == (status.streak, None)


def test_one_failed_run_is_enough_where_the_settings_say_so() -> None:
    streak, event = after_failure(a_status(), a_failure(), "run-1", 1)
    assert streak.is_reported
    assert event is not None
    assert event.summary.endswith("could not be listed in 1 run: RequestLimitExceeded.")


@pytest.mark.parametrize("kind", [FailureKind.DENIED, FailureKind.DISABLED])
def test_a_region_that_was_never_open_is_not_news(kind: FailureKind) -> None:
    never = ScopeStatus(scope=OHIO)
    assert after_failure(never, a_failure(kind), "run-1", 1) == (Streak(), None)


def test_a_denial_that_is_expected_is_not_news_even_where_the_scope_was_listed_before() -> None:
    expected = replace(a_failure(FailureKind.DENIED), is_expected=True)
    assert after_failure(TWICE, expected, "run-3", 3) == (TWICE.streak, None)


def test_a_region_that_was_never_listed_because_of_faults_is() -> None:
    _, event = after_failure(ScopeStatus(scope=OHIO), a_failure(), "run-1", 1)
    assert event is not None
    assert (event.after or {})["last_success"] is None


def test_a_region_that_is_closed_after_it_was_listed_is() -> None:
    _, event = after_failure(a_status(), a_failure(FailureKind.DENIED), "run-1", 1)
    assert event is not None


def test_the_success_after_it_is_reported() -> None:
    status = replace(TWICE, streak=Streak(("run-1", "run-2"), True))
    event = after_success(status, NOON + 6 * HOUR, "run-6")
    assert event is not None
    assert (event.type, event.severity) == (EventType.SCOPE_RECOVERED, Severity.GOOD)
    assert event.summary == "123456789012/us-east-2 is listed again after 5 h."
    assert event.before == {"error": "RequestLimitExceeded", "since": "2026-11-24T13:00:00Z"}
    assert (event.after, event.run_id) == ({"error": None}, "run-6")
    assert (event.reason, event.previous_observed_at) == ("listed again", NOON)
    assert (event.account_id, event.region) == (OHIO.account_id, OHIO.region)
    assert event.event_id == id_of(EventType.SCOPE_RECOVERED)


@pytest.mark.parametrize("status", [a_status(), TWICE])
def test_a_success_after_an_unreported_failure_is_silent(status: ScopeStatus) -> None:
    assert after_success(status, NOON + 6 * HOUR, None) is None


ATTEMPTS = st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=40)
"""For each attempt: how many runs later it is than the one before, and whether it succeeds."""


@given(ATTEMPTS, st.integers(1, 4))
def test_failing_and_recovered_take_turns_and_fit_the_runs(
    attempts: list[tuple[int, bool]], runs: int
) -> None:
    status, run = a_status(), 0
    failed: set[int] = set()
    expected, found, ids = [], [], []
    for number, (later, succeeds) in enumerate(attempts):
        run += later
        moment = NOON + (number + 1) * HOUR
        if succeeds:
            event = after_success(status, moment, f"run-{run}")
            status = a_status(observed_at=moment)
            expected += ["scope_recovered"] if len(failed) >= runs else []
            failed = set()
        else:
            failure = replace(a_failure(), failed_at=moment)
            streak, event = after_failure(status, failure, f"run-{run}", runs)
            since = status.error.since if status.error else moment
            error = replace(SINCE_ONE, since=since)
            status = replace(status, streak=streak, error=error, attempted_at=moment)
            is_new = run not in failed
            failed.add(run)
            expected += ["scope_failing"] if is_new and len(failed) == runs else []
        found += [event.type.value] if event else []
        ids += [event.event_id] if event else []
    assert found == expected
    assert len(set(ids)) == len(ids)
