"""Units as messages on their queue."""

from __future__ import annotations

import json
from dataclasses import asdict

from truffle.core.runs import Finish, Unit


def to_message(unit: Unit) -> str:
    """A unit as the body of a message."""
    return json.dumps(asdict(unit))


def finish_message(run_id: str) -> str:
    """The body of a message that has a lost run closed."""
    return json.dumps({"finish": run_id})


def read_message(body: str) -> Unit | Finish:
    """What a message asks for. Raises ValueError, KeyError or TypeError for what is nothing."""
    message = json.loads(body)
    if isinstance(message, dict) and "finish" in message:
        return Finish(message["finish"])
    return read_unit(body)


def read_unit(body: str) -> Unit:
    """The unit of a message. Raises ValueError, KeyError or TypeError for what is none."""
    message = json.loads(body)
    return Unit(message["run_id"], message["region"], tuple(message["accounts"]))
