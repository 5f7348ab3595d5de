"""The cost of a run is counted where requests are sent: each attempt, in any thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.clients import meter, service
from lambdas.metering import CallMeter
from lambdas.store.table import key, text
from tests.lambdas.aws import Stack, untyped
from tests.lambdas.fakes import Wire
from truffle.core.calls import Calls
from truffle.threads import start

WireTo = Callable[[str], Wire]


@pytest.fixture
def table(stack: Stack) -> str:
    """The table of a stack, from whose making nothing is counted any more."""
    name = stack.table
    meter.take()
    return name


def put(table: str, *names: str) -> None:
    for name in names:
        service("dynamodb").put_item(TableName=table, Item=key("A", name))


def test_requests_are_counted_by_service_and_once(stack: Stack) -> None:
    bucket, queue = stack.bucket, stack.units
    meter.take()
    service("s3").put_object(Bucket=bucket, Key="a", Body=b"")
    service("s3").get_object(Bucket=bucket, Key="a")
    service("sqs").send_message(QueueUrl=queue, MessageBody="a")
    assert meter.take() == Calls({"s3": 2, "sqs": 1})
    assert meter.take() == Calls()


def test_a_service_is_counted_whichever_it_is(stack: Stack) -> None:
    topic = stack.topic
    meter.take()
    service("sns").publish(TopicArn=topic, Message="a")
    service("secretsmanager").list_secrets()
    assert meter.take() == Calls({"sns": 1, "secrets-manager": 1})


def test_a_thread_of_the_function_counts_for_it(table: str) -> None:
    start(lambda: put(table, "a")).result()
    assert meter.take() == Calls({"dynamodb": 1}, items_written=1)


def test_each_attempt_of_a_call_is_a_request(table: str, wire: WireTo) -> None:
    wire("dynamodb").answers_once("PutItem", 500)
    put(table, "a")
    assert meter.take() == Calls({"dynamodb": 2}, items_written=1)


def transaction(table: str, *actions: dict[str, Any]) -> None:
    kinds = [{kind: {"TableName": table, **more}} for it in actions for kind, more in it.items()]
    untyped("dynamodb").transact_write_items(TransactItems=kinds)


def test_the_items_of_a_transaction_are_written_but_those_that_it_only_checks(table: str) -> None:
    put(table, "old")
    meter.take()
    transaction(
        table,
        {"Put": {"Item": key("A", "new")}},
        {"Delete": {"Key": key("A", "old")}},
        {
            "ConditionCheck": {
                "Key": key("A", "x"),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        },
    )
    assert meter.take() == Calls({"dynamodb": 1}, items_written=2)


def test_a_refused_write_is_a_request_that_wrote_nothing(table: str) -> None:
    with pytest.raises(ClientError):
        service("dynamodb").put_item(
            TableName=table, Item=key("A", "a"), ConditionExpression="attribute_exists(pk)"
        )
    assert meter.take() == Calls({"dynamodb": 1})


def test_items_read_are_those_that_came_back(table: str) -> None:
    put(table, "a", "b", "c")
    meter.take()
    client = service("dynamodb")
    for name in ("a", "missing"):
        client.get_item(TableName=table, Key=key("A", name))
    client.batch_get_item(
        RequestItems={table: {"Keys": [key("A", it) for it in ("a", "b", "missing")]}}
    )
    client.query(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": text("A")},
    )
    assert meter.take() == Calls({"dynamodb": 4}, items_read=1 + 2 + 3)


def test_what_another_function_sent_can_be_added() -> None:
    made = CallMeter()
    made.add(Calls({"ec2": 3}))
    made.add(Calls({"ec2": 1, "sts": 2}))
    assert made.take() == Calls({"ec2": 4, "sts": 2})
