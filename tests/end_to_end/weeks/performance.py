"""Plays the two weeks on a sandbox: time, deeds, runs, and what goes wrong, in their order.

What is waited for is real time: messages take seconds on their way, and retries come after 5, 10,
20 … seconds, while hours of the story pass in one.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sandbox.box import Sandbox
from sandbox.sink.destination import DOWN, ReceivedRequest, Reply
from tests.end_to_end.weeks.lives import MINUTE, Json
from tests.end_to_end.weeks.oracle import Fact, Hearing, Look, facts
from tests.end_to_end.weeks.plot import (
    ARCHIVE_DOWN,
    BEFORE_ARCHIVE,
    BEFORE_SLACK,
    BURST_AT,
    LENGTH,
    MUTED_UNTIL,
    REGIONS,
    SLACK_DOWN,
    Plot,
    looks,
)
from truffle.core.times import format_time, parse_time

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
PATHS = {
    "bus": "/bus",
    "oncall": "/services/T0/B0/s3cr3t",
    "research": "/workflows/s3cr3t",
    "pager": "/v2/enqueue",
    "archive": "/archive",
}
SETTLED_LOOKS = (BEFORE_SLACK, BURST_AT + MINUTE, BEFORE_ARCHIVE)
"""After these, everything has arrived before time goes on."""


def alerts_file(begin: datetime) -> Json:
    """The destinations, routes and mutes; JSON is YAML."""
    return {
        "destinations": {
            "bus": {"kind": "https", "secret": "truffle/bus"},
            "oncall": {"kind": "slack", "secret": "truffle/oncall"},
            "research": {"kind": "teams", "secret": "truffle/research", "digest_above": 5},
            "pager": {"kind": "pagerduty", "secret": "truffle/pager"},
            "archive": {"kind": "https", "secret": "truffle/archive"},
        },
        "routes": [
            {"name": "usual", "to": ["bus", "oncall", "pager"]},
            {"name": "team", "to": ["research"], "when": {"tag": {"Team": ["research"]}}},
            {
                "name": "losses",
                "to": ["archive"],
                "when": {"type": ["resized"], "severity": ["warning"]},
            },
        ],
        "mutes": [
            {
                "reason": "planned drain",
                "until": format_time(begin + MUTED_UNTIL),
                "tag": {"Team": ["inference"]},
            }
        ],
    }


def put_secrets(box: Sandbox) -> None:
    for name, path in PATHS.items():
        url = box.sink.url(path)
        text = json.dumps({"routing_key": ROUTING_KEY, "url": url}) if name == "pager" else url
        box.put_secret(f"truffle/{name}", text)


@dataclass
class Performance:
    """The story as it was played: when each run listed each region, and the result.

    ``settled`` are the runs after which everything had arrived before time went on.
    """

    box: Sandbox
    begin: datetime
    plot: Plot
    looks: list[Look] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)

    def play(self, seed: int) -> None:
        self._look()
        steps: list[tuple[timedelta, Callable[[], object]]] = [
            *((deed.at, partial(deed.do, self.box.ec2)) for deed in self.plot.deeds),
            *((moment, self._look) for moment in looks(seed)),
            *((moment + MINUTE, self._settle) for moment in SETTLED_LOOKS),
            *((moment + MINUTE, self._repeat) for moment in SETTLED_LOOKS),
            (SLACK_DOWN[0], lambda: self._answer("oncall", DOWN)),
            (SLACK_DOWN[1], lambda: self._mend("oncall")),
            (ARCHIVE_DOWN[0], lambda: self._answer("archive", Reply(500, "down"))),
            (ARCHIVE_DOWN[1], self._bury),
            (LENGTH + MINUTE, self._settle),
        ]
        for moment, step in sorted(steps, key=lambda step: step[0]):
            self._go_to(moment)
            step()

    # What is expected and what is there

    def facts(self) -> list[Fact]:
        """The story's list."""
        return facts(self.plot.lives.values(), self.looks, REGIONS)

    def hearing(self) -> Hearing:
        return Hearing(self.plot.lives, self.looks, MUTED_UNTIL)

    def heard(self, name: str) -> list[ReceivedRequest]:
        """The messages that a destination accepted."""
        taken = self.box.sink.requests(PATHS[name])
        return [one for one in taken if one.answered is not None and one.answered < 300]

    def refused(self, name: str) -> set[str]:
        """The events that a destination did not take at least once, by id."""
        sent = self.box.sink.requests(PATHS[name])
        return {found for one in sent if one.answered != 200 for found in ids_in(one.json)}

    def events(self) -> list[Json]:
        """All that the stack has recorded."""
        found: list[Json] = []
        since = format_time(self.begin - MINUTE)
        token: dict[str, Any] = {}
        while True:
            status, answer = self.box.get("/events", since=since, limit=1000, **token)
            assert status == 200, answer
            found += answer["items"]
            if answer["next_token"] is None:
                return found
            token = {"next_token": answer["next_token"]}

    def dead_letters(self, name: str) -> list[Json]:
        """Messages that a destination never took; they stay."""
        sqs, url = self.box.client("sqs"), self._queue(name, "DeadLetterQueueUrl")
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        by_id = {item["MessageId"]: json.loads(item["Body"]) for item in answer.get("Messages", ())}
        return list(by_id.values())

    def redrive(self, name: str) -> None:
        """Put a destination's dead letters back on its queue."""
        sqs = self.box.client("sqs")
        dead, queue = self._queue(name, "DeadLetterQueueUrl"), self._queue(name, "QueueUrl")
        while messages := sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                sqs.send_message(QueueUrl=queue, MessageBody=message["Body"])
                sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])

    def _is_empty(self, url: str) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.box.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return all(answer["Attributes"][name] == "0" for name in names)

    def _queue(self, name: str, what: str) -> str:
        return self.box.outputs[f"Destination{name.title()}{what}"]

    # The steps

    def _go_to(self, moment: timedelta) -> None:
        ahead = self.begin + moment - self.box.now()
        if ahead > timedelta():
            self.box.advance(ahead)

    def _look(self) -> None:
        manifest = self.box.collect()
        at = {
            scope["region"]: parse_time(scope["observed_at"]) - self.begin
            for scope in manifest["scopes"]
            if scope["error"] is None
        }
        self.looks.append(Look(len(self.looks), at))
        self._run_id = manifest["run_id"]

    def _settle(self) -> None:
        """Wait until every destination has its alerts; those missing then stay missing."""
        expected, hearing = self.facts(), self.hearing()
        wanted = {
            "bus": sum(map(hearing.bus, expected)),
            "oncall": sum(map(hearing.oncall, expected)),
            "pager": sum(map(hearing.pager, expected)),
        }
        if wait(lambda: all(len(self.heard(name)) >= count for name, count in wanted.items())):
            self.settled.add(self.looks[-1].number)

    def _answer(self, name: str, reply: Reply) -> None:
        self.box.sink.answer(reply, PATHS[name])

    def _mend(self, name: str) -> None:
        """Slack is well again; whatever was on its way to it has met it while it was down."""
        since = {look.number for look in self.looks if max(look.at.values()) > SLACK_DOWN[0]}
        hearing = self.hearing()
        missed = sum(fact.look in since and hearing.oncall(fact) for fact in self.facts())
        wait(lambda: len(self.refused(name)) >= missed)
        self.box.sink.mend(PATHS[name])
        self._settle()
        # What came then came late.
        self.settled.discard(self.looks[-1].number)

    def _bury(self) -> None:
        """Wait until what the archive did not take for a day is dead; then it is well again."""
        expected = [fact for fact in self.facts() if self.hearing().archive(fact)]
        since = {look.number for look in self.looks if look.at["us-east-2"] > ARCHIVE_DOWN[0]}
        dead = [fact for fact in expected if fact.look in since]
        wait(lambda: len(self.dead_letters("archive")) >= len(dead), 40)
        self.box.sink.mend(PATHS["archive"])

    def _repeat(self) -> None:
        """Everything that AWS may deliver twice comes again: the last run's start, its units, the
        stream's records, the messages of the queues."""
        functions, sqs = self.box.client("lambda"), self.box.client("sqs")
        events = [event for event in self.events() if event["run_id"] == self._run_id]
        functions.invoke(
            FunctionName=self.box.outputs["FanOutFunctionName"],
            Payload=json.dumps({"run_id": self._run_id}),
        )
        for region in REGIONS:
            unit = {"run_id": self._run_id, "region": region, "accounts": ["123456789012"]}
            sqs.send_message(
                QueueUrl=self.box.outputs["UnitsQueueUrl"], MessageBody=json.dumps(unit)
            )
        # A look that comes when time has gone on would be another one.
        wait(lambda: self._is_empty(self.box.outputs["UnitsQueueUrl"]))
        functions.invoke(
            FunctionName=self.box.outputs["PublishFunctionName"],
            Payload=json.dumps({"Records": list(map(_record, events))}),
        )
        for name in PATHS:
            for event in events:
                sqs.send_message(
                    QueueUrl=self._queue(name, "QueueUrl"), MessageBody=json.dumps(event)
                )


def _record(message: Json) -> Json:
    """An event as the table's stream brings it."""
    return {"eventName": "INSERT", "dynamodb": {"NewImage": {"body": {"S": json.dumps(message)}}}}


def ids_in(payload: Json) -> list[str]:
    """The events listed in a payload, by id."""
    if "event_id" in payload:
        return [payload["event_id"]]
    return [
        found for text in texts(payload) for found in re.findall(r"event ([0-9a-f]{16,})", text)
    ]


def wait(check: Callable[[], bool], seconds: float = 25) -> bool:
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def write_files(folder: Path, fleet: Json, begin: datetime) -> tuple[Path, Path]:
    """The fleet file and the alerts file."""
    paths = folder / "fleet.json", folder / "alerts.yaml"
    for path, content in zip(paths, (fleet, alerts_file(begin)), strict=True):
        path.write_text(json.dumps(content))
    return paths


def texts(value: Any) -> Iterable[str]:
    """Every text in a payload."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)
