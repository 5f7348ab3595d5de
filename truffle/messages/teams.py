"""A card as a Microsoft Teams message: an Adaptive Card for the webhook of a workflow.

Teams accepts 28 KB (Microsoft Teams documentation, incoming webhooks), and shows Adaptive Cards up
to version 1.5; of markdown it supports bold, italics, lists and links, in text blocks and in facts.

A workflow responds 202 before Teams has received the card, and forwards it as a string within its
own JSON, so a card that becomes too large there is lost silently. The limit therefore applies to
the card's JSON encoded again as a JSON string, with room for the workflow's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from truffle.core.codec import Json
from truffle.core.events import Severity
from truffle.messages.card import EMOJI, Card
from truffle.messages.sections import Section, largest
from truffle.messages.text import defused, fit

MOST_BYTES = 20 * 1024
_SIZES = ((25, 300), (15, 200), (8, 120), (4, 60), (3, 40), (1, 30))

_STYLES = {
    Severity.INFO: "emphasis",
    Severity.GOOD: "good",
    Severity.WARNING: "warning",
    Severity.CRITICAL: "attention",
}


def payload(card: Card) -> Json:
    """The body of the webhook's request."""
    return largest(partial(_message, card), _SIZES, _fits)


def _fits(message: Json) -> bool:
    return len(json.dumps(json.dumps(message))) <= MOST_BYTES


_MARKUP = re.compile(r"[\\*\[\]`~|]|(?<![^\W_])_|_(?![^\W_])|^(?:[-+#]|\d+(?=[.)]))")


def escape(text: str) -> str:
    """Escape for Adaptive Cards' markdown, in which an underscore within a word is not markup."""
    marked = _MARKUP.sub(_backslash, text)
    entities = marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return defused(entities)


def _backslash(found: re.Match[str]) -> str:
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"


def _message(card: Card, most: int, longest: int) -> Json:
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "fallbackText": fit(card.notification, 500, escape),
        "body": list(_body(card, most, longest)),
        "actions": [
            {"type": "Action.OpenUrl", "title": it.title, "url": it.url} for it in card.links
        ],
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": content,
    }
    return {"type": "message", "attachments": [attachment]}


def _body(card: Card, most: int, longest: int) -> Iterator[Json]:
    title = fit(f"{EMOJI[card.severity]} {card.headline}", 150, escape)
    yield {
        "type": "Container",
        "style": _STYLES[card.severity],
        "bleed": True,
        "items": [_text(title, weight="Bolder", size="Medium")],
    }
    for note in card.notes:
        yield _text(escape(note), weight="Bolder")
    yield _text(fit(card.summary, 5 * longest, escape))
    if card.step:
        yield _text(f"**What to do:** {fit(card.step, 5 * longest, escape)}")
    for section in card.sections:
        if section.title:
            yield _text(f"**{fit(section.title, 100, escape)}**", separator=True)
        yield _text("\r".join(_list(section, most, longest)), spacing="Small")
    if card.facts:
        facts = [
            {"title": fit(fact.name, 100, escape), "value": fit(fact.value, longest, escape)}
            for fact in card.facts
        ]
        yield {"type": "FactSet", "facts": facts, "separator": True}
    yield _text(fit(card.footer, 300, escape), isSubtle=True, size="Small", separator=True)
    yield _text(fit(card.command, 200, escape), fontType="Monospace", size="Small", spacing="None")


def _list(section: Section, most: int, longest: int) -> Iterator[str]:
    shown, left = section.first(most)
    for line in shown:
        mark = f"{EMOJI[line.severity]} " if line.severity else ""
        yield f"- {mark}{fit(line.text, longest, escape)}"
    if left:
        yield f"- and {left:,} more"


def _text(text: str, **more: Any) -> Json:
    return {"type": "TextBlock", "text": text, "wrap": True, **more}
