"""A stack that collects hour by hour: fan_out, collect and query over one bucket and one EC2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from lambdas import collect, fan_out, wiring
from lambdas.settings import CollectSettings, FanOutSettings, QuerySettings
from tests.builders import HOME, HOUR
from tests.lambdas.api import Answer, ask
from tests.lambdas.aws import Stack, deliver
from tests.lambdas.fakes import Clock, FakeContext, Fleet
from truffle.core.model import Scope

IRELAND, OHIO = Scope(HOME, "eu-west-1"), Scope(HOME, "us-east-2")
SCOPES = (IRELAND, OHIO)


@dataclass
class Hours:
    """Runs of one account in two regions, each closed within its minute."""

    stack: Stack
    clock: Clock
    deploy: Callable[..., None]
    fleet: Fleet = field(default_factory=Fleet)

    def run(self) -> None:
        """Open a run now, and collect its units."""
        context: Any = FakeContext()
        self.deploy(FanOutSettings)
        fan_out.handler({}, context)
        self.clock.advance(timedelta(seconds=1))
        self.deploy(CollectSettings)
        wiring.collect().ec2 = self.fleet  # type: ignore[assignment]
        collect.handler(deliver(self.stack.units), context)

    def next(self, hours: float = 1) -> None:
        """Let time pass, then run."""
        self.clock.advance(hours * HOUR)
        self.run()

    def ask(self, path: str, raw_query: str = "", **asked: str) -> Answer:
        self.deploy(QuerySettings)
        return ask(path, raw_query, **asked)
