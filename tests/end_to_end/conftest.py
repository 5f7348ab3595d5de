"""The whole stack, deployed once for all tests of this room, in a folder of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from lambdas.clients import wall_clock
from sandbox.box import FLEET, Sandbox
from sandbox.subscription import Receive


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with a part of the bundled fleet, a watch, and a first, complete collection."""
    folder, night = tmp_path_factory.mktemp("sandbox"), quiet_night(wall_clock())
    fleet = folder / "fleet.json"
    fleet.write_text(json.dumps(a_smaller_fleet()))
    alerts = folder / "alerts.yaml"
    alerts.write_text(a_watch(night))
    sandbox = Sandbox.up(
        folder / "box",
        fleet=fleet,
        alerts=alerts,
        context={"calendar_feed": True, "stranded": True},
        environment={},
        at=night,
    )
    try:
        stop_schedules(sandbox)
        sandbox.collect()
        yield sandbox
    finally:
        sandbox.down()


LEFT_OUT = {
    *("eu-central-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2"),
    *("ap-south-1", "ca-central-1"),
}
"""Regions of the bundled fleet that no test is about: each collection would look at them, too."""


def a_smaller_fleet() -> dict[str, Any]:
    fleet: dict[str, Any] = json.loads(FLEET.read_text("utf-8"))
    assert set(fleet["regions"]) > LEFT_OUT
    kept = {name: held for name, held in fleet["regions"].items() if name not in LEFT_OUT}
    return {**fleet, "regions": kept}


def quiet_night(now: datetime) -> datetime:
    """One o'clock of a night to come, far from the ends of its month: nothing in the fleet starts,
    ends, or is near a threshold then, whatever the time of this machine is."""
    night = now.replace(hour=1, minute=0, second=0, microsecond=0) + timedelta(days=1)
    while not 4 <= night.day <= 24:
        night += timedelta(days=1)
    return night


def stop_schedules(box: Sandbox) -> None:
    """The recurring ones, which go by this machine's time: tests start the functions themselves."""
    client = box.client("scheduler")
    for name in [one["Name"] for one in client.list_schedules()["Schedules"]]:
        schedule = client.get_schedule(Name=name)
        fields = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
        client.update_schedule(**{field: schedule[field] for field in fields}, State="DISABLED")


def a_watch(now: datetime) -> str:
    """A file of alerts with a watch for a block of a day that ends in twenty days: longer than the
    tests let pass."""
    end = (now + timedelta(days=20)).replace(hour=11, minute=30, second=0, microsecond=0)
    question = "instance_type: p5.48xlarge, count: 1, days: 1"
    regions = "regions: [eu-west-1, ap-northeast-3]"
    return f"watches: [{{name: hunt, {question}, end_by: {end.isoformat()}, {regions}}}]"


@pytest.fixture(autouse=True)
def healthy(box: Sandbox) -> None:
    """Each test starts with the fleet as it was first, known to the stack, and no faults."""
    restore(box)


def restore(box: Sandbox) -> None:
    """The fleet as it was first, without faults, collected, with nothing left to be published. A
    test that left the fleet so has left nothing to collect."""
    before = box.ec2.fleet(), box.ec2.faults()
    box.ec2.reset()
    box.ec2.clear_faults()
    if before != (box.ec2.fleet(), []):
        with box.alerts() as alerts:
            collected(box, alerts)


def collected(box: Sandbox, alerts: Receive) -> list[dict[str, Any]]:
    """The messages of all events that a collection records, once they have come."""
    return alerts(0, at_least=box.collect()["counts"]["events"])


def rows(box: Sandbox, path: str = "/reservations", **parameters: Any) -> list[dict[str, Any]]:
    """All items of a list, page after page."""
    items: list[dict[str, Any]] = []
    token: dict[str, Any] = {}
    while True:
        status, answer = box.get(path, **parameters, **token)
        assert status == 200, answer
        items += answer["items"]
        if answer["next_token"] is None:
            assert answer["count"] == len(items)
            return items
        token = {"next_token": answer["next_token"]}


def known(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without when they were observed: a unit that is tried again moves that at any time."""
    return [item | {"observed_at": None} for item in items]


def wait(check: Callable[[], bool]) -> None:
    """Until something is so, for as long as five minutes."""
    deadline = time.monotonic() + 300
    while not check() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert check()


def first_message(box: Sandbox, queue: str) -> dict[str, Any]:
    """The first message of a queue that an output names."""
    sqs, url = box.client("sqs"), box.outputs[queue]
    found: list[dict[str, Any]] = []

    def has_come() -> bool:
        if not found:
            found.extend(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", ()))
        return bool(found)

    wait(has_come)
    message: dict[str, Any] = json.loads(found[0]["Body"])
    return message
