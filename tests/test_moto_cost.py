"""moto's answers are the same at its full cost and at the lower one of the functions' tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.lambdas import moto_cost
from tests.lambdas.aws import Stack, messages, untyped
from tests.lambdas.conftest import ENVIRONMENT, forget_clients

UPDATE = {
    "UpdateExpression": "SET used = if_not_exists(used, :one) + :two, held = :names REMOVE gone_by",
    "ExpressionAttributeValues": {
        ":one": {"N": "1"},
        ":two": {"N": "2"},
        ":names": {"L": [{"S": "x"}]},
    },
    "ReturnValues": "ALL_NEW",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    forget_clients()
    yield
    forget_clients()


def key(name: str) -> dict[str, Any]:
    return {"pk": {"S": "scope"}, "sk": {"S": name}, "gone_by": {"N": "1"}}


def refusal(table: str) -> Any:
    """The error response for a transaction whose last action is refused."""
    gone = {"TableName": table, "Key": {"pk": {"S": "scope"}, "sk": {"S": "b"}}}
    taken = {"Item": key("a"), "ConditionExpression": "attribute_not_exists(pk)"}
    with pytest.raises(ClientError) as failure:
        untyped("dynamodb").transact_write_items(
            TransactItems=[{"Delete": gone}, {"Put": {"TableName": table, **taken}}]
        )
    return failure.value.response


def answers() -> dict[str, Any]:
    """What moto answers, without what differs between any two answers."""
    with mock_aws():
        stack, dynamodb = Stack(), untyped("dynamodb")
        puts = [{"Put": {"TableName": stack.table, "Item": key(name)}} for name in ("a", "b")]
        dynamodb.transact_write_items(TransactItems=puts)
        named = {"TableName": stack.table, "Key": {"pk": {"S": "scope"}, "sk": {"S": "a"}}}
        updated = dynamodb.update_item(**named, **UPDATE)
        refused = refusal(stack.table)
        listening = stack.published
        untyped("sns").publish(TopicArn=stack.topic, Message="heard")
        untyped("s3").put_object(Bucket=stack.bucket, Key="a/b", Body=b"content")
        return {
            "updated": updated["Attributes"],
            "refused": (refused["Error"], refused["CancellationReasons"]),
            "items": stack.items(),
            "messages": [message["Body"] for message in messages(listening)],
            "objects": [stack.keys(), stack.object("a/b")],
        }


def test_they_are_the_same() -> None:
    plain = answers()
    with pytest.MonkeyPatch.context() as patch:
        moto_cost.lower(patch)
        assert answers() == plain


def test_a_refused_transaction_changes_nothing() -> None:
    with pytest.MonkeyPatch.context() as patch:
        moto_cost.lower(patch)
        assert [item["sk"]["S"] for item in answers()["items"]] == ["a", "b"]
