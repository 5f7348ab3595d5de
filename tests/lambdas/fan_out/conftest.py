"""Starts of runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lambdas import fan_out
from lambdas.collecting import coverage
from lambdas.settings import FanOutSettings
from tests.lambdas.fakes import Clock, FakeContext
from tests.lambdas.fan_out.builders import SCHEDULED, Regions

Deploy = Callable[..., None]
Invoke = Callable[..., dict[str, Any]]


@pytest.fixture
def invoke(deploy: Deploy, clock: Clock) -> Invoke:
    """Starts a run, by default as the schedule does."""
    deploy(FanOutSettings)

    def start(event: dict[str, Any] = SCHEDULED, request_id: str = "1-1") -> dict[str, Any]:
        context: Any = FakeContext(request_id)
        answer: dict[str, Any] = fan_out.handler(dict(event), context)
        return answer

    return start


# --- regions of other accounts -------------------------------------------------------------------


@pytest.fixture
def regions(monkeypatch: pytest.MonkeyPatch) -> Regions:
    """The regions of accounts, besides us-east-2 and eu-west-1 of the stack's own."""
    made = Regions()
    monkeypatch.setattr(fan_out, "enabled_regions", lambda client: ["eu-west-1", "us-east-2"])
    monkeypatch.setattr(coverage, "asking", lambda client, function: made.ask)
    return made
