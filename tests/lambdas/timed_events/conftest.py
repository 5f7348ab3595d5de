"""Collections between which time passes."""

from __future__ import annotations

import pytest

from tests.lambdas.timed_events.builders import Timed


@pytest.fixture
def world() -> Timed:
    return Timed()
