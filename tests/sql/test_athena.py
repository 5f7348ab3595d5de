"""Queries over Athena: its answers by page, its refusals, and its patience."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from truffle.errors import DeadlineError
from truffle.sql.athena import Athena, QueryFailed

COLUMNS = [("name", "varchar"), ("n", "bigint"), ("at", "timestamp"), ("is_on", "boolean")]


@dataclass
class FakeAthena:
    """Returns these states, then these pages."""

    states: list[str]
    pages: list[list[list[str | None]]] = field(default_factory=list)
    started: list[dict[str, Any]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def start_query_execution(self, **arguments: Any) -> Any:
        self.started.append(arguments)
        return {"QueryExecutionId": "q-1"}

    def get_query_execution(self, QueryExecutionId: str) -> Any:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"QueryExecution": {"Status": {"State": state, "StateChangeReason": "a reason"}}}

    def stop_query_execution(self, QueryExecutionId: str) -> None:
        self.stopped.append(QueryExecutionId)

    def get_paginator(self, name: str) -> FakeAthena:
        assert name == "get_query_results"
        return self

    def paginate(self, QueryExecutionId: str) -> Iterator[Any]:
        columns = [{"Name": name, "Type": kind} for name, kind in COLUMNS]
        for page in self.pages:
            rows = [
                {"Data": [{} if text is None else {"VarCharValue": text} for text in row]}
                for row in page
            ]
            yield {"ResultSet": {"ResultSetMetadata": {"ColumnInfo": columns}, "Rows": rows}}


def asked(fake: Any, step: float = 0) -> Any:
    """``step`` are the seconds between two looks at the clock."""
    clock = count(0, step)
    athena = Athena(fake, "truffle", "truffle", lambda: next(clock), lambda seconds: None)
    return athena.ask("SELECT 1", 10)


def test_rows_of_every_page_have_values_of_their_types() -> None:
    head: list[str | None] = [name for name, _ in COLUMNS]
    row: list[str | None] = ["a", "1", "2026-11-24 12:00:00.000", "true"]
    fake = FakeAthena(["QUEUED", "SUCCEEDED"], [[head, row], [[None, None, None, "false"]]])
    answer = asked(fake)
    assert answer.rows == (("a", 1, "2026-11-24T12:00:00Z", True), (None, None, None, False))
    assert fake.started[0]["WorkGroup"] == "truffle"
    assert fake.started[0]["QueryExecutionContext"] == {"Database": "truffle"}


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_refusal_has_athenas_reason(state: str) -> None:
    with pytest.raises(QueryFailed, match=f"{state.lower()}: a reason"):
        asked(FakeAthena([state]))


def test_a_query_that_takes_too_long_is_stopped() -> None:
    fake = FakeAthena(["RUNNING"])
    with pytest.raises(DeadlineError, match="10 s"):
        asked(fake, step=4)
    assert fake.stopped == ["q-1"]


def test_an_interruption_stops_the_query() -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    fake: Any = FakeAthena(["RUNNING"])
    with pytest.raises(KeyboardInterrupt):
        Athena(fake, "w", "d", lambda: 0.0, interrupted).ask("SELECT 1", 10)
    assert fake.stopped == ["q-1"]
