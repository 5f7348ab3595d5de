"""The severity of events."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """The severity of an event, the lowest first."""

    INFO = "info"
    GOOD = "good"
    WARNING = "warning"
    CRITICAL = "critical"
