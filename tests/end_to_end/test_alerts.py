"""Alerts: exactly what happened, each once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from typing import Any

from botocore.session import Session

from sandbox.access import get
from sandbox.box import Sandbox
from sandbox.ec2.faults import FaultKind
from tests.end_to_end.conftest import collected, first_message, rows
from truffle.sources.api import Api


def a_block(box: Sandbox, state: str, region: str = "us-east-1") -> dict[str, Any]:
    """A capacity block of the fleet in a state."""
    return next(
        raw
        for raw in box.ec2.reservations(region)
        if raw.get("ReservationType") == "capacity-block" and raw["State"] == state
    )


def counted(messages: list[dict[str, Any]]) -> Counter[tuple[str, str, str]]:
    return Counter((item["type"], item["severity"], item["reservation_id"]) for item in messages)


def test_each_change_is_delivered_once_and_a_failing_region_reports_none(box: Sandbox) -> None:
    pending = a_block(box, "payment-pending")["CapacityReservationId"]
    active = a_block(box, "active")
    gone = a_block(box, "scheduled")["CapacityReservationId"]
    silent = box.ec2.reservations("us-west-2")[0]["CapacityReservationId"]
    box.ec2.patch(pending, State="payment-failed")
    box.ec2.patch(active["CapacityReservationId"], EndDate="+60d@11:30")
    box.ec2.remove(gone)
    box.ec2.add(
        "eu-west-1",
        {
            "CapacityReservationId": "cr-00000000000000new",
            "InstanceType": "g6.xlarge",
            "TotalInstanceCount": 4,
            "AvailableInstanceCount": 4,
        },
    )
    box.ec2.remove(silent)
    box.ec2.break_calls(FaultKind.THROTTLED, "us-west-2")

    with box.alerts() as alerts:
        first = collected(box, alerts)
        again = collected(box, alerts) + alerts(1)

    assert counted(first) == {
        ("state_changed", "critical", pending): 1,
        ("extended", "good", active["CapacityReservationId"]): 1,
        ("vanished", "critical", gone): 1,
        ("discovered", "info", "cr-00000000000000new"): 1,
    }
    assert again == []


def test_a_block_that_starts_is_one_change_of_state(box: Sandbox) -> None:
    block = a_block(box, "scheduled", "us-east-2")
    name = block["CapacityReservationId"]
    box.ec2.patch(name, StartDate="+1h", EndDate="+3d@11:30")

    with box.alerts() as alerts:
        collected(box, alerts)
        box.ec2.advance(timedelta(hours=2))
        messages = [item for item in collected(box, alerts) if item["reservation_id"] == name]

    assert [(item["type"], item["after"]) for item in messages] == [
        ("state_changed", {"state": "active"})
    ]
    assert messages[0]["instance_count"] == messages[0]["reservation"]["total_capacity"] > 0


def test_a_db_capacity_reservation_is_listed_shown_and_reported(box: Sandbox) -> None:
    (held,) = rows(box, "/db-capacity-reservations", state="active")
    change = f"db-capacity-reservations/{held['reservation_name']}"
    with box.alerts() as alerts:
        box.ec2.request("PATCH", change, {"State": "cancelled"})
        messages = collected(box, alerts)
    command = [sys.executable, "-m", "truffle", "capacity", "--db-capacity-reservations"]
    shown = subprocess.run(
        [*command, "--source", "api", "--states", "cancelled"],
        env={**os.environ, **box.environment()},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (held["region"], held["total_capacity"], held["used_capacity"]) == ("us-east-1", 12, 9)
    assert held["accelerator"] is None
    assert counted(messages) == {("state_changed", "info", held["reservation_id"]): 1}
    assert shown.returncode == 0, shown.stderr
    assert "db.r7g.4xlarge" in shown.stdout
    assert held["reservation_id"] in get(f"{box.api_url}/report").body.decode()


def test_what_vanished_stays_known_by_its_id(box: Sandbox) -> None:
    name = a_block(box, "scheduled")["CapacityReservationId"]
    box.ec2.remove(name)
    box.collect()

    status, answer = box.get(f"/reservations/{name}")

    assert status == 200
    assert answer["vanished_at"] is not None
    assert [event["type"] for event in answer["events"]][:1] == ["vanished"]
    assert box.get("/reservations", limit=1000)[1]["items"] != []
    assert name not in {row["reservation_id"] for row in _all(box)}


def _all(box: Sandbox) -> list[dict[str, Any]]:
    status, answer = box.get("/reservations", limit=1000)
    assert status == 200
    return list(answer["items"])


def test_a_record_that_is_not_an_event_does_not_hold_up_the_stream(box: Sandbox) -> None:
    box.client("dynamodb").put_item(
        TableName=box.outputs["TableName"],
        Item={
            "pk": {"S": "EVENT#2026-11-24"},
            "sk": {"S": "2026-11-24T00:00:00.000000Z#poison"},
            "body": {"S": "not JSON"},
        },
    )
    pending = a_block(box, "payment-pending")["CapacityReservationId"]
    box.ec2.patch(pending, State="payment-failed")

    with box.alerts() as alerts:
        assert [item["reservation_id"] for item in collected(box, alerts)] == [pending]

    assert "JSONDecodeError" in first_message(box, "AlertDeadLetterQueueUrl")["error"]


def test_what_was_published_is_not_published_again(box: Sandbox) -> None:
    """The publisher may read the requested events, and knows what it has published."""
    pending = a_block(box, "payment-pending")["CapacityReservationId"]
    box.ec2.patch(pending, State="payment-failed")
    session = Session()
    session.set_credentials("test", "test")
    with box.alerts() as alerts:
        (event,) = collected(box, alerts)
        asked = [("since", event["observed_at"])]
        answer = Api(box.api_url, session).post("/alerts/republish", "published", asked)
        assert alerts(1) == []
    assert answer == {
        "published": 0,
        "already_published": 1,
        "failed": 0,
        "error": None,
        "next": None,
    }
