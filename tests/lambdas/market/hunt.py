"""The deployed function ``watch`` in tests, with its clock and its market."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from lambdas import watch, wiring
from lambdas.settings import WatchSettings
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Clock, FakeContext
from tests.lambdas.market.exchange import Exchange, Place

OHIO = "us-east-2"


def a_watch(name: str = "hunt", **facts: Any) -> dict[str, Any]:
    blank = {"name": name, "instance_type": "p5.48xlarge", "count": 1, "days": 1}
    return {**blank, "regions": [OHIO], **facts}


class Hunt:
    """The deployed function, its clock and its market."""

    def __init__(self, stack: Stack, clock: Clock, deploy: Callable[..., None], file: Path) -> None:
        self.stack, self.clock = stack, clock
        self._deploy, self._file = deploy, file
        self.exchange = Exchange(clock)

    @property
    def ohio(self) -> Place:
        return self.exchange.of(OHIO)

    def watches(self, *watches: dict[str, Any]) -> None:
        self._file.write_text(json.dumps({"watches": list(watches)}))
        self._deploy(WatchSettings)
        wiring.watch().ec2 = self.exchange.of
        # moto's transactions copy all tables, and must not meet a write of another thread.
        wiring.watch().asker = replace(wiring.watch().asker, parallel=1)

    def start(self, *, now: bool = False, milliseconds: int = 180_000) -> list[dict[str, Any]]:
        context: Any = FakeContext(remaining_milliseconds=milliseconds)
        answers: list[dict[str, Any]] = watch.handler({"now": True} if now else {}, context)[
            "answers"
        ]
        return answers

    def outcomes(self, **start: Any) -> dict[str, str]:
        return {answer["watch"]: answer["outcome"] for answer in self.start(**start)}

    def published(self) -> list[str]:
        return [event["type"] for event in self.stack.events()]
