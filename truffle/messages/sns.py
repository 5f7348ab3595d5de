"""An event as SNS publishes it: JSON for machines, prose for e-mail, attributes to filter on."""

from __future__ import annotations

import json
from typing import Any

from truffle.core.events import Event, message_attributes, to_message
from truffle.messages import email
from truffle.messages.card import event_card


def publication(event: Event) -> dict[str, Any]:
    """The arguments of SNS's Publish, but for the topic (``MessageStructure=json``)."""
    card = event_card(event)
    machine = json.dumps(to_message(event), separators=(",", ":"), ensure_ascii=False)
    return {
        "Subject": email.subject(card),
        "MessageStructure": "json",
        "Message": json.dumps({"default": machine, "email": email.text(card)}),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in message_attributes(event).items()
        },
    }
