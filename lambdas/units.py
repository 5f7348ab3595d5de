"""Units as messages on their queue."""

from __future__ import annotations

import json
from dataclasses import asdict

from truffle.core.runs import Unit


def to_message(unit: Unit) -> str:
    """A unit as the body of a message, which ``collect`` reads."""
    return json.dumps(asdict(unit))
