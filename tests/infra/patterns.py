"""EventBridge's event patterns, as far as the rules of this project use them.

Source: EventBridge User Guide, "Comparison operators for use in event patterns": every key of a
pattern has to match, each list is a choice, ``$or`` is a choice of patterns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def matches(pattern: Mapping[str, Any], event: object) -> bool:
    """Whether a rule with this pattern takes the event; a pattern with more conditions fails."""
    return isinstance(event, Mapping) and all(
        any(matches(choice, event) for choice in wanted)
        if name == "$or"
        else _has(wanted, event.get(name))
        for name, wanted in pattern.items()
    )


def _has(wanted: Any, value: object) -> bool:
    if isinstance(wanted, Mapping):
        return matches(wanted, value)
    return any(_is(choice, value) for choice in wanted)


def _is(choice: object, value: object) -> bool:
    if isinstance(choice, str):
        return value == choice
    assert isinstance(choice, Mapping), choice
    assert set(choice) == {"prefix"}, choice
    return isinstance(value, str) and value.startswith(choice["prefix"])
