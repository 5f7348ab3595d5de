"""How much an event asks of people."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """How much an event asks of people, the least first."""

    INFO = "info"
    GOOD = "good"
    WARNING = "warning"
    CRITICAL = "critical"
