"""Hooks of schemathesis, which its command line loads for the tests that run it."""

from __future__ import annotations

from typing import Any

import schemathesis
from schemathesis.generation import GenerationMode


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Leave out values of ``next_token`` that have the right form: a random one belongs to no
    answer, and is refused as it should be."""
    is_valid = case.meta.generation.mode is GenerationMode.POSITIVE
    return not (is_valid and "next_token" in (case.query or {}))
