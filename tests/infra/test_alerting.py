"""The topics and who is subscribed."""

from __future__ import annotations

from typing import Any

from infra.context import ALERT_ATTRIBUTES, DEFAULT_FILTER
from tests.builders import an_event
from tests.infra.synthesized import Resource, Synthesized, refuses_plain_http, target
from truffle.core.events import message_attributes


def _alerts(stack: Synthesized) -> Resource:
    return stack.get(target(stack.outputs["TopicArn"]["Value"]))


def _alarms(stack: Synthesized) -> Resource:
    topics = {topic.logical_id for topic in stack.of_type("SNS::Topic")}
    (name,) = topics - {_alerts(stack).logical_id}
    return stack.get(name)


def _subscriptions(stack: Synthesized, topic: Resource) -> dict[str, Any]:
    return {
        one["Protocol"]: one
        for one in stack.of_type("SNS::Subscription")
        if target(one["TopicArn"]) == topic.logical_id
    }


def test_both_topics_take_tls_only(stack: Synthesized) -> None:
    for topic in (_alerts(stack), _alarms(stack)):
        assert refuses_plain_http(stack.policy_of("SNS::TopicPolicy", topic)), topic.logical_id


def test_alerts_are_encrypted(stack: Synthesized) -> None:
    assert "alias/aws/sns" in str(_alerts(stack)["KmsMasterKeyId"])


def test_only_cloudwatch_of_this_account_is_let_in_to_tell_of_alarms(stack: Synthesized) -> None:
    topic = _alarms(stack)
    (allowing,) = [
        one for one in stack.policy_of("SNS::TopicPolicy", topic) if one["Effect"] == "Allow"
    ]
    assert allowing["Action"] == "sns:Publish"
    assert allowing["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowing["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    }
    # CloudWatch has no right to use the key that SNS would encrypt with.
    assert "KmsMasterKeyId" not in topic.properties


def test_people_get_what_passes_the_filter(stack: Synthesized) -> None:
    email = _subscriptions(stack, _alerts(stack))["email"]
    assert email["Endpoint"] == "people@example.com"
    assert email["FilterPolicy"] == DEFAULT_FILTER
    assert "FilterPolicyScope" not in email.properties


def test_slack_gets_what_passes_the_filter(stack: Synthesized) -> None:
    cards = _subscriptions(stack, _alerts(stack))["sqs"]
    mapping = stack.mapping("slack")
    assert target(cards["Endpoint"]) == target(mapping["EventSourceArn"])
    assert cards["RawMessageDelivery"] is True
    assert cards["FilterPolicy"] == DEFAULT_FILTER


def test_the_topic_may_send_to_slacks_queue_and_to_its_dead_letters(stack: Synthesized) -> None:
    cards = _subscriptions(stack, _alerts(stack))["sqs"]
    dead = target(cards["RedrivePolicy"]["deadLetterTargetArn"])
    for name in (target(cards["Endpoint"]), dead):
        (allowing,) = [
            one
            for one in stack.policy_of("SQS::QueuePolicy", stack.get(name))
            if one["Effect"] == "Allow"
        ]
        assert allowing["Action"] == "sqs:SendMessage"
        assert allowing["Condition"]["ArnEquals"] == {
            "aws:SourceArn": {"Ref": _alerts(stack).logical_id}
        }


def test_operators_get_every_alarm(stack: Synthesized) -> None:
    email = _subscriptions(stack, _alarms(stack))["email"]
    assert email["Endpoint"] == "operators@example.com"
    assert "FilterPolicy" not in email.properties


def test_without_addresses_nobody_is_subscribed(plain: Synthesized) -> None:
    assert not plain.has("SNS::Subscription")


def test_a_filter_can_name_every_attribute_of_an_alert() -> None:
    assert set(message_attributes(an_event())) == set(ALERT_ATTRIBUTES)
