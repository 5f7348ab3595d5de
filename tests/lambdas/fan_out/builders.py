"""Starts of runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lambdas.store.scopes import Attempt
from tests.builders import HOUR, NOON
from tests.lambdas.aws import Stack, messages
from truffle.core.model import Failure, FailureKind, Scope

SCHEDULED = {"scheduled_at": "2026-11-24T12:00:00Z"}


def units_of(stack: Stack) -> list[dict[str, Any]]:
    found = [json.loads(message["Body"]) for message in messages(stack.units)]
    return sorted(found, key=lambda unit: str(unit["region"]))


def fail(stack: Stack, scope: Scope) -> None:
    failure = Failure(
        scope=scope,
        failed_at=NOON - HOUR,
        kind=FailureKind.DISABLED,
        code="AuthFailure",
        message="no",
    )
    stack.scopes.write_failure(failure, Attempt("run-0", 1))


NEXT = {"scheduled_at": "2026-11-24T13:00:00Z"}


class Regions:
    """Accounts that answer which regions they have, and how often they were asked."""

    def __init__(self) -> None:
        self.answers: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []

    def ask(self, accounts: Sequence[str]) -> dict[str, dict[str, Any]]:
        self.asked += accounts
        return {name: self.answers[name] for name in accounts if name in self.answers}
