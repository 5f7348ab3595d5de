"""The group of each account, in one item of the table."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from lambdas.store.table import GROUPS, Client, body, key, read_body
from truffle.core.groups import Groups
from truffle.core.model import Scope
from truffle.core.runs import unit_name

NO_GROUP = 0
"""The group of an account without one."""


@dataclass(frozen=True, slots=True)
class GroupStore:
    """The groups in the table. An account stays in its group, so groups are read once."""

    client: Client
    table: str
    known: dict[str, int] = field(default_factory=dict, compare=False)

    def read(self) -> dict[str, int] | None:
        """All groups; None before the first run with groups."""
        answer = self.client.get_item(
            TableName=self.table, Key=key(GROUPS, GROUPS), ConsistentRead=True
        )
        return dict(read_body(answer["Item"])) if "Item" in answer else None

    def write(self, before: Groups | None, groups: Groups) -> bool:
        """Replace the groups that were read; False if another invocation wrote first."""
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if before is not None:
            condition = {
                "ConditionExpression": "body = :before",
                "ExpressionAttributeValues": {":before": _body(before)},
            }
        item = {**key(GROUPS, GROUPS), "body": _body(groups)}
        try:
            self.client.put_item(TableName=self.table, Item=item, **condition)
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def of(self, accounts: Collection[str]) -> dict[str, int]:
        """The group of each of these accounts; 0 for an account without one."""
        if not self.known.keys() >= set(accounts):
            self.known.update(self.read() or {})
        return {account_id: self.known.get(account_id, NO_GROUP) for account_id in accounts}

    def units_of(self, scopes: Iterable[Scope]) -> dict[Scope, str]:
        """The names of the units of these scopes."""
        wanted = list(scopes)
        groups = self.of({scope.account_id for scope in wanted})
        return {scope: unit_name(scope.region, groups[scope.account_id]) for scope in wanted}


def _body(groups: Groups) -> dict[str, str]:
    return body(dict(sorted(groups.items())))
