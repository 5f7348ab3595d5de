"""The table's scopes."""

from __future__ import annotations

import pytest

from lambdas.store.scopes import ScopeStore
from tests.lambdas.aws import Stack


@pytest.fixture
def scopes(stack: Stack) -> ScopeStore:
    return stack.scopes
