"""Athena queries: start, wait, and read the result page by page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from truffle.core.layout import database_name
from truffle.errors import DeadlineError, TruffleError
from truffle.sql.answer import SqlResult, answer

if TYPE_CHECKING:
    from types_boto3_athena.client import AthenaClient

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 2.0
"""Seconds between two checks of a query's state."""


class QueryFailed(TruffleError):
    """Athena refused or cancelled a query; the text is its reason."""


@dataclass(frozen=True, slots=True)
class Athena:
    """Athena, with the workgroup and the database of a stack."""

    client: AthenaClient
    workgroup: str
    database: str
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def of_stack(cls, client: AthenaClient, stack: str) -> Self:
        """Athena for the tables of a stack, whose workgroup has the stack's name."""
        return cls(client, stack, database_name(stack))

    def ask(self, query: str, seconds: float) -> SqlResult:
        """Run a query and return its result.

        A query that takes longer than ``seconds``, or whose caller is interrupted, is stopped.
        Raises QueryFailed, DeadlineError, and what Athena raises.
        """
        started = self.client.start_query_execution(
            QueryString=query,
            QueryExecutionContext={"Database": self.database},
            WorkGroup=self.workgroup,
        )
        execution = started["QueryExecutionId"]
        try:
            self._wait(execution, seconds)
        except (KeyboardInterrupt, DeadlineError):
            self.client.stop_query_execution(QueryExecutionId=execution)
            raise
        return self._read(execution)

    def _wait(self, execution: str, seconds: float) -> None:
        deadline, pause = self.clock() + seconds, FIRST_PAUSE
        while True:
            response = self.client.get_query_execution(QueryExecutionId=execution)
            status = response["QueryExecution"]["Status"]
            if status["State"] == "SUCCEEDED":
                return
            if status["State"] in ("FAILED", "CANCELLED"):
                reason = status.get("StateChangeReason", "no reason given")
                raise QueryFailed(f"The query {status['State'].lower()}: {reason}")
            if self.clock() > deadline:
                raise DeadlineError(f"The query took longer than {seconds:g} s and was stopped.")
            self.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _read(self, execution: str) -> SqlResult:
        pages = self.client.get_paginator("get_query_results").paginate(QueryExecutionId=execution)
        columns: list[Mapping[str, Any]] = []
        rows: list[list[Any]] = []
        for number, page in enumerate(pages):
            columns = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
            rows += [_values(row, columns) for row in _data(page, is_first=number == 0)]
        return answer((column["Name"] for column in columns), rows)


def _data(page: Mapping[str, Any], is_first: bool) -> Iterator[Mapping[str, Any]]:
    """The rows of a page; the first row of all has the names of the columns (Athena API Reference,
    GetQueryResults)."""
    rows = page["ResultSet"]["Rows"]
    return iter(rows[1:] if is_first else rows)


def _values(row: Mapping[str, Any], columns: list[Mapping[str, Any]]) -> list[Any]:
    return [
        _value(datum.get("VarCharValue"), column["Type"])
        for datum, column in zip(row["Data"], columns, strict=True)
    ]


def _value(text: str | None, kind: str) -> Any:
    """Parse a value; maps, arrays and rows stay Athena's text."""
    if text is None:
        return None
    match kind:
        case "tinyint" | "smallint" | "integer" | "int" | "bigint":
            return int(text)
        case "double" | "float" | "real":
            return float(text)
        case "decimal":
            return Decimal(text)
        case "boolean":
            return text == "true"
        case "timestamp" | "timestamp with time zone":
            return datetime.fromisoformat(text.removesuffix(" UTC")).replace(tzinfo=UTC)
    return text
