"""Runs, and how they are closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from lambdas.collecting.finish_run import Closer
from lambdas.collecting.latest_files import LatestFiles
from lambdas.store.scopes import Attempt, Write, digest_of
from tests.builders import HOME, NOON, OHIO, a_run, a_snapshot
from tests.lambdas.aws import Stack
from truffle.core.model import Failure, FailureKind, Reservation, Scope
from truffle.core.runs import Run, Unit, WriteLatest

REGIONS = ("eu-west-1", "us-east-2")
IRELAND = Scope(HOME, "eu-west-1")
CLOSED = WriteLatest("run-1", NOON)
"""The message that follows the close of a run."""


def open_run(**facts: Any) -> Run:
    """A run over two regions without attempts."""
    return a_run(**{"run_id": "run-1", "regions": REGIONS, "pending": REGIONS, **facts})


def succeed(stack: Stack, *rows: Reservation, scope: Scope = OHIO, run_id: str = "run-1") -> None:
    """A scope's first snapshot, a minute after noon."""
    snapshot = a_snapshot(*rows, at=NOON + timedelta(minutes=1), scope=scope)
    attempt = Attempt(run_id, 2.5)
    digest = digest_of(rows)
    stack.scopes.write_snapshot(
        stack.scopes.status(scope), snapshot, digest, Write(changed=rows), attempt
    )


def fail(
    stack: Stack, code: str = "RequestLimitExceeded", scope: Scope = IRELAND, minutes: int = 1
) -> None:
    moment = NOON + timedelta(minutes=minutes)
    failure = Failure(
        scope=scope, failed_at=moment, kind=FailureKind.ERROR, code=code, message="too fast"
    )
    assert stack.scopes.write_failure(failure, Attempt("run-1", 0.5))


def answer_all(closer: Closer, run_id: str = "run-1") -> list[bool]:
    """Every unit answers, and ``latest/`` is written; which answers closed the run first."""
    answers = [closer.record_attempt(Unit(run_id, region, (HOME,))) for region in REGIONS]
    LatestFiles(closer).write(WriteLatest(run_id, NOON))
    return answers
