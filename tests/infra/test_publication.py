"""The topics and who is subscribed."""

from __future__ import annotations

import json

import pytest

from infra.context_values import ALERT_ATTRIBUTES
from lambdas.delivery.messages import DeliverSummary, parse_task
from tests.builders import an_event
from tests.infra.synthesized import (
    ALERTS,
    Resource,
    Synthesized,
    refuses_plain_http,
    target,
    text_of,
)
from truffle.alerts.routing import DEFAULT_POLICY, subscription_filter
from truffle.alerts.settings_parser import parse_settings
from truffle.core.events import message_attributes
from truffle.core.times import parse_time

MOMENT = "2026-11-24T08:30:00Z"


def _alerts(stack: Synthesized) -> Resource:
    return stack.get(target(stack.outputs["TopicArn"]["Value"]))


def _alarms(stack: Synthesized) -> Resource:
    (alarm, *_) = stack.of_type("CloudWatch::Alarm")
    return stack.get(target(alarm["AlarmActions"][0]))


def _subscriptions(stack: Synthesized, topic: Resource) -> list[Resource]:
    return [
        one
        for one in stack.of_type("SNS::Subscription")
        if target(one["TopicArn"]) == topic.logical_id
    ]


def _subscription(stack: Synthesized, destination: str) -> Resource:
    """That of a destination's queue to the topic of all events."""
    queue = stack.queue(destination).logical_id
    (found,) = [
        one
        for one in _subscriptions(stack, _alerts(stack))
        if one["Protocol"] == "sqs" and target(one["Endpoint"]) == queue
    ]
    return found


def test_every_topic_takes_tls_only(stack: Synthesized) -> None:
    for topic in stack.of_type("SNS::Topic"):
        assert refuses_plain_http(stack.policy_of("SNS::TopicPolicy", topic)), topic.logical_id


def test_every_topic_of_alerts_is_encrypted(stack: Synthesized) -> None:
    topics = [one for one in stack.of_type("SNS::Topic") if one != _alarms(stack)]
    assert len(topics) == 1 + 3
    for topic in topics:
        assert "alias/aws/sns" in str(topic["KmsMasterKeyId"]), topic.logical_id


def test_only_cloudwatch_of_this_account_may_publish_alarms(stack: Synthesized) -> None:
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
    (email,) = [one for one in _subscriptions(stack, _alerts(stack)) if one["Protocol"] == "email"]
    assert email["Endpoint"] == "people@example.com"
    assert email["FilterPolicy"] == DEFAULT_POLICY
    assert "FilterPolicyScope" not in email.properties


def test_the_secrets_destination_gets_what_passes_the_contexts_filter(stack: Synthesized) -> None:
    assert _subscription(stack, "slack")["FilterPolicy"] == DEFAULT_POLICY


def test_a_destination_gets_what_its_routes_may_let_through(stack: Synthesized) -> None:
    for name in ("on-call", "research", "chat", "people", "pager", "ops"):
        destination = parse_settings(ALERTS).destination(name)
        policy = subscription_filter(parse_settings(ALERTS), destination)
        assert policy is not None
        assert _subscription(stack, name)["FilterPolicy"] == policy
    for name in ("warehouse", "bus"):
        assert "FilterPolicy" not in _subscription(stack, name).properties


def test_a_destination_without_a_route_is_not_subscribed(stack: Synthesized) -> None:
    endpoints = {
        target(one["Endpoint"])
        for one in _subscriptions(stack, _alerts(stack))
        if one["Protocol"] == "sqs"
    }
    assert endpoints == {
        stack.queue(name).logical_id for name in (*ALERTS["destinations"], "slack")
    } - {stack.queue("silent").logical_id}


def test_a_queue_gets_the_message_itself_and_loses_none(stack: Synthesized) -> None:
    for name in ("on-call", "slack"):
        subscription = _subscription(stack, name)
        dead = target(subscription["RedrivePolicy"]["deadLetterTargetArn"])
        assert subscription["RawMessageDelivery"] is True
        assert dead == stack.dead_letters(name).logical_id


def test_the_topic_may_send_to_every_destinations_queue_and_its_dead_letters(
    stack: Synthesized,
) -> None:
    for name in (*ALERTS["destinations"], "slack"):
        for queue in (stack.queue(name), stack.dead_letters(name)):
            (allowing,) = [
                one
                for one in stack.policy_of("SQS::QueuePolicy", queue)
                if one["Effect"] == "Allow"
            ]
            assert allowing["Action"] == "sqs:SendMessage"
            assert allowing["Principal"] == {"Service": "sns.amazonaws.com"}
            assert allowing["Condition"] == {
                "ArnEquals": {"aws:SourceArn": {"Ref": _alerts(stack).logical_id}},
                "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
            }


def test_email_and_chat_applications_have_topics_of_their_own(stack: Synthesized) -> None:
    """Readers of prose must not get JSON; the recipients in a chat are set in Amazon Q."""
    addresses = {
        name: [one["Endpoint"] for one in _subscriptions(stack, _topic(stack, name))]
        for name in ("People", "Silent", "Chat")
    }
    assert addresses == {
        "People": ["reader@example.com"],
        "Silent": ["a@example.com"],
        "Chat": [],
    }


def _topic(stack: Synthesized, name: str) -> Resource:
    return stack.get(target(stack.outputs[f"Destination{name}TopicArn"]["Value"]))


def test_the_function_knows_each_queues_destination_and_topic(stack: Synthesized) -> None:
    variables = stack.function("deliver")["Environment"]["Variables"]
    names = (*ALERTS["destinations"], "slack")
    assert json.loads(text_of(variables["TRUFFLE_DESTINATIONS"])) == {
        f"<{stack.queue(name).logical_id}>": name for name in names
    }
    assert json.loads(text_of(variables["TRUFFLE_TOPICS"])) == {
        name.lower(): f"<{_topic(stack, name).logical_id}>" for name in ("Chat", "People", "Silent")
    }


@pytest.mark.parametrize(
    ("destination", "cron", "zone"),
    [("on-call", "cron(30 8 * * ? *)", "Europe/Berlin"), ("silent", "cron(0 7 * * ? *)", "UTC")],
)
def test_a_daily_summary_is_asked_for_at_its_time_in_its_zone(
    stack: Synthesized, destination: str, cron: str, zone: str
) -> None:
    (schedule,) = [
        one
        for one in stack.of_type("Scheduler::Schedule")
        if target(one["Target"]["Arn"]) == stack.queue(destination).logical_id
    ]
    assert schedule["ScheduleExpression"] == cron
    assert schedule["ScheduleExpressionTimezone"] == zone
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    dead = target(schedule["Target"]["DeadLetterConfig"]["Arn"])
    assert dead == stack.dead_letters(destination).logical_id
    moment = schedule["Target"]["Input"].replace("<aws.scheduler.scheduled-time>", MOMENT)
    assert parse_task(moment) == DeliverSummary(parse_time(MOMENT))


def test_operators_get_every_alarm(stack: Synthesized) -> None:
    (email,) = _subscriptions(stack, _alarms(stack))
    assert email["Endpoint"] == "operators@example.com"
    assert "FilterPolicy" not in email.properties


def test_without_addresses_there_is_no_subscription(plain: Synthesized) -> None:
    assert not plain.has("SNS::Subscription")


def test_a_filter_can_name_every_attribute_of_an_alert() -> None:
    assert set(
        message_attributes(an_event(account_name="research", organizational_unit="ml"))
    ) == set(ALERT_ATTRIBUTES)
