"""Runs in the table: opened once, answered unit by unit, finished once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas.store.items import RUNS, Client, Item, key, number, text
from truffle.core.runs import Run
from truffle.core.times import format_time, parse_time

RETENTION = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class RunStore:
    """The runs in the table, by their id, which sorts by start."""

    client: Client
    table: str

    def open(self, run: Run) -> Run:
        """The run as stored: this one, or the one that an earlier delivery opened."""
        try:
            self.client.put_item(
                TableName=self.table,
                Item=_to_item(run),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return self.get(run.run_id) or run
        return run

    def get(self, run_id: str) -> Run | None:
        answer = self.client.get_item(
            TableName=self.table, Key=key(RUNS, run_id), ConsistentRead=True
        )
        return _to_run(answer["Item"]) if "Item" in answer else None

    def latest(self, count: int) -> list[Run]:
        """The last runs, the newest first."""
        answer = self.client.query(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": text(RUNS)},
            ScanIndexForward=False,
            Limit=count,
            ConsistentRead=True,
        )
        return [_to_run(item) for item in answer["Items"]]

    def answer(self, run_id: str, region: str) -> Run | None:
        """Note that a unit had an attempt; the run as it then is, None where it is unknown."""
        try:
            answer = self.client.update_item(
                TableName=self.table,
                Key=key(RUNS, run_id),
                UpdateExpression="DELETE pending :region",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":region": {"SS": [region]}},
                ReturnValues="ALL_NEW",
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return None
        return _to_run(answer["Attributes"])

    def finish(self, run: Run, finished_at: datetime, succeeded: int, failed: int) -> bool:
        """Close a run, or bring the counts of a closed one up to date; True where scopes succeeded
        of which none had before."""
        answer: dict[str, Any] = self.client.update_item(
            TableName=self.table,
            Key=key(RUNS, run.run_id),
            UpdateExpression="SET finished_at = if_not_exists(finished_at, :at), "
            "succeeded = :succeeded, failed = :failed",
            ExpressionAttributeValues={
                ":at": text(format_time(finished_at)),
                ":succeeded": number(succeeded),
                ":failed": number(failed),
            },
            ReturnValues="ALL_OLD",
        )
        before = answer.get("Attributes", {}).get("succeeded", number(0))
        return succeeded > 0 and int(before["N"]) == 0


def _to_item(run: Run) -> Item:
    return {
        **key(RUNS, run.run_id),
        "started_at": text(format_time(run.started_at)),
        "regions": {"L": [text(region) for region in run.regions]},
        "accounts": {"L": [text(account_id) for account_id in run.accounts]},
        "pending": {"SS": sorted(run.pending)},
        "expires_at": number(int((run.started_at + RETENTION).timestamp())),
    }


def _to_run(item: Item) -> Run:
    finished = item.get("finished_at")
    return Run(
        run_id=item["sk"]["S"],
        started_at=parse_time(item["started_at"]["S"]),
        regions=tuple(value["S"] for value in item["regions"]["L"]),
        accounts=tuple(value["S"] for value in item["accounts"]["L"]),
        pending=frozenset(item.get("pending", {"SS": []})["SS"]),
        finished_at=parse_time(finished["S"]) if finished else None,
        succeeded=int(item.get("succeeded", number(0))["N"]),
        failed=int(item.get("failed", number(0))["N"]),
    )
