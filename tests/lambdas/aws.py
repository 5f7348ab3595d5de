"""The stack's stores, queues and topic, as the design names them, in moto's memory."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import count
from typing import Any, cast

from lambdas.clients import service
from lambdas.settings import (
    CollectSettings,
    DeliverSettings,
    FanOutSettings,
    HintSettings,
    LedgerSettings,
    PricesSettings,
    PublishSettings,
    QuerySettings,
    Settings,
    WatchSettings,
)
from lambdas.store.beside import BesideStore
from lambdas.store.heartbeats import scopes_of
from lambdas.store.scopes import ScopeStore
from lambdas.store.table import EVENT_PREFIX, read_body
from tests.builders import HOME

Json = dict[str, Any]

_numbers = count(1)

FEED_TOKEN = "0123456789abcdefghijABCDEFGHIJ0123456789xyz"
untyped: Callable[[str], Any] = cast("Any", service)
"""The functions' clients, for calls whose parameters are made of plain dictionaries."""


class Stack:
    """One deployment's resources, each made when a test first needs it. ``stranded`` and
    ``cost_explorer`` are on or empty, as the settings."""

    def __init__(self) -> None:
        self._number = next(_numbers)
        self._boxes: dict[str, Box] = {}
        self.topics: dict[str, str] = {}
        self.stranded = ""
        self.cost_explorer = ""

    @cached_property
    def table(self) -> str:
        return make_table(f"table-{self._number}")

    @cached_property
    def idempotency_table(self) -> str:
        return _idempotency_table(f"idempotency-{self._number}")

    @cached_property
    def feed_secret(self) -> str:
        """The ARN of the secret of the calendar feed."""
        made = service("secretsmanager").create_secret(
            Name=f"feed-{self._number}", SecretString=FEED_TOKEN
        )
        return str(made["ARN"])

    @cached_property
    def bucket(self) -> str:
        name = f"truffle-{self._number}"
        service("s3").create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
        )
        return name

    @cached_property
    def unit_dead_letters(self) -> str:
        return _queue(f"units-dead-{self._number}")

    @cached_property
    def units(self) -> str:
        redrive = {"deadLetterTargetArn": _arn(self.unit_dead_letters), "maxReceiveCount": 5}
        name = f"units-{self._number}"
        return _queue(name, VisibilityTimeout="720", RedrivePolicy=json.dumps(redrive))

    @cached_property
    def checks(self) -> str:
        """The group of the one-time schedules."""
        name = f"checks-{self._number}"
        untyped("scheduler").create_schedule_group(Name=name)
        return name

    @cached_property
    def topic(self) -> str:
        arn: str = service("sns").create_topic(Name=f"events-{self._number}")["TopicArn"]
        return arn

    @cached_property
    def published(self) -> str:
        """A queue that is subscribed to the topic, raw."""
        url = _queue(f"published-{self._number}")
        service("sns").subscribe(
            TopicArn=self.topic,
            Protocol="sqs",
            Endpoint=_arn(url),
            Attributes={"RawMessageDelivery": "true"},
        )
        return url

    @cached_property
    def dead_letters(self) -> str:
        return _queue(f"alert-dead-{self._number}")

    def destination(self, name: str) -> Box:
        """The queues of a destination."""
        if name not in self._boxes:
            dead_letters = _queue(f"{name}-dead-{self._number}")
            redrive = {"deadLetterTargetArn": _arn(dead_letters), "maxReceiveCount": 1000}
            queue = _queue(
                f"{name}-{self._number}",
                VisibilityTimeout="360",
                RedrivePolicy=json.dumps(redrive),
            )
            self._boxes[name] = Box(queue, dead_letters)
        return self._boxes[name]

    def settings(self, kind: type[Settings]) -> Settings:
        """The environment that infra sets for a function."""
        known: dict[type[Settings], Callable[[], Settings]] = {
            CollectSettings: lambda: CollectSettings(
                table=self.table,
                bucket=self.bucket,
                queue_url=self.units,
                account_id=HOME,
                role_name="truffle-read",
                max_receives="5",
                event_retention_days="3",
                schedule_minutes="60",
                checks_group=self.checks,
                checks_queue_arn=_arn(self.units),
                checks_role_arn=f"arn:aws:iam::{HOME}:role/checks",
                expected_denied="",
                stranded=self.stranded,
            ),
            LedgerSettings: lambda: LedgerSettings(self.table, self.bucket, "60"),
            PricesSettings: lambda: PricesSettings(self.table, self.bucket, self.cost_explorer),
            WatchSettings: lambda: WatchSettings(self.table, self.bucket, HOME, "400"),
            HintSettings: lambda: HintSettings(self.table, self.units),
            FanOutSettings: lambda: FanOutSettings(
                table=self.table,
                bucket=self.bucket,
                queue_url=self.units,
                account_id=HOME,
                regions="us-east-2,eu-west-1",
                collector="collector",
            ),
            PublishSettings: lambda: PublishSettings(
                self.table, self.bucket, self.topic, self.idempotency_table, self.dead_letters
            ),
            QuerySettings: lambda: QuerySettings(
                table=self.table,
                schedule_minutes="60",
                event_retention_days="400",
                expected_denied="",
                queues=self._queues(),
                publisher="publisher",
                bucket=self.bucket,
                feed_secret=self.feed_secret,
                stranded=self.stranded,
            ),
            DeliverSettings: lambda: DeliverSettings(
                table=self.table,
                idempotency_table=self.idempotency_table,
                destinations=json.dumps({box.name: name for name, box in self._boxes.items()}),
                topics=json.dumps(self.topics),
                report_url="https://report.example/gpu",
                schedule_minutes="60",
                expected_denied="*/eu-north-*",
            ),
        }
        return known[kind]()

    def _queues(self) -> str:
        return json.dumps({name: box.name for name, box in self._boxes.items()})

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
        body = {"run_id": run_id, "region": region, "accounts": accounts or (HOME,), "group": 0}
        service("sqs").send_message(QueueUrl=self.units, MessageBody=json.dumps(body))


@dataclass(frozen=True)
class Box:
    """The queues of a destination, by their URLs."""

    queue: str
    dead_letters: str

    @property
    def name(self) -> str:
        return self.queue.rpartition("/")[2]


def messages(queue_url: str) -> list[Json]:
    """Takes all visible messages off a queue."""
    taken = list(_receive(queue_url))
    for message in taken:
        service("sqs").delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return taken


def deliver(queue_url: str) -> Json:
    """The event that Lambda gets of a queue's visible messages, which stay on it, hidden."""
    arn = _arn(queue_url)
    return {"Records": [_record(message, arn) for message in _receive(queue_url)]}


def hidden_messages(queue_url: str) -> list[Any]:
    """moto's messages of a queue, also those that a receiver does not see now."""
    from moto.sqs.models import sqs_backends

    messages: list[Any] = (
        sqs_backends[HOME]["us-east-2"].queues[queue_url.rpartition("/")[2]]._messages
    )
    return messages


def show_again(queue_url: str) -> None:
    """Time passes for the queue: what it hides becomes visible."""
    for message in hidden_messages(queue_url):
        message.change_visibility(0)


def _receive(queue_url: str) -> Iterator[Json]:
    while True:
        answer = untyped("sqs").receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        if not answer.get("Messages"):
            return
        yield from answer["Messages"]


def _record(message: Json, queue_arn: str) -> Json:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": "us-east-2",
    }


def make_table(name: str) -> str:
    """The table, with its index; gives its name. moto lets nothing expire."""
    client = untyped("dynamodb")
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
    return name


def make_scopes() -> ScopeStore:
    """A store with a table of its own, the only one that there is."""
    client = untyped("dynamodb")
    for name in client.list_tables()["TableNames"]:
        client.delete_table(TableName=name)
    return ScopeStore(client, make_table(f"scopes-{next(_numbers)}"))


def retire_others(
    scopes: ScopeStore, unit: str, accounts: Collection[str], opened_at: datetime
) -> None:
    """Retire the scopes of other accounts, as collecting a unit of these does."""
    beats = scopes.heartbeats.get([unit])[unit]
    others = {
        scope: beats[scope.account_id]
        for scope in scopes_of(unit, beats)
        if scope.account_id not in accounts
    }
    scopes.retire(unit, others, opened_at, BesideStore(scopes.groups).of_scopes(others))


def _idempotency_table(name: str) -> str:
    untyped("dynamodb").create_table(
        TableName=name,
        KeySchema=_key("id"),
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def _key(*names: str) -> list[Json]:
    kinds = ("HASH", "RANGE")
    return [
        {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, kinds, strict=False)
    ]


def _queue(name: str, **attributes: str) -> str:
    url: str = untyped("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url


def _arn(queue_url: str) -> str:
    return f"arn:aws:sqs:us-east-2:{HOME}:{queue_url.rpartition('/')[2]}"
