"""Collections between which time passes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from lambdas.collecting.collector import Collector, ScopeOutcome
from lambdas.store.scopes import ScopeStore
from tests.builders import DAY, HOUR, NOON, OHIO
from tests.lambdas.collection.builders import UNIT, Around, World, dies
from tests.lambdas.fakes import Killed, a_raw_block, client_error
from tests.lambdas.memory import memory_scopes
from truffle.core.thresholds import Thresholds

START = NOON + timedelta(hours=23.5)
END = START + 7 * DAY


@dataclass
class Timed(World):
    """The world of collections, with thresholds and run ids."""

    scopes: ScopeStore = field(default_factory=memory_scopes)
    thresholds: Thresholds = field(default_factory=Thresholds)

    def collector(self, client: Any = None) -> Collector:
        return replace(super().collector(client), thresholds=self.thresholds)

    def collect_at(
        self, moment: datetime, client: Any = None, run_id: str | None = "run-1"
    ) -> ScopeOutcome:
        self.clock.moment = moment
        unit = replace(UNIT, run_id=run_id)
        (outcome,) = self.collector(client).collect(unit, moment + HOUR)
        return outcome

    def collect_at_and_die(self, moment: datetime, k: int) -> None:
        """Killed after its k-th write."""
        with pytest.raises(Killed):
            self.collect_at(moment, Around(self.scopes.client, after={k: dies}))

    def has_block(self, *names: str, **facts: Any) -> None:
        self.fleet.holds(OHIO, *(a_raw_block(name, **facts) for name in names or ("cr-b",)))

    def kinds(self) -> list[tuple[str, Any]]:
        """Type and threshold of all events, in order."""
        return [(event["type"], (event["after"] or {}).get("threshold")) for event in self.events()]


class Counting:
    """A DynamoDB client that counts what is read of a scope's rows."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.rows_read = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def query(self, **call: Any) -> Any:
        self.rows_read += call["ExpressionAttributeValues"][":pk"]["S"].startswith("SCOPE#")
        return self.client.query(**call)


def fail(world: Timed, *runs: str | None, code: str = "InternalError") -> None:
    """A failed attempt for each of these run ids."""
    world.fleet.fails(OHIO, client_error(code))
    for run_id in runs:
        world.clock.advance(HOUR)
        world.collect_at(world.clock(), run_id=run_id)
    world.fleet.recovers()
