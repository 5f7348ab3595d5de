"""From EC2's events to the function: which are hints, who may send them, what becomes of them."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from infra.hints import PATTERN
from tests.infra.patterns import matches
from tests.infra.synthesized import EVERYTHING, Resource, Synthesized, actions_of, target, text_of

SAMPLES = sorted((Path(__file__).parent.parent / "samples" / "eventbridge").glob("*.json"))
DELIVERED: dict[str, Any] = {
    "source": "aws.ec2",
    "detail-type": "Capacity Block Reservation Delivered",
    "detail": {},
}


def _rule(stack: Synthesized) -> Resource:
    (rule,) = stack.of_type("Events::Rule")
    return rule


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_documented_event_of_ec2_is_a_hint_and_no_other(path: Path) -> None:
    event = json.loads(path.read_text())
    assert matches(PATTERN, event) is (event["source"] == "aws.ec2")


def test_there_are_hints_and_others_among_the_samples() -> None:
    verdicts = [matches(PATTERN, json.loads(path.read_text())) for path in SAMPLES]
    assert (verdicts.count(True), verdicts.count(False)) == (19, 2)


@pytest.mark.parametrize(
    "name",
    [
        "Capacity Block Something New",
        "EC2 Capacity Reservation Assessing",
        "Future Capacity Request in Assessing",
        "EC2 On-Demand Capacity Reservation Suspended",
        "On-Demand Capacity Reservation Billing Ownership Revoked",
    ],
)
def test_names_that_begin_as_the_known_ones_do_are_hints(name: str) -> None:
    assert matches(PATTERN, DELIVERED | {"detail-type": name})


@pytest.mark.parametrize("name", ["PurchaseCapacityBlockExtension", "CancelCapacityReservation"])
def test_calls_that_change_capacity_are_hints(name: str) -> None:
    call = {"detail-type": "AWS API Call via CloudTrail", "detail": {"eventName": name}}
    assert matches(PATTERN, DELIVERED | call)


@pytest.mark.parametrize(
    "foreign",
    [
        {"source": "aws.health"},
        {"source": "my.app"},
        {"detail-type": "EC2 Instance State-change Notification"},
        {"detail-type": "EC2 Spot Instance Interruption Warning"},
        {"detail-type": "AWS API Call via CloudTrail"},
        {"detail-type": "AWS Service Event via CloudTrail"},
        {
            "detail-type": "AWS Service Event via CloudTrail",
            "detail": {"eventName": "BidEvictedEvent"},
        },
        {
            "detail-type": "AWS API Call via CloudTrail",
            "detail": {"eventName": "DescribeCapacityReservations"},
        },
        {"detail-type": None},
    ],
)
def test_other_events_are_none(foreign: dict[str, Any]) -> None:
    assert not matches(PATTERN, DELIVERED | foreign)


def test_the_rule_starts_hint_from_the_default_bus(stack: Synthesized) -> None:
    rule = _rule(stack)
    (aim,) = rule["Targets"]
    assert rule["EventPattern"] == PATTERN
    assert "EventBusName" not in rule.properties
    assert target(aim["Arn"]) == stack.function("hint").logical_id
    assert target(stack.outputs["HintRuleName"]["Value"]) == rule.logical_id


def test_only_the_rule_may_invoke_hint(stack: Synthesized) -> None:
    permission = stack.permission("hint")
    assert permission["Principal"] == "events.amazonaws.com"
    assert permission["SourceArn"] == {"Fn::GetAtt": [_rule(stack).logical_id, "Arn"]}


def test_a_hint_is_tried_again_and_then_kept(stack: Synthesized) -> None:
    (aim,) = _rule(stack)["Targets"]
    kept = stack.get(target(aim["DeadLetterConfig"]["Arn"]))
    assert aim["RetryPolicy"] == {"MaximumEventAgeInSeconds": 900, "MaximumRetryAttempts": 5}
    (sending,) = [
        one
        for one in stack.policy_of("SQS::QueuePolicy", kept)
        if one["Principal"] == {"Service": "events.amazonaws.com"}
    ]
    assert actions_of([sending]) == {"sqs:SendMessage"}
    assert sending["Condition"] == {
        "ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [_rule(stack).logical_id, "Arn"]}}
    }


def test_hint_writes_nothing_of_the_table_but_its_own(stack: Synthesized) -> None:
    (writing,) = [
        one for one in stack.statements(stack.role_of("hint")) if "PutItem" in str(one["Action"])
    ]
    assert writing["Condition"] == {
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["HINTS"]}
    }


def test_the_other_accounts_may_put_events_on_the_bus(stack: Synthesized) -> None:
    (policy,) = stack.of_type("Events::EventBusPolicy")
    statement = policy["Statement"]
    assert policy["StatementId"] == "truffle-accounts"
    assert statement["Principal"] == {"AWS": EVERYTHING["accounts"]}
    assert statement["Action"] == "events:PutEvents"
    assert statement["Condition"].keys() == {"StringEquals", "StringLike"}
    bus = "arn:<AWS::Partition>:events:<AWS::Region>:<AWS::AccountId>:event-bus/default"
    assert text_of(statement["Resource"]) == bus


def _admits(condition: dict[str, Any], event: dict[str, Any]) -> bool:
    """IAM's StringEquals and StringLike, of what the bus is asked to take."""
    kinds = condition["StringLike"]["events:detail-type"]
    is_kind = any(fnmatchcase(str(event["detail-type"]), kind) for kind in kinds)
    return event["source"] in condition["StringEquals"]["events:source"] and is_kind


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_bus_takes_every_hint_of_the_other_accounts(stack: Synthesized, path: Path) -> None:
    (policy,) = stack.of_type("Events::EventBusPolicy")
    event = json.loads(path.read_text())
    assert _admits(policy["Statement"]["Condition"], event) or not matches(PATTERN, event)


@pytest.mark.parametrize(
    "foreign",
    [
        {"source": "my.app"},
        {"source": "aws.health", "detail-type": "AWS Health Event"},
        {"detail-type": "EC2 Instance State-change Notification"},
    ],
)
def test_the_bus_takes_nothing_else_of_them(stack: Synthesized, foreign: dict[str, Any]) -> None:
    (policy,) = stack.of_type("Events::EventBusPolicy")
    condition = policy["Statement"]["Condition"]
    assert _admits(condition, DELIVERED)
    assert not _admits(condition, DELIVERED | foreign)


def test_without_other_accounts_the_bus_stays_closed(plain: Synthesized) -> None:
    assert not plain.has("Events::EventBusPolicy")
