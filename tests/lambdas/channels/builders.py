"""Destinations that the function delivers to."""

from __future__ import annotations

from typing import Any

from tests.builders import a_block, an_event
from truffle.core.events import Event, EventType, Severity

SECRET = "s3cr3t-0123456789"


def an_ill_block(**facts: Any) -> Event:
    """Opens an incident about a block's health."""
    recorded = {"type": EventType.HEALTH_CHANGED, "severity": Severity.CRITICAL}
    return an_event(a_block("cr-0abc", state="active"), **{**recorded, **facts})
