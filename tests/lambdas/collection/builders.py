"""A unit's collections over made-up listings, with a fault around any write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lambdas.collecting.collector import Collector, ScopeOutcome
from lambdas.store.archive import Archive
from lambdas.store.scopes import ScopeStore
from lambdas.store.table import EVENT_PREFIX, read_body
from tests.builders import HOME, HOUR, OHIO
from tests.lambdas.fakes import Clock, Fleet, Killed, a_raw_odcr
from tests.lambdas.memory import memory_scopes
from truffle.core.runs import Unit
from truffle.ec2.listing import DescribedTypes

BEFORE = {"a": "active", "b": "active", "c": "active", "d": "active", "e": "active"}
AFTER = {"a": "pending", "b": "pending", "c": "active", "d": "active", "f": "active"}
HAPPENED = [
    ("a", "active → pending"),
    ("b", "active → pending"),
    ("e", "active → no longer listed"),
    ("f", "first seen in state active"),
]


UNIT = Unit("run-1", OHIO.region, (HOME,))
WRITES = frozenset({"transact_write_items", "update_item", "put_item", "delete_item"})


@dataclass
class Around:
    """A DynamoDB client that does something before or after its n-th write."""

    client: Any
    before: dict[int, Callable[[], object]] = field(default_factory=dict)
    after: dict[int, Callable[[], object]] = field(default_factory=dict)
    writes: int = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.client, name)
        return self._watched(call) if name in WRITES else call

    def _watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(**parameters: Any) -> Any:
            self.writes += 1
            number = self.writes
            self.before.get(number, int)()
            answer = call(**parameters)
            self.after.get(number, int)()
            return answer

        return watched


class Bucket:
    """An S3 client that keeps what it is given."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, **parameters: Any) -> None:
        self.objects[parameters["Key"]] = parameters["Body"]


def archive_in(bucket: Any) -> Archive:
    """An archive whose bucket stands in for S3's client."""
    return Archive(bucket, "bucket")


def dies() -> None:
    raise Killed


@dataclass
class World:
    """EC2, a table, and collections of the one unit, each an hour after the one before."""

    fleet: Fleet = field(default_factory=Fleet)
    scopes: ScopeStore = field(default_factory=memory_scopes)
    bucket: Bucket = field(default_factory=Bucket)
    clock: Clock = field(default_factory=Clock)

    def holds(self, **states: str) -> None:
        """EC2 lists these ODCRs from now on, by id, in these states."""
        self.fleet.holds(
            OHIO, *(a_raw_odcr(name, State=state) for name, state in sorted(states.items()))
        )

    def collector(self, client: Any = None) -> Collector:
        scopes = ScopeStore(client or self.scopes.client, self.scopes.table)
        archive = archive_in(self.bucket)
        return Collector(
            ec2_of=self.fleet.of,
            types=DescribedTypes(),
            scopes=scopes,
            archive=archive,
            clock=self.clock,
        )

    def collect(self, client: Any = None) -> ScopeOutcome:
        self.clock.advance(HOUR)
        (outcome,) = self.collector(client).collect(UNIT, self.clock() + HOUR)
        return outcome

    def collect_and_die(self, when: str, k: int) -> bool:
        """A collection that is killed before or after its n-th write; False where it has fewer."""
        client = Around(self.scopes.client)
        hooks = {"before": client.before, "after": client.after}[when]
        hooks[k] = dies
        try:
            self.collect(client)
        except Killed:
            return True
        return False

    def stored(self) -> dict[str, str]:
        rows = self.scopes.reservations(self.scopes.status(OHIO))
        return {row.reservation_id: row.state for row in rows}

    def items(self) -> list[Any]:
        items: list[Any] = self.scopes.client.scan(TableName=self.scopes.table)["Items"]
        return items

    def events(self) -> list[dict[str, Any]]:
        """The messages of all events, the oldest first."""
        found = [item for item in self.items() if item["pk"]["S"].startswith(EVENT_PREFIX)]
        return [read_body(item) for item in sorted(found, key=lambda item: item["sk"]["S"])]

    def recorded(self) -> list[tuple[str, str]]:
        """The recorded events, in the order of their ids."""
        return sorted((event["reservation_id"], event["reason"]) for event in self.events())
