"""A cause that closes many scopes of an account is one outage: one event at its start, one at its
end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.builders import HOME, HOUR, NOON, OHIO, a_status
from truffle.core.events import Event, EventType, event_id
from truffle.core.model import Failure, FailureKind
from truffle.core.scope_health import (
    ASSUME_ROLE,
    Outage,
    after_failure,
    after_success,
    ended,
    outage_name,
    shared,
)
from truffle.core.status import ScopeError, Streak

SINCE = "2026-11-24T13:00:00Z"
DENIED = ScopeError("AccessDenied", "no", FailureKind.DENIED, NOON + HOUR)
IN_ONE_REGION = Outage(
    HOME, "AccessDenied#run-2", OHIO.region, NOON + HOUR, frozenset({OHIO.region})
)
OF_THE_ACCOUNT = replace(IN_ONE_REGION, name=ASSUME_ROLE)


def a_failure(operation: str = "DescribeCapacityReservations") -> Failure:
    return Failure(
        scope=OHIO,
        failed_at=NOON + 2 * HOUR,
        kind=FailureKind.DENIED,
        code="AccessDenied",
        message="no",
        operation=operation,
    )


def failing() -> Event:
    """The event of Ohio's second failed run."""
    status = a_status(error=DENIED, streak=Streak(("run-1",)))
    _, event = after_failure(status, a_failure(), "run-2", 2)
    assert event is not None
    return event


def recovered() -> Event:
    """The event of Ohio's next success, at five o'clock."""
    status = a_status(error=DENIED, streak=Streak(("run-1", "run-2"), True))
    event = after_success(status, NOON + 5 * HOUR, "run-5")
    assert event is not None
    return event


@pytest.mark.parametrize(
    ("operation", "name"),
    [("AssumeRole", "AssumeRole"), ("DescribeRegions", "AccessDenied#run-7")],
)
def test_credentials_are_one_outage_and_so_is_a_code_in_a_run(operation: str, name: str) -> None:
    assert outage_name(a_failure(operation), "run-7") == name


def test_the_first_region_of_an_outage_reports_it() -> None:
    event, outage = shared(failing(), None, IN_ONE_REGION.name)
    assert event == failing()
    assert outage == IN_ONE_REGION


@pytest.mark.parametrize("known", [IN_ONE_REGION, OF_THE_ACCOUNT])
def test_a_further_region_of_it_is_noted_alone(known: Outage) -> None:
    further = replace(failing(), region="eu-west-1")
    event, outage = shared(further, known, known.name)
    assert event is None
    assert outage == replace(known, regions=frozenset({OHIO.region, "eu-west-1"}))


def test_credentials_that_cannot_be_had_are_reported_for_all_regions() -> None:
    event, outage = shared(failing(), None, ASSUME_ROLE)
    assert outage == OF_THE_ACCOUNT
    assert event == replace(
        failing(),
        event_id=event_id(HOME, EventType.SCOPE_FAILING, None, {"since": SINCE}, None),
        summary=f"No region of account {HOME} can be listed: AccessDenied, 2 consecutive runs.",
        after={
            "error": "AccessDenied",
            "message": "no",
            "failed_runs": 2,
            "since": SINCE,
            "last_success": "2026-11-24T12:00:00Z",
            "all_regions": True,
        },
    )


def test_a_scope_without_an_outage_recovers_in_silence() -> None:
    assert ended(recovered(), None) == (None, None)


def test_an_outage_is_over_with_its_last_region_and_reported_where_it_began() -> None:
    known = replace(IN_ONE_REGION, regions=frozenset({OHIO.region, "eu-west-1"}))
    event, left = ended(recovered(), known)
    assert event is None
    assert left == replace(known, regions=frozenset({"eu-west-1"}))
    last = replace(recovered(), region="eu-west-1")
    assert ended(last, left) == (
        replace(last, region=OHIO.region),
        replace(known, regions=frozenset()),
    )


def test_credentials_that_work_again_open_every_region_at_once() -> None:
    known = replace(OF_THE_ACCOUNT, regions=frozenset({OHIO.region, "eu-west-1"}))
    first = replace(recovered(), region="eu-west-1")
    event, left = ended(first, known)
    assert left == replace(known, regions=frozenset())
    assert event == replace(
        first,
        event_id=event_id(HOME, EventType.SCOPE_RECOVERED, None, {"since": SINCE}, None),
        summary=f"Account {HOME} can be listed again, after 4 h.",
        region=OHIO.region,
    )
