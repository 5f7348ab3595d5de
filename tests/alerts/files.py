"""Settings of alerts, as a file has them."""

from __future__ import annotations

from typing import Any

SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:truffle/slack-AbCdEf"
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:warehouse"
ONCALL = {"kind": "slack", "secret": "truffle/slack"}
TO_ONCALL = {"name": "all", "to": ["oncall"]}
MUTE = {"reason": "drain", "until": "2026-12-01T00:00:00Z", "region": ["us-east-1"]}


def a_file(**changes: Any) -> dict[str, Any]:
    """A file with one destination and one route, and what a test adds or changes."""
    return {"destinations": {"oncall": ONCALL}, "routes": [TO_ONCALL], **changes}


def with_oncall(**changes: Any) -> dict[str, Any]:
    return a_file(destinations={"oncall": {**ONCALL, **changes}})


def with_when(**when: Any) -> dict[str, Any]:
    return a_file(routes=[{**TO_ONCALL, "when": when}])


def with_mute(**changes: Any) -> dict[str, Any]:
    """With a mute that has these keys; None takes one out."""
    mute = {**MUTE, **changes}
    return a_file(mutes=[{key: value for key, value in mute.items() if value is not None}])
