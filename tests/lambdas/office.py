"""``deliver`` at work: destinations with queues, secrets and settings, and what comes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lambdas import deliver
from lambdas.clients import service
from lambdas.settings import DeliverSettings
from lambdas.store.digest_buffer import DigestBuffer
from lambdas.store.runs import RunStore
from sandbox.sink.destination import Destination
from tests.builders import an_event
from tests.lambdas import aws
from tests.lambdas.aws import Stack, messages
from tests.lambdas.fakes import Clock, FakeContext, Wire
from truffle.core.events import Event, to_message
from truffle.core.runs import Run

Json = dict[str, Any]

REPORT = "https://report.example/gpu"
RUN = "20261124T120000Z-1a2b3c4d"


@dataclass
class Mailed:
    """A message on a destination's queue; ``record`` is what Lambda gets of it."""

    record: Json

    @property
    def receives(self) -> int:
        return int(self.record["attributes"]["ApproximateReceiveCount"])

    def again(self) -> Mailed:
        """The next delivery of the same message."""
        attributes = self.record["attributes"]
        count = str(self.receives + 1)
        return Mailed(
            {**self.record, "attributes": {**attributes, "ApproximateReceiveCount": count}}
        )


@dataclass
class Office:
    """Invokes the function as Lambda would, at the clock's time."""

    stack: Stack
    clock: Clock
    deploy: Callable[..., None]
    file: Path
    destinations: Json = field(default_factory=dict)
    mutes: list[Json] = field(default_factory=list)

    def opens(self, **destinations: Json) -> None:
        """Deploys these destinations, each with a route for everything."""
        self.destinations |= destinations
        for name, fields in destinations.items():
            self.stack.destination(name)
            if fields["kind"] in ("email", "amazon-q"):
                topic = service("sns").create_topic(Name=f"{name}-topic")["TopicArn"]
                self.stack.topics[name] = topic
        self.write()
        self.deploy(DeliverSettings)

    def write(self, *without: str) -> None:
        """Writes the settings, without some of the destinations."""
        kept = {name: fields for name, fields in self.destinations.items() if name not in without}
        routes = [{"name": name, "to": [name], "when": {}} for name in kept]
        content = {"destinations": kept, "routes": routes, "mutes": self.mutes}
        self.file.write_text(json.dumps(content))

    def mail(self, name: str, content: Event | Json | str) -> Mailed:
        """Puts an event, an object or a text on a destination's queue."""
        fields = to_message(content) if isinstance(content, Event) else content
        body = fields if isinstance(fields, str) else json.dumps(fields)
        url = self.stack.destination(name).queue
        sent = service("sqs").send_message(QueueUrl=url, MessageBody=body)["MessageId"]
        # One that waits on the queue may be visible again on a slow machine.
        (record,) = [it for it in aws.deliver(url)["Records"] if it["messageId"] == sent]
        stamp = str(round(self.clock().timestamp() * 1000))
        return Mailed({**record, "attributes": {**record["attributes"], "SentTimestamp": stamp}})

    def invoke(self, *mailed: Mailed, milliseconds: int = 60_000) -> int:
        """Hands messages to the function; how many it reports as failed. The others are gone."""
        context: Any = FakeContext(remaining_milliseconds=milliseconds)
        answer = deliver.handler({"Records": [one.record for one in mailed]}, context)
        return len(answer["batchItemFailures"])

    def deliver(self, name: str, *contents: Event | Json | str) -> int:
        """Puts messages on a queue and hands them to the function; how many failed."""
        return self.invoke(*(self.mail(name, content) for content in contents))

    def flush(self, name: str, run_id: str = RUN) -> int:
        return self.deliver(name, {"flush": {"run_id": run_id}})

    def dead_letters(self, name: str) -> list[Json]:
        """Takes what lies in a destination's dead letters."""
        return messages(self.stack.destination(name).dead_letters)

    def opens_run(self, run: Run) -> None:
        RunStore(service("dynamodb"), self.stack.table).open(run)

    def finishes_run(self, run: Run) -> None:
        RunStore(service("dynamodb"), self.stack.table).finish(
            replace(run, succeeded=1), self.clock()
        )

    @property
    def pending(self) -> DigestBuffer:
        return DigestBuffer(service("dynamodb"), self.stack.table)


def put_secret(name: str, content: str | Json) -> None:
    """Makes a secret, or gives it another content."""
    text = content if isinstance(content, str) else json.dumps(content)
    client = service("secretsmanager")
    try:
        client.create_secret(Name=name, SecretString=text)
    except client.exceptions.ResourceExistsException:
        client.put_secret_value(SecretId=name, SecretString=text)


def numbered(number: int, **facts: Any) -> Event:
    """One of many events."""
    return an_event(event_id=f"{number:032}", **facts)


def of_run(number: int, run_id: str | None = RUN, **facts: Any) -> Json:
    """The message of one of many events of a run."""
    return {**to_message(numbered(number, **facts)), "run_id": run_id}


def bodies(sink: Destination) -> list[Any]:
    """The messages sent to a destination, in order."""
    return [json.loads(request.body) for request in sink.requests]


def pauses(line: Wire) -> list[int]:
    """For how many seconds messages were hidden, in order."""
    return [call["VisibilityTimeout"] for call in line.parameters("ChangeMessageVisibility")]
