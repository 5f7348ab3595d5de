"""One-time schedules: made once, deleted by themselves, and never in the way of the collection."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from lambdas.collecting.rechecks import Planner, make_client
from lambdas.collecting.units import read_unit
from tests.builders import HOME, HOUR, NOON, OTHER
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Wire, client_error
from truffle.core.regions import KNOWN_REGIONS
from truffle.core.runs import Unit

Json = dict[str, Any]

UNIT = Unit(None, "us-east-2", (HOME, OTHER))
QUEUE, ROLE = f"arn:aws:sqs:us-east-2:{HOME}:units", f"arn:aws:iam::{HOME}:role/checks"


@pytest.fixture
def planner(stack: Stack) -> Planner:
    return Planner(make_client(), stack.checks, QUEUE, ROLE)


def schedules(planner: Planner) -> list[Json]:
    """All schedules of the group."""
    listed = planner.client.list_schedules(GroupName=planner.group)["Schedules"]
    return [
        dict(planner.client.get_schedule(GroupName=planner.group, Name=one["Name"]))
        for one in listed
    ]


def test_a_schedule_puts_the_unit_on_the_queue_once(planner: Planner) -> None:
    assert planner.plan({NOON: UNIT}) == 0
    (made,) = schedules(planner)
    assert re.fullmatch(r"us-east-2-20261124T1200Z-[0-9a-f]{16}", made["Name"])
    assert made["ScheduleExpression"] == "at(2026-11-24T12:00:00)"
    assert made["ScheduleExpressionTimezone"] == "UTC"
    assert made["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert made["ActionAfterCompletion"] == "DELETE"
    assert (made["Target"]["Arn"], made["Target"]["RoleArn"]) == (QUEUE, ROLE)
    assert read_unit(made["Target"]["Input"]) == UNIT


def test_the_time_is_utc_whatever_the_moments_own_offset(planner: Planner) -> None:
    berlin = datetime(2026, 11, 24, 13, tzinfo=timezone(timedelta(hours=1)))
    planner.plan({berlin: UNIT})
    assert schedules(planner)[0]["ScheduleExpression"] == "at(2026-11-24T12:00:00)"


def test_planning_again_changes_nothing(planner: Planner) -> None:
    planner.plan({NOON: UNIT})
    assert planner.plan({NOON: UNIT, NOON + HOUR: UNIT}) == 0
    assert len(schedules(planner)) == 2


@pytest.mark.parametrize(
    "other", [Unit(None, "eu-west-1", (HOME, OTHER)), Unit(None, "us-east-2", (OTHER,))]
)
def test_each_region_and_each_set_of_accounts_has_its_own(other: Unit, planner: Planner) -> None:
    """An account that plans later is not lost to the schedule of another one."""
    planner.plan({NOON: UNIT})
    planner.plan({NOON: other})
    assert len(schedules(planner)) == 2


def test_the_order_of_accounts_makes_no_difference(planner: Planner) -> None:
    planner.plan({NOON: UNIT})
    planner.plan({NOON: Unit(None, "us-east-2", (OTHER, HOME))})
    assert len(schedules(planner)) == 1


def test_a_name_is_one_that_scheduler_takes(planner: Planner) -> None:
    """Botocore's model of CreateSchedule, Name."""
    for region in KNOWN_REGIONS:
        planner.plan({datetime(9999, 12, 31, 23, 59, tzinfo=UTC): Unit(None, region, (HOME,))})
    names = [made["Name"] for made in schedules(planner)]
    assert len(names) == len(KNOWN_REGIONS)
    assert all(re.fullmatch(r"[0-9a-zA-Z-_.]{1,64}", name) for name in names), names


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (client_error("AccessDeniedException", "CreateSchedule"), "AccessDeniedException"),
        (client_error("ServiceQuotaExceededException", "CreateSchedule"), "QuotaExceeded"),
        (EndpointConnectionError(endpoint_url="https://scheduler"), "https://scheduler"),
    ],
)
def test_what_aws_refuses_is_counted_and_logged_and_no_more_is_tried(
    error: Exception, said: str, planner: Planner, logs: Callable[[], str]
) -> None:
    line = Wire(planner.client)
    line.fails_before(error, "CreateSchedule", call=2)
    assert planner.plan({NOON + hours * HOUR: UNIT for hours in range(3)}) == 2
    assert line.count("CreateSchedule") == 2
    assert "rechecks not scheduled" in logs()
    assert said in logs()
