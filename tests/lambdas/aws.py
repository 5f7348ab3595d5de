"""The stack's stores, queues and topic, as the design names them, in moto's memory."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from lambdas.clients import service
from lambdas.settings import (
    AlertSettings,
    CollectSettings,
    FanOutSettings,
    QuerySettings,
    Settings,
    SlackSettings,
)
from lambdas.store.items import EVENT_PREFIX, read_body
from lambdas.store.scopes import ScopeStore
from tests.builders import HOME

Json = dict[str, Any]

_numbers = count(1)


@dataclass(frozen=True)
class Stack:
    """One deployment's resources: every test has its own."""

    table: str
    idempotency_table: str
    bucket: str
    units: str
    unit_dead_letters: str
    topic: str
    published: str
    """A queue that is subscribed to the topic, raw."""
    dead_letters: str
    cards: str
    secret: str

    def settings(self, kind: type[Settings]) -> Settings:
        """What infra sets for a function."""
        known: list[Settings] = [
            CollectSettings(
                table=self.table,
                bucket=self.bucket,
                queue_url=self.units,
                account_id=HOME,
                role_name="truffle-read",
                max_receives="3",
                event_retention_days="400",
            ),
            FanOutSettings(
                table=self.table,
                bucket=self.bucket,
                queue_url=self.units,
                account_id=HOME,
                regions="us-east-2,eu-west-1",
                accounts="",
                role_name="truffle-read",
            ),
            AlertSettings(self.topic, self.idempotency_table, self.dead_letters),
            QuerySettings(self.table, "60"),
            SlackSettings(self.secret, self.idempotency_table, self.cards),
        ]
        return next(settings for settings in known if isinstance(settings, kind))

    @property
    def scopes(self) -> ScopeStore:
        return ScopeStore(service("dynamodb"), self.table)

    def items(self) -> list[Json]:
        """Everything in the table."""
        pages = service("dynamodb").get_paginator("scan").paginate(TableName=self.table)
        return [item for page in pages for item in page["Items"]]

    def event_items(self) -> list[Json]:
        """The items of events, the oldest first."""
        found = [item for item in self.items() if item["pk"]["S"].startswith(EVENT_PREFIX)]
        return sorted(found, key=lambda item: str(item["sk"]["S"]))

    def events(self) -> list[Json]:
        """The messages of all events, the oldest first."""
        return [read_body(item) for item in self.event_items()]

    def happenings(self) -> list[tuple[str, str]]:
        """Reservation and reason of every event, the oldest first."""
        return [(event["reservation_id"], event["reason"]) for event in self.events()]

    def keys(self) -> list[str]:
        """The keys of all objects."""
        answer = service("s3").list_objects_v2(Bucket=self.bucket)
        return [entry["Key"] for entry in answer.get("Contents", ())]

    def object(self, key: str) -> bytes:
        answer = service("s3").get_object(Bucket=self.bucket, Key=key)
        body: bytes = answer["Body"].read()
        return gzip.decompress(body) if answer.get("ContentEncoding") == "gzip" else body

    def document(self, key: str) -> Any:
        return json.loads(self.object(key))

    def send_unit(self, run_id: str, region: str, *accounts: str) -> None:
        body = {"run_id": run_id, "region": region, "accounts": accounts or (HOME,)}
        service("sqs").send_message(QueueUrl=self.units, MessageBody=json.dumps(body))


def messages(queue_url: str) -> list[Json]:
    """Takes all visible messages off a queue."""
    taken = list(_receive(queue_url))
    for message in taken:
        service("sqs").delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return taken


def deliver(queue_url: str) -> Json:
    """The event that Lambda gets of a queue's visible messages, which stay on it, hidden."""
    return {"Records": [_record(message) for message in _receive(queue_url)]}


def _receive(queue_url: str) -> Iterator[Json]:
    while True:
        answer = service("sqs").receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        if not answer.get("Messages"):
            return
        yield from answer["Messages"]


def _record(message: Json) -> Json:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:queue",
        "awsRegion": "us-east-2",
    }


def make_stack() -> Stack:
    number = next(_numbers)
    units, unit_dead_letters = _work_queue(f"units-{number}")
    topic = service("sns").create_topic(Name=f"events-{number}")["TopicArn"]
    bucket = f"truffle-{number}"
    service("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
    )
    secret = service("secretsmanager").create_secret(
        Name=f"slack-{number}", SecretString="https://hooks.invalid/services/T0/B0/s3cr3t"
    )
    return Stack(
        table=make_table(f"table-{number}"),
        idempotency_table=_idempotency_table(f"idempotency-{number}"),
        bucket=bucket,
        units=units,
        unit_dead_letters=unit_dead_letters,
        topic=topic,
        published=_subscribed_queue(f"published-{number}", topic),
        dead_letters=_queue(f"alert-dead-{number}"),
        cards=_queue(f"cards-{number}"),
        secret=secret["ARN"],
    )


def make_table(name: str) -> str:
    """The table, with its index and its time to live; gives its name."""
    client = service("dynamodb")
    client.create_table(
        TableName=name,
        KeySchema=_key("pk", "sk"),
        AttributeDefinitions=[
            {"AttributeName": attribute, "AttributeType": "S"}
            for attribute in ("pk", "sk", "reservation_id")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-reservation",
                "KeySchema": _key("reservation_id", "sk"),
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    _expires(name, "expires_at")
    return name


def make_scopes() -> ScopeStore:
    """A store with a table of its own, the only one that there is."""
    client = service("dynamodb")
    for name in client.list_tables()["TableNames"]:
        client.delete_table(TableName=name)
    return ScopeStore(client, make_table(f"scopes-{next(_numbers)}"))


def _idempotency_table(name: str) -> str:
    service("dynamodb").create_table(
        TableName=name,
        KeySchema=_key("id"),
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    _expires(name, "expiration")
    return name


def _key(*names: str) -> list[Json]:
    kinds = ("HASH", "RANGE")
    return [
        {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, kinds, strict=False)
    ]


def _expires(table: str, attribute: str) -> None:
    service("dynamodb").update_time_to_live(
        TableName=table,
        TimeToLiveSpecification={"AttributeName": attribute, "Enabled": True},
    )


def _queue(name: str, **attributes: str) -> str:
    url: str = service("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url


def _arn(queue_url: str) -> str:
    answer = service("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    arn: str = answer["Attributes"]["QueueArn"]
    return arn


def _work_queue(name: str) -> tuple[str, str]:
    """A queue and the one of its dead letters."""
    dead_letters = _queue(f"{name}-dead")
    redrive = {"deadLetterTargetArn": _arn(dead_letters), "maxReceiveCount": 3}
    url = _queue(name, VisibilityTimeout="240", RedrivePolicy=json.dumps(redrive))
    return url, dead_letters


def _subscribed_queue(name: str, topic: str) -> str:
    url = _queue(name)
    service("sns").subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=_arn(url),
        Attributes={"RawMessageDelivery": "true"},
    )
    return url
