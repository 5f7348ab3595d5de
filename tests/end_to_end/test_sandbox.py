"""A running sandbox takes other alerts: the stack is updated, and keeps what it has collected."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.box import Sandbox
from tests.end_to_end.conftest import known, rows

ADDED = {
    "CapacityReservationId": "cr-0fedcba9876543210",
    "InstanceType": "g6.xlarge",
    "TotalInstanceCount": 4,
    "AvailableInstanceCount": 4,
    "Tags": [{"Key": "Owner", "Value": "this-test"}],
}
ALERTS = {
    "destinations": {"oncall": {"kind": "slack", "secret": "truffle/oncall"}},
    "routes": [
        {
            "name": "one",
            "to": ["oncall"],
            # About no other test's reservations: the stack is theirs as well.
            "when": {"tag": {"Owner": ["this-test"]}},
        }
    ],
}


@pytest.mark.long
def test_other_alerts_are_deployed_and_what_was_collected_stays(
    box: Sandbox, tmp_path: Path
) -> None:
    before = known(rows(box, limit=1000))
    file = tmp_path / "alerts.yaml"
    file.write_text(json.dumps(ALERTS))

    box.route_alerts(file, environment={})
    assert known(rows(box, limit=1000)) == before
    box.put_secret("truffle/oncall", box.sink.url("/oncall"))
    box.ec2.add("us-east-1", ADDED)
    box.collect()

    assert "cr-0fedcba9876543210" in sent(box, "/oncall")


def sent(box: Sandbox, path: str, seconds: float = 120) -> str:
    """The text of the first request to a path, which may take its time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        requests: list[Any] = [one for one in box.sink.requests() if one.path == path]
        if requests:
            return json.dumps(requests[0].json)
        time.sleep(0.2)
    raise AssertionError(f"nothing was sent to {path}")
