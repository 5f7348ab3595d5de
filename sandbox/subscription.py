"""A temporary queue that is subscribed to the topic of alerts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

PATIENCE = 120.0
"""The maximum number of seconds to wait for expected messages."""


class Receive(Protocol):
    """Returns the messages that arrived until ``seconds`` passed without another one; waits for
    ``at_least`` this many, for at most PATIENCE."""

    def __call__(self, seconds: float, at_least: int = 0) -> list[dict[str, Any]]: ...


@contextmanager
def subscribed(client: Callable[[str], Any], topic_arn: str) -> Iterator[Receive]:
    """A queue subscribed to a topic; ``client`` creates boto3 clients by service name."""
    sqs, name = client("sqs"), f"alerts-{time.monotonic_ns()}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = attributes["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _may_send(arn, topic_arn)})
    subscription = client("sns").subscribe(
        TopicArn=topic_arn,
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true"},
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    try:
        yield partial(_drain, sqs, url)
    finally:
        client("sns").unsubscribe(SubscriptionArn=subscription)
        sqs.delete_queue(QueueUrl=url)


def _may_send(queue_arn: str, topic_arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _drain(sqs: Any, url: str, seconds: float, at_least: int = 0) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    began = time.monotonic()
    deadline = began + seconds
    while time.monotonic() < (began + PATIENCE if len(messages) < at_least else deadline):
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", ()):
            messages.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            deadline = time.monotonic() + seconds
    return messages
