"""The features that the embedded AWS lacks: the group of a schedule, and the policy of a bus."""

from __future__ import annotations

import json

import pytest
from ministack.core import iam_actions
from ministack.services import eventbridge
from ministack.services.cloudformation import provisioners

from sandbox.embedded import complete

HOME = ("us-east-1", "123456789012")


def judged(method: str, path: str, body: object, service: str = "scheduler") -> str:
    """The ARN of the resource that IAM looks at for a request."""
    complete()
    arn: str = iam_actions.extract_resource_arn(
        service, method, path, {}, json.dumps(body).encode(), {}, *HOME
    )
    return arn


@pytest.mark.parametrize(("body", "group"), [({"GroupName": "checks"}, "checks"), ({}, "default")])
def test_a_new_schedule_is_judged_by_its_group(body: object, group: str) -> None:
    arn = judged("POST", "/schedules/one", body)
    assert arn == f"arn:aws:scheduler:us-east-1:123456789012:schedule/{group}/one"


def test_other_resources_stay_what_they_are() -> None:
    assert judged("POST", "/schedule-groups/checks", {}).endswith(":schedule-group/checks")
    assert judged("GET", "/", {}, service="sns") == "*"


def test_the_policy_of_a_bus_comes_and_goes_with_its_stack() -> None:
    complete()
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"]
    properties = {
        "StatementId": "truffle-accounts",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": ["111122223333"]},
            "Action": "events:PutEvents",
            "Resource": "arn:aws:events:us-east-1:123456789012:event-bus/default",
        },
    }
    name, _ = handlers["create"]("Accounts", properties, "truffle")
    (statement,) = eventbridge._event_bus_policies["default"]["Statement"]
    assert statement["Principal"] == {"AWS": ["111122223333"]}
    handlers["delete"](name, properties)
    assert "default" not in eventbridge._event_bus_policies
