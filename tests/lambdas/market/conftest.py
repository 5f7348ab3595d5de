"""The fixtures of tests of the market."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lambdas.alert_settings import FILE_VARIABLE
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Clock
from tests.lambdas.market.hunt import Hunt, a_watch


@pytest.fixture
def hunt(
    stack: Stack,
    clock: Clock,
    deploy: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Hunt:
    file = tmp_path / "alerts.json"
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    made = Hunt(stack, clock, deploy, file)
    made.watches(a_watch())
    return made
