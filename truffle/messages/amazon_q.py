"""A card as a custom notification of Amazon Q Developer in chat applications.

The text is markdown of the chat that shows it, so it must not depend on one: plain lines, and lists
with hyphens. Title and description have the limits that public senders use. Schema: Amazon Q
Developer in chat applications Administrator Guide, custom notifications.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from truffle.messages.card import EMOJI, Card
from truffle.messages.sections import Section, largest
from truffle.messages.text import defused, fit, length

TITLE_LENGTH = 250
DESCRIPTION_LENGTH = 8000
_SIZES = ((25, 300), (15, 200), (8, 120), (4, 80))


def payload(card: Card) -> dict[str, Any]:
    """The notification; its JSON is the message for SNS. Messages about one subject form a
    thread."""
    content: dict[str, Any] = {
        "textType": "client-markdown",
        "title": fit(f"{EMOJI[card.severity]} {card.headline}", TITLE_LENGTH, escape),
        "description": _description(card),
    }
    if card.step:
        content["nextSteps"] = [fit(card.step, 1000, escape)]
    if card.keywords:
        content["keywords"] = [fit(word, 100, escape) for word in card.keywords]
    return {
        "version": "1.0",
        "source": "custom",
        "id": fit(card.message_id, 250),
        "content": content,
        "metadata": {
            "threadId": fit(card.subject, 250),
            "summary": fit(card.summary, TITLE_LENGTH, escape),
            "eventType": card.kind,
            "relatedResources": [fit(name, 250) for name in card.resources],
            "additionalContext": {"severity": card.severity.value},
        },
    }


def escape(text: str) -> str:
    """Escape with entities, which every chat's markdown supports; some would show a backslash. Text
    that a chat would turn into a link or a mention is broken invisibly."""
    return defused(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def _description(card: Card) -> str:
    def make(most: int, longest: int) -> str:
        return "\n\n".join(_paragraphs(card, most, longest))

    return largest(make, _SIZES, lambda text: length(text) <= DESCRIPTION_LENGTH)


def _paragraphs(card: Card, most: int, longest: int) -> Iterator[str]:
    yield from card.notes
    yield fit(card.summary, 1000, escape)
    for section in card.sections:
        yield "\n".join(_list(section, most, longest))
    if card.facts:
        yield "\n".join(f"- {it.name}: {fit(it.value, longest, escape)}" for it in card.facts)
    if card.links:
        yield "\n".join(f"- {it.title}: {it.url}" for it in card.links)
    yield f"{fit(card.footer, 300, escape)} · {fit(card.command, 200, escape)}"


def _list(section: Section, most: int, longest: int) -> Iterator[str]:
    shown, left = section.first(most)
    if section.title:
        yield f"{fit(section.title, 100, escape)}:"
    for line in shown:
        mark = f"{EMOJI[line.severity]} " if line.severity else ""
        yield f"- {mark}{fit(line.text, longest, escape)}"
    if left:
        yield f"- and {left:,} more"
