"""How hard the random tests look: as usual for each change, many times harder once a week."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest

EFFORT = int(os.environ.get("TRUFFLE_TEST_EFFORT", "1"))
"""How many times as many examples and seeds as usual; ``script/test-long`` sets it."""

FIRST_SEED = int(os.environ.get("TRUFFLE_TEST_FIRST_SEED", "0"))


def seeds(usual: int) -> range:
    """The seeds of a test for which that many usually suffice."""
    return range(FIRST_SEED, FIRST_SEED + usual * EFFORT)


def examples(usual: int) -> int:
    """``max_examples`` of a property for which that many usually suffice."""
    return usual * EFFORT


def some(every: int, *values: Iterable[Any]) -> list[Any]:
    """The combinations of values as parameters of a test: each ``every``-th is tested with every
    change, the others once a week."""
    combinations = list(product(*values))
    return [
        pytest.param(*each, marks=[pytest.mark.long] if number % every else [])
        for number, each in enumerate(combinations)
    ]
