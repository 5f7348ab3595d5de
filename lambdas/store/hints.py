"""Which hints were taken up: a burst of them asks EC2 twice, at its beginning and at its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from lambdas.store.table import HINTS, Client, key, number, scope_key
from truffle.core.model import Scope
from truffle.core.times import sortable_time

RETENTION = timedelta(days=1)


class Turn(StrEnum):
    """Which of the two collections a hint asks for that a window of time has in a scope."""

    AT_ONCE = "at-once"
    AFTERWARDS = "afterwards"


@dataclass(frozen=True, slots=True)
class HintStore:
    """The turns in the table that somebody has taken."""

    client: Client
    table: str

    def take_turn(self, scope: Scope, window: datetime) -> Turn | None:
        """The first turn of a scope's window that nobody has taken; None where both are."""
        return next((turn for turn in Turn if self._take(scope, window, turn)), None)

    def _take(self, scope: Scope, window: datetime, turn: Turn) -> bool:
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
