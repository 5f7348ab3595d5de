"""Publish events of the table that the stream did not deliver, skipping those that it did."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.observability import logger
from truffle.core.codec import Json
from truffle.core.times import format_time, parse_time
from truffle.ec2.errors import error_code

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient

SECONDS = 5.0
"""The duration of one call: well below the time for which ``query`` waits."""


class Events(Protocol):
    """The source of events (``lambdas.store.events.EventStore``)."""

    def since(
        self, since: datetime, until: datetime, after: str | None = None
    ) -> Iterator[dict[str, Any]]: ...


@dataclass(slots=True)
class Progress:
    """The outcome of one call.

    Attributes:
        published: events that were published now.
        already_published: events that had been before.
        failed: events that could not be published.
        error: why the first of these could not; None where there are none.
        next: parameters of the call that goes on from here; None when the period is through.
    """

    published: int = 0
    already_published: int = 0
    failed: int = 0
    error: str | None = None
    next: Mapping[str, str] | None = None


def republish(
    events: Events,
    parameters: Mapping[str, str],
    publish: Callable[[Json], bool],
    clock: Callable[[], float] = time.monotonic,
) -> Json:
    """Publish the events of a period, the oldest first, within the duration of one call.

    ``parameters`` has ``since``, ``until`` and perhaps ``after``; ``publish`` returns whether it
    published the event now. If it raises, the other events are still published.
    """
    since, until = parse_time(parameters["since"]), parse_time(parameters["until"])
    progress, place = Progress(), dict(parameters)
    end = clock() + SECONDS
    for message in events.since(since, until, parameters.get("after")):
        if clock() > end:
            progress.next = place
            break
        try:
            if publish(message):
                progress.published += 1
            else:
                progress.already_published += 1
        except Exception as error:
            logger.exception("not published again")
            progress.failed += 1
            progress.error = progress.error or _code(error)
        place = {**parameters, "since": message["observed_at"], "after": message["event_id"]}
    return asdict(progress)


def ask_publisher(
    client: LambdaClient, function: str, since: datetime, until: datetime, after: str | None
) -> Json:
    """Invoke the publishing function; if it does not respond, the result has the reason as its
    error."""
    parameters = {"since": format_time(since), "until": format_time(until)}
    if after:
        parameters["after"] = after
    try:
        answer = client.invoke(FunctionName=function, Payload=json.dumps(parameters))
        body: Json = json.loads(answer["Payload"].read())
    except (ClientError, BotoCoreError) as error:
        return asdict(Progress(error=_code(error), next=parameters))
    if "FunctionError" in answer:
        return asdict(Progress(error=str(body.get("errorType", "Unhandled")), next=parameters))
    return body


def _code(error: Exception) -> str:
    cause = error.__cause__
    known = next((it for it in (error, cause) if isinstance(it, ClientError | BotoCoreError)), None)
    return type(error).__name__ if known is None else error_code(known)
