"""An event as a message of SNS: JSON for machines, prose for e-mail, attributes for filters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from truffle.core.codec import Json
from truffle.core.events import Event, message_attributes, to_message
from truffle.messages import email
from truffle.messages.card import event_card
from truffle.messages.text import to_json

MOST_BYTES = 200 * 1024
"""The size limit, of the 256 KiB that SNS accepts, attributes included (Amazon SNS API Reference,
Publish). SQS, to which the message is forwarded, accepts as much."""
_SEEN_BY = 50
"""The accounts that stay in ``seen_by`` of a reservation that very many see."""


def publication(event: Event) -> dict[str, Any]:
    """The arguments of SNS's Publish, except the topic (``MessageStructure=json``).

    A message that would be too large omits accounts of ``seen_by`` first and ``tags`` last, of
    these the longest, and counts what it omits in ``left_out``.
    """
    card = event_card(event)
    return {
        "Subject": email.subject(card),
        "MessageStructure": "json",
        "Message": _message(event, email.text(card)),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in message_attributes(event).items()
        },
    }


def _message(event: Event, prose: str) -> str:
    for shortened in _shortened(to_message(event)):
        text = to_json({"default": to_json(shortened), "email": prose})
        if len(text.encode()) <= MOST_BYTES:
            break
    return text


def _shortened(message: Json) -> Iterator[Json]:
    """The message, then increasingly shortened versions."""
    yield message
    row = message["reservation"]
    if row is None:
        return
    seen_by, tags = row["seen_by"], sorted(row["tags"].items(), key=_length)
    for kept in _halves(len(tags)):
        shorter = {**row, "seen_by": seen_by[:_SEEN_BY], "tags": dict(tags[:kept])}
        counts = {"seen_by": len(seen_by) - _SEEN_BY, "tags": len(tags) - kept}
        left_out = {name: count for name, count in counts.items() if count > 0}
        yield {**message, "reservation": shorter, "left_out": left_out}


def _halves(number: int) -> Iterator[int]:
    """``50, 25, 12, 6, 3, 1, 0``."""
    while number:
        yield number
        number //= 2
    yield 0


def _length(tag: tuple[str, str]) -> int:
    return len(to_json(tag).encode())
