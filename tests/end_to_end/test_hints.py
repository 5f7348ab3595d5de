"""Faster than the schedule: EC2's own events, and one-time schedules."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lambdas.clients import wall_clock
from sandbox.box import Sandbox
from tests.end_to_end.conftest import collected, wait
from tests.end_to_end.test_alerts import a_block, counted

REGION = "us-east-1"
SAMPLES = Path(__file__).parent.parent / "samples" / "eventbridge"
GARBAGE: list[object] = [
    None,
    [],
    "Capacity Block Delivered",
    {"detail-type": ["Capacity Block Delivered"], "account": 1, "region": None, "resources": {}},
    {"detail_type": "Capacity Block Delivered", "detail": [[[]]], "resources": ["arn:aws:ec2"]},
    {"account": "999999999999", "region": REGION},
    {"account": "123456789012", "region": "mars-north-1"},
]


def an_event(region: str = REGION) -> dict[str, Any]:
    """EC2's event for the delivery of a block in a region."""
    event: dict[str, Any] = json.loads((SAMPLES / "capacity_block_delivered.json").read_text())
    return event | {"region": region}


def attempts(box: Sandbox) -> dict[str, str]:
    """When each region was last collected."""
    return {scope["region"]: scope["last_attempt"] for scope in box.get("/status")[1]["scopes"]}


def schedules(box: Sandbox) -> dict[str, str]:
    """The groups of the region's one-time schedules, by the schedules' names."""
    answer = box.client("scheduler").list_schedules(NamePrefix=f"{REGION}-")
    return {one["Name"]: one["GroupName"] for one in answer["Schedules"]}


def run_ids(box: Sandbox) -> list[str]:
    """The runs that were opened. Retries of earlier ones may still change what they achieved."""
    return [run["run_id"] for run in box.get("/status")[1]["runs"]]


def test_an_event_of_ec2_is_a_message_without_any_run(box: Sandbox) -> None:
    pending = a_block(box, "payment-pending")["CapacityReservationId"]
    before = run_ids(box)
    box.ec2.patch(pending, State="payment-failed")

    with box.alerts() as alerts:
        box.send_event(an_event())
        messages = alerts(2, at_least=1)

    assert counted(messages) == {("state_changed", "critical", pending): 1}
    assert run_ids(box) == before


def test_a_burst_of_events_is_one_message(box: Sandbox) -> None:
    pending = a_block(box, "payment-pending")["CapacityReservationId"]
    box.ec2.patch(pending, State="payment-failed")

    with box.alerts() as alerts:
        for _ in range(8):
            box.send_event(an_event())
        messages = alerts(3, at_least=1)

    assert counted(messages) == {("state_changed", "critical", pending): 1}


def test_an_event_says_where_to_look_and_the_comparison_what_happened(box: Sandbox) -> None:
    before = attempts(box)[REGION]

    with box.alerts() as alerts:
        box.send_event(an_event())
        wait(lambda: attempts(box)[REGION] > before)
        assert alerts(1) == []


def test_garbage_changes_nothing_and_the_next_event_works(box: Sandbox) -> None:
    pending = a_block(box, "payment-pending")["CapacityReservationId"]
    box.ec2.patch(pending, State="payment-failed")
    before = attempts(box)[REGION]

    with box.alerts() as alerts:
        for payload in GARBAGE:
            box.send_event(payload)
        assert alerts(3) == []
        assert attempts(box)[REGION] == before
        box.send_event(an_event())
        assert [item["reservation_id"] for item in alerts(1, at_least=1)] == [pending]


@pytest.mark.parametrize(
    "name",
    ["capacity_block_delivered_altname", "fcr_state_active", "cloudtrail_CapacityBlockFailed"],
)
def test_the_deployed_rule_takes_ec2s_events(box: Sandbox, name: str) -> None:
    assert _is_taken(box, json.loads((SAMPLES / f"{name}.json").read_text()))


def test_the_deployed_rule_takes_no_others(box: Sandbox) -> None:
    assert not _is_taken(box, json.loads((SAMPLES / "health_underutilization.json").read_text()))
    assert not _is_taken(box, an_event() | {"source": "my.app"})


def _is_taken(box: Sandbox, event: dict[str, Any]) -> bool:
    client = box.client("events")
    pattern = client.describe_rule(Name=box.outputs["HintRuleName"])["EventPattern"]
    answer = client.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))
    return bool(answer["Result"])


def test_a_block_that_starts_soon_is_collected_when_it_does(box: Sandbox) -> None:
    """The schedule that is made for the start is moved to the present; it goes when it is over."""
    name = a_block(box, "scheduled")["CapacityReservationId"]
    start = box.now().replace(second=0, microsecond=0) + timedelta(minutes=40)
    box.ec2.patch(name, StartDate=start.isoformat())
    minute = start + timedelta(minutes=1)

    with box.alerts() as alerts:
        collected(box, alerts)
        ((schedule, group),) = [
            (name, group)
            for name, group in schedules(box).items()
            if f"{minute:%Y%m%dT%H%MZ}" in name
        ]
        planned = box.client("scheduler").get_schedule(GroupName=group, Name=schedule)
        assert planned["ScheduleExpression"] == f"at({minute:%Y-%m-%dT%H:%M:%S})"
        box.ec2.patch(name, State="active", StartDate="-1m")
        _fire(box, planned)
        messages = alerts(0, at_least=1)

    assert [(it["type"], it["reservation_id"]) for it in messages] == [("state_changed", name)]
    wait(lambda: schedule not in schedules(box))


def _fire(box: Sandbox, schedule: dict[str, Any]) -> None:
    fields = ("GroupName", "Name", "FlexibleTimeWindow", "Target", "ActionAfterCompletion")
    # The embedded AWS goes by this machine's time, and looks every ten seconds what is due.
    past = wall_clock() - timedelta(minutes=1)
    box.client("scheduler").update_schedule(
        **{name: schedule[name] for name in fields},
        ScheduleExpression=f"at({past:%Y-%m-%dT%H:%M:%S})",
    )
