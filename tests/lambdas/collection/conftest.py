"""A unit and its collections."""

from __future__ import annotations

import pytest

from tests.lambdas.collection.builders import World


@pytest.fixture(autouse=True)
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for three actions beside those of the status, so a few changes need several."""
    monkeypatch.setattr("lambdas.store.scopes.MAX_ACTIONS", 6)


@pytest.fixture
def world() -> World:
    return World()
