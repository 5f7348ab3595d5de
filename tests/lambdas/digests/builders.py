"""Events that wait for a digest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from tests.builders import a_run
from tests.lambdas.fakes import Wire
from tests.lambdas.office import REPORT, RUN, Office, numbered, of_run
from truffle.messages import slack
from truffle.messages.card import digest_card, event_card

QUIET = timedelta(seconds=5)


def put_aside(office: Office, numbers: Iterable[int]) -> None:
    """Delivers these events of the run; a little later nothing more has come."""
    assert office.deliver("oncall", *(of_run(number) for number in numbers)) == 0
    office.clock.advance(QUIET)


def finish(office: Office) -> None:
    office.finishes_run(a_run(run_id=RUN))


def single(number: int) -> Any:
    return slack.payload(event_card(numbered(number), report_url=REPORT))


def digest(*numbers: int) -> Any:
    return slack.payload(digest_card([numbered(number) for number in numbers], report_url=REPORT))


def flushes(line: Wire) -> list[tuple[Any, int]]:
    """The flushes that were sent, each with its delay in seconds."""
    calls = line.parameters("SendMessage")
    return [
        (json.loads(call["MessageBody"]), call["DelaySeconds"])
        for call in calls
        if "flush" in call["MessageBody"] and "DelaySeconds" in call
    ]
