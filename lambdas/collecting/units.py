"""Units as messages on their queue."""

from __future__ import annotations

import json
from dataclasses import asdict

from truffle.core.runs import Unit


def to_message(unit: Unit) -> str:
    """A unit as the body of a message."""
    return json.dumps(asdict(unit))


def read_unit(body: str) -> Unit:
    """The unit of a message. Raises ValueError, KeyError or TypeError for what is none."""
    message = json.loads(body)
    return Unit(message["run_id"], message["region"], tuple(message["accounts"]))
