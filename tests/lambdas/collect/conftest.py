"""The function over units on its queue, and what EC2 has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lambdas import collect, scope_clients
from lambdas.clients import service
from lambdas.settings import CollectSettings
from tests.lambdas.aws import Stack, deliver
from tests.lambdas.collect.builders import region
from tests.lambdas.fakes import (
    Clock,
    FakeContext,
    Fleet,
)

Deploy = Callable[..., None]


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """EC2's data, in place of the clients that the function would create."""
    made = Fleet()
    monkeypatch.setattr(scope_clients, "ScopeClients", lambda *_: made)
    return made


@pytest.fixture
def lambda_(
    stack: Stack, deploy: Deploy, fleet: Fleet, clock: Clock, context: FakeContext
) -> Callable[[], list[str]]:
    """Invokes the function with all visible units, then with what these sent; gives the regions
    that it reports as failed."""
    deploy(CollectSettings)

    def handle(event: dict[str, Any]) -> list[str]:
        answer = collect.handler(event, context)
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        bodies = {record["messageId"]: record["body"] for record in event["Records"]}
        for record in event["Records"]:
            if record["messageId"] not in failed:
                service("sqs").delete_message(
                    QueueUrl=stack.units, ReceiptHandle=record["receiptHandle"]
                )
        return [region(bodies[name]) for name in failed]

    def invoke() -> list[str]:
        failed = handle(deliver(stack.units))
        sent = deliver(stack.units)
        return sorted([*failed, *(handle(sent) if sent["Records"] else [])])

    return invoke
