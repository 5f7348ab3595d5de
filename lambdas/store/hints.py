"""The turns taken by hints: a burst collects its scope twice, at its beginning and its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from lambdas.store.table import HINTS, Client, key, number, scope_key
from truffle.core.model import Scope
from truffle.core.times import sortable_time

RETENTION = timedelta(days=1)


class HintTurn(StrEnum):
    """One of the two collections of a scope that hints can request in one window of time."""

    AT_ONCE = "at-once"
    AFTERWARDS = "afterwards"


@dataclass(frozen=True, slots=True)
class HintStore:
    """The turns taken, in the table."""

    client: Client
    table: str

    def take_turn(self, scope: Scope, window: datetime) -> HintTurn | None:
        """Take the first free turn of a scope's window; None if both are taken."""
        return next((turn for turn in HintTurn if self._take(scope, window, turn)), None)

    def _take(self, scope: Scope, window: datetime, turn: HintTurn) -> bool:
        try:
            self.client.put_item(
                TableName=self.table,
                Item={
                    **key(HINTS, f"{scope_key(scope)}#{sortable_time(window)}#{turn}"),
                    "expires_at": number(int((window + RETENTION).timestamp())),
                },
                ConditionExpression="attribute_not_exists(pk)",
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True
