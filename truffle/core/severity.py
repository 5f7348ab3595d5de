"""The severity of events."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """The severity of an event, the lowest first."""

    INFO = "info"
    GOOD = "good"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def is_bad(self) -> bool:
        """Whether it is one of WARNINGS."""
        return self in WARNINGS


WARNINGS = (Severity.WARNING, Severity.CRITICAL)
"""The severities of events that need attention."""
