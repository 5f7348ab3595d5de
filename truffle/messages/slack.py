"""A card as a Slack message: the main content in blocks, the facts beside a coloured bar.

``text`` is for notifications: Slack does not show it elsewhere if a message has blocks. Limits
(Slack, Block Kit reference): 50 blocks, header 150 characters, section 3,000 or ten fields of
2,000, context ten elements, button 75 and its URL 3,000.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from truffle.core.codec import Json
from truffle.core.events import Severity
from truffle.messages.card import EMOJI, Card
from truffle.messages.fields import Fact
from truffle.messages.sections import Line, Section, largest
from truffle.messages.text import fit, length

COLOURS = {
    Severity.INFO: "#6b7280",
    Severity.GOOD: "#15803d",
    Severity.WARNING: "#d97706",
    Severity.CRITICAL: "#b91c1c",
}

MOST_TEXT = 3000
MOST_FIELDS = 10
MOST_LISTED = 12_000
"""Characters of all lists; Slack accepts more, but more is not readable in a chat."""
_SIZES = ((20, 280), (10, 200), (4, 150))


def payload(card: Card) -> Json:
    """The body of an incoming webhook's request, and of chat.postMessage without the channel."""
    return {
        "text": fit(card.notification, MOST_TEXT, escape),
        "blocks": list(_message(card)),
        "attachments": [
            {
                "color": COLOURS[card.severity],
                "fallback": fit(card.headline, 150, escape),
                "blocks": list(_details(card)),
            }
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escape(text: str) -> str:
    """Slack's three control characters as entities, so that a tag cannot ping or link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _message(card: Card) -> Iterator[Json]:
    title = fit(f"{EMOJI[card.severity]} {card.headline}", 150)
    yield {"type": "header", "text": {"type": "plain_text", "text": title}}
    for note in card.notes:
        yield _section(f"*{escape(note)}*")
    yield _section(fit(card.summary, MOST_TEXT, escape))
    if card.step:
        yield _section(f"*What to do:* {fit(card.step, 2000, escape)}")
    yield from largest(partial(_lists, card), _SIZES, _is_readable)


def _details(card: Card) -> Iterator[Json]:
    for start in range(0, len(card.facts), MOST_FIELDS):
        fields = [_field(fact) for fact in card.facts[start : start + MOST_FIELDS]]
        yield {"type": "section", "fields": fields}
    if card.links:
        yield {"type": "actions", "elements": [_button(it.title, it.url) for it in card.links]}
    footer = f"{fit(card.footer, 500, escape)} · `{fit(card.command, 200, escape)}`"
    yield {"type": "context", "elements": [_mrkdwn(footer)]}


def _lists(card: Card, most: int, longest: int) -> list[Json]:
    return [block for section in card.sections for block in _list(section, most, longest)]


def _is_readable(blocks: list[Json]) -> bool:
    return sum(length(block["text"]["text"]) for block in blocks) <= MOST_LISTED


def _list(section: Section, most: int, longest: int) -> Iterator[Json]:
    """The lines in as many blocks as needed."""
    shown, left = section.first(most)
    title = [f"*{fit(section.title, 150, escape)}*"] if section.title else []
    lines = [*title, *(_line(line, longest) for line in shown)]
    if left:
        lines.append(f"… and {left:,} more")
    text = ""
    for line in lines:
        if length(text) + length(line) + 1 > MOST_TEXT:
            yield _section(text)
            text = ""
        text = f"{text}\n{line}" if text else line
    yield _section(text)


def _line(line: Line, longest: int) -> str:
    mark = EMOJI[line.severity] if line.severity else "•"
    return f"{mark} {fit(line.text, longest, escape)}"


def _section(text: str) -> Json:
    return {"type": "section", "text": _mrkdwn(text)}


def _field(fact: Fact) -> Json:
    """A field. Slack's markup characters cannot be escaped, so a value with one is shown as plain
    text, unless it contains one of the control characters, which can be escaped only in markup."""
    if _MARKS.search(fact.value) and escape(fact.value) == fact.value:
        text = f"{fit(fact.name, 100)}\n{fit(fact.value, 500)}"
        return {"type": "plain_text", "text": text, "emoji": False}
    return _mrkdwn(f"*{fit(fact.name, 100, escape)}*\n{fit(fact.value, 500, escape)}")


_MARKS = re.compile(r"[*_~`]|:[a-z0-9_+-]+:")


def _mrkdwn(text: str) -> Json:
    """Escaped text; ``verbatim`` prevents Slack from turning plain words into links and
    mentions."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _button(title: str, url: str) -> Json:
    return {"type": "button", "text": {"type": "plain_text", "text": fit(title, 75)}, "url": url}
