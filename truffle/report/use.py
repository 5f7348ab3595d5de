"""The use of reservations over time, from spans, for a report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from truffle.core.spans import Span
from truffle.report.inputs import Use


def use_over_time(spans: Iterable[Span]) -> Mapping[str, list[Use]]:
    """The used instances of each ODCR over time, by reservation id.

    None means unobserved, or that a reservation was not active.
    """
    members: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        if not span.row.kind.is_prepaid:
            members[span.row.reservation_id].append(span)
    return {name: _steps(held) for name, held in members.items()}


def _steps(spans: list[Span]) -> list[Use]:
    steps: list[Use] = []
    until: datetime | None = None
    for span in sorted(spans, key=lambda span: span.start):
        if until is not None and span.start > until:
            _add(steps, until, None)
        _add(steps, span.start, span.row.used_capacity if span.is_counted else None)
        until = max(until or span.end, span.end)
    if until is not None:
        _add(steps, until, None)
    return steps


def _add(steps: list[Use], at: datetime, used: int | None) -> None:
    """Add a step if the use changes."""
    if not steps or steps[-1].used != used:
        steps.append(Use(at, used))
