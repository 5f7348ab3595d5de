"""Runs in the table: opened once, attempted unit by unit, closed once unless something changed."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from lambdas.store.table import (
    PLANS,
    RUNS,
    Client,
    Item,
    fetch,
    key,
    number,
    query,
    text,
)
from lambdas.store.transactions import Conflict, transact
from truffle.core.calls import Calls
from truffle.core.runs import Run, Unit, is_lost, run_id_of
from truffle.core.times import format_time, parse_time

RETENTION = timedelta(days=90)

LOOKED_BACK = timedelta(days=1)
"""A run that is open for longer is ignored, with a schedule of up to a few hours."""

PERIODS_LOOKED_BACK = 5

_DATED = re.compile(r"[12]\d{7}T\d{6}Z-.*")
_FIRST_DATED, _AFTER_DATED = "1", "3"
"""Ids given by people sort anywhere; all ids outside of these bounds are theirs."""


_IS_NEW = "attribute_not_exists(pk)"


NO_CALLS = Calls()


class RunChanged(Exception):
    """A unit found something new since the run was read: it must be closed again."""


@dataclass(frozen=True, slots=True)
class RunStore:
    """The runs in the table by id, which sorts by start unless someone named the run."""

    client: Client
    table: str

    def open(self, run: Run) -> Run:
        """Store a run; return this one, or the one that an earlier delivery opened."""
        puts: list[Item] = [
            {"Put": {"TableName": self.table, "Item": item, "ConditionExpression": _IS_NEW}}
            for item in (_to_item(run), _to_plan(run))
        ]
        try:
            transact(self.client, puts[:1], puts[1])
        except Conflict:
            return self.get(run.run_id) or run
        return run

    def get(self, run_id: str) -> Run | None:
        """A run with its units."""
        keys = [key(RUNS, run_id), key(PLANS, run_id)]
        found = {item["pk"]["S"]: item for item in fetch(self.client, self.table, keys)}
        if RUNS not in found:
            return None
        run = _to_run(found[RUNS])
        return replace(run, units=_to_units(run, found[PLANS])) if PLANS in found else run

    def latest(self, count: int, as_of: datetime | None = None) -> list[Run]:
        """The last runs, or the last started by a time, the newest first, whatever their ids."""
        found = [run for run in self._named() if as_of is None or run.started_at <= as_of]
        end = _AFTER_DATED if as_of is None else run_id_of(as_of + timedelta(seconds=1), "")
        dated = 0
        for run in self._between(_FIRST_DATED, end, Limit=count):
            found.append(run)
            dated += _DATED.fullmatch(run.run_id) is not None
            if dated == count:
                break
        return sorted(found, key=lambda run: (run.started_at, run.run_id), reverse=True)[:count]

    def lost(self, now: datetime, period: timedelta) -> list[Run]:
        """The open runs of the last day, or periods, that have lost a unit."""
        back = max(LOOKED_BACK, PERIODS_LOOKED_BACK * period)
        dated = self._between(run_id_of(now - back, ""), _AFTER_DATED)
        recent = [run for run in (*self._named(), *dated) if now - run.started_at < back]
        return [run for run in recent if is_lost(run, now, period)]

    def _named(self) -> Iterator[Run]:
        """The runs that people named, except those whose name resembles a date."""
        yield from self._where("pk = :pk AND sk < :end", {":end": text(_FIRST_DATED)})
        yield from self._where("pk = :pk AND sk >= :start", {":start": text(_AFTER_DATED)})

    def _between(self, start: str, end: str, **more: Any) -> Iterator[Run]:
        values = {":start": text(start), ":end": text(end)}
        return self._where("pk = :pk AND sk BETWEEN :start AND :end", values, **more)

    def _where(self, condition: str, values: Item, **more: Any) -> Iterator[Run]:
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues={":pk": text(RUNS), **values},
            ScanIndexForward=False,
            ConsistentRead=True,
            **more,
        )
        return map(_to_run, items)

    def record_attempt(
        self, run_id: str, unit_name: str, has_changes: bool = False, calls: Calls = NO_CALLS
    ) -> Run | None:
        """Record that a unit had an attempt, its calls, and whether it found something new. Return
        the run after that, without its units; None if it is unknown."""
        added, values = _adding(calls)
        if has_changes:
            added.append("changes :one")
            values[":one"] = number(1)
        expression = "DELETE pending :unit" + (f" ADD {', '.join(added)}" if added else "")
        values[":unit"] = {"SS": [unit_name]}
        return self._update(run_id, expression, values, "attribute_exists(pk)")

    def claim(self, run_id: str, name: str) -> Run | None:
        """Claim a run for closing; None if one with another name has claimed it."""
        return self._update(
            run_id,
            "SET closing = :name",
            {":name": text(name)},
            "attribute_exists(pk) AND attribute_not_exists(finished_at) "
            "AND (attribute_not_exists(closing) OR closing = :name)",
        )

    def take_over(self, run_id: str, name: str) -> Run | None:
        """Claim a run for closing, whoever claimed it before; None if it is closed already."""
        return self._update(
            run_id,
            "SET closing = :name",
            {":name": text(name)},
            "attribute_exists(pk) AND attribute_not_exists(finished_at)",
        )

    def _update(self, run_id: str, expression: str, values: Item, condition: str) -> Run | None:
        try:
            answer = self.client.update_item(
                TableName=self.table,
                Key=key(RUNS, run_id),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return None
        return _to_run(answer["Attributes"])

    def finish(self, run: Run, finished_at: datetime, calls: Calls = NO_CALLS) -> bool:
        """Close a run with its counts, or update those of a closed one; True if scopes succeeded
        and none had before. ``calls`` are those of closing it. Raises Changed."""
        added, values = _adding(calls)
        try:
            answer = self.client.update_item(
                TableName=self.table,
                Key=key(RUNS, run.run_id),
                UpdateExpression="SET finished_at = if_not_exists(finished_at, :at), "
                "closed_at = :at, succeeded = :succeeded, failed = :failed, closed = :closed"
                + (f" ADD {', '.join(added)}" if added else ""),
                ConditionExpression="attribute_not_exists(changes) OR changes = :changes",
                ExpressionAttributeValues={
                    ":at": text(format_time(finished_at)),
                    ":succeeded": number(run.succeeded),
                    ":failed": number(run.failed),
                    ":closed": number(run.closed),
                    ":changes": number(run.changes),
                    **values,
                },
                ReturnValues="ALL_OLD",
            )
        except self.client.exceptions.ConditionalCheckFailedException as error:
            raise RunChanged from error
        before = answer.get("Attributes", {}).get("succeeded", number(0))
        return run.succeeded > 0 and int(before["N"]) == 0

    def note_latest(self, run: Run, calls: Calls = NO_CALLS) -> None:
        """Record when ``latest/`` was written for a run, None if that failed, and the calls of
        that. Raises Changed."""
        added, values = _adding(calls)
        clauses = [
            *(["SET latest_at = :at"] if run.latest_at else []),
            *([f"ADD {', '.join(added)}"] if added else []),
        ]
        if run.latest_at:
            values[":at"] = text(format_time(run.latest_at))
        try:
            self.client.update_item(
                TableName=self.table,
                Key=key(RUNS, run.run_id),
                UpdateExpression=" ".join(clauses),
                ConditionExpression="attribute_exists(pk) AND "
                "(attribute_not_exists(changes) OR changes = :changes)",
                ExpressionAttributeValues={":changes": number(run.changes), **values},
            )
        except self.client.exceptions.ConditionalCheckFailedException as error:
            raise RunChanged from error


def _adding(calls: Calls) -> tuple[list[str], dict[str, Any]]:
    """The update expression that adds to a run's calls, and its values."""
    counts = calls.to_counts()
    values = {f":calls_{name}": number(count) for name, count in counts.items()}
    return [f"calls_{name} :calls_{name}" for name in counts], values


def _to_item(run: Run) -> Item:
    return {
        **key(RUNS, run.run_id),
        "started_at": text(format_time(run.started_at)),
        "scopes": number(run.scope_count),
        "is_complete": {"BOOL": run.is_complete},
        "pending": {"SS": sorted(run.pending)},
        "expires_at": _expiry(run),
        **{f"calls_{name}": number(count) for name, count in run.calls.to_counts().items()},
    }


def _to_plan(run: Run) -> Item:
    """The run's units in an item of their own: the run's item is written with every attempt."""
    plan = [[unit.region, unit.group, unit.accounts] for unit in run.units]
    packed = gzip.compress(json.dumps(plan, separators=(",", ":")).encode(), mtime=0)
    return {**key(PLANS, run.run_id), "units": {"B": packed}, "expires_at": _expiry(run)}


def _expiry(run: Run) -> dict[str, str]:
    return number(int((run.started_at + RETENTION).timestamp()))


def _to_units(run: Run, plan: Item) -> tuple[Unit, ...]:
    opened_at = run.started_at if run.is_complete else None
    return tuple(
        Unit(run.run_id, region, tuple(accounts), group, opened_at)
        for region, group, accounts in json.loads(gzip.decompress(plan["units"]["B"]))
    )


def _to_run(item: Item) -> Run:
    def moment(name: str) -> datetime | None:
        return parse_time(item[name]["S"]) if name in item else None

    def count(name: str, default: int = 0) -> int:
        return int(item.get(name, number(default))["N"])

    units = _units_before_groups(item)
    return Run(
        run_id=item["sk"]["S"],
        started_at=parse_time(item["started_at"]["S"]),
        pending=frozenset(item.get("pending", {"SS": []})["SS"]),
        scope_count=count("scopes", sum(len(unit.accounts) for unit in units)),
        units=units,
        is_complete=bool(item.get("is_complete", {"BOOL": False})["BOOL"]),
        finished_at=moment("finished_at"),
        succeeded=count("succeeded"),
        failed=count("failed"),
        closed=count("closed"),
        closed_at=moment("closed_at"),
        latest_at=moment("latest_at"),
        changes=count("changes"),
        calls=Calls.from_counts(
            {
                name.removeprefix("calls_"): int(value["N"])
                for name, value in item.items()
                if name.startswith("calls_")
            }
        ),
    )


def _units_before_groups(item: Item) -> tuple[Unit, ...]:
    """The units of a run from before groups existed: one region of all accounts each."""
    if "regions" not in item:
        return ()
    accounts = tuple(value["S"] for value in item["accounts"]["L"])
    return tuple(
        Unit(item["sk"]["S"], region["S"], accounts, None) for region in item["regions"]["L"]
    )
