"""Contexts of the stack."""

from __future__ import annotations

from typing import Any

import pytest

from infra.context import ContextError, parse_context


def problems_of(raw: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(ContextError) as caught:
        parse_context(raw)
    return caught.value.problems
