"""The queue that listens to the alerts: what has to come is waited for, silence is short."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from sandbox.demo import received
from sandbox.errors import SandboxError
from sandbox.story import STORY
from sandbox.subscription import subscribed

TOPIC = "arn:aws:sns:us-east-1:123456789012:alerts"


class Queue:
    """SNS and SQS in one, which give one batch of messages after the other, then none."""

    def __init__(self, *batches: Iterable[int]) -> None:
        self.batches = [[*batch] for batch in batches]
        self.deleted: list[str] = []

    def receive_message(self, **_: Any) -> dict[str, Any]:
        batch = self.batches.pop(0) if self.batches else []
        return {
            "Messages": [{"Body": json.dumps({"n": n}), "ReceiptHandle": str(n)} for n in batch]
        }

    def delete_message(self, ReceiptHandle: str, **_: Any) -> None:
        self.deleted.append(ReceiptHandle)

    def create_queue(self, **_: Any) -> dict[str, Any]:
        return {"QueueUrl": "http://127.0.0.1/queue"}

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        return {"Attributes": {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:queue"}}

    def set_queue_attributes(self, **_: Any) -> None: ...

    def subscribe(self, **_: Any) -> dict[str, Any]:
        return {"SubscriptionArn": TOPIC}

    def unsubscribe(self, **_: Any) -> None: ...

    def delete_queue(self, **_: Any) -> None:
        self.deleted.append("queue")


def test_what_has_to_come_is_waited_for_however_long_the_silence() -> None:
    queue = Queue([], [], [1], [], [2, 3])
    with subscribed(lambda _: queue, TOPIC) as receive:
        assert [message["n"] for message in receive(0, at_least=2)] == [1, 2, 3]
    assert queue.deleted == ["1", "2", "3", "queue"]


def test_where_nothing_has_to_come_silence_ends_it() -> None:
    queue = Queue([], [1])
    with subscribed(lambda _: queue, TOPIC) as receive:
        assert receive(0) == []


def test_what_comes_once_more_is_seen_too() -> None:
    queue = Queue([1], [1])
    with subscribed(lambda _: queue, TOPIC) as receive:
        assert [message["n"] for message in receive(0.5, at_least=1)] == [1, 1]


class TestTheDemo:
    STEP = next(step for step in STORY if step.reservation_id is not None)

    def test_it_goes_on_when_the_alert_of_a_step_has_come(self) -> None:
        message = {"reservation_id": self.STEP.reservation_id}
        assert received(self.STEP, lambda seconds, at_least=0: [message]) == [message]

    def test_it_fails_when_another_one_has_come(self) -> None:
        with pytest.raises(SandboxError, match=str(self.STEP.reservation_id)):
            received(self.STEP, lambda seconds, at_least=0: [{"reservation_id": "cr-other"}])
