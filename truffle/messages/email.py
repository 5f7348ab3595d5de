"""A card as an e-mail: a complete subject, and prose as text.

E-mail programs turn text that resembles a link into one, so texts are defused.
"""

from __future__ import annotations

from collections.abc import Iterator

from truffle.messages.card import Card
from truffle.messages.fields import Fact
from truffle.messages.sections import Line, Section, largest
from truffle.messages.text import defused, fit

SUBJECT_LENGTH = 99
"""SNS accepts less than 100 characters without line breaks (SNS API Reference, Publish)."""
MOST_BYTES = 200 * 1024
"""The size limit, of the 256 KiB that SNS accepts."""
VALUE_LENGTH = 500
_SIZES = ((200, 500), (100, 300), (20, 150))

_ASCII = str.maketrans({"×": "x", "→": "->", "·": "-", "–": "-", "≈": "~", "…": "..."})


def payload(card: Card) -> dict[str, str]:
    """The arguments of SNS's Publish, except the topic."""
    return {"Subject": subject(card), "Message": text(card)}


def subject(card: Card) -> str:
    """``[critical] Capacity block cr-0abc (8 x p5.48xlarge, us-east-1) payment failed: …``."""
    marks = f"{'TEST ' if card.test else ''}[{card.severity}]{' late:' if card.late else ''}"
    return f"{marks} {fit(card.summary, SUBJECT_LENGTH - len(marks) - 1, _ascii)}"


def _ascii(line: str) -> str:
    return "".join(char if " " <= char <= "~" else "?" for char in line.translate(_ASCII))


def text(card: Card) -> str:
    """The e-mail's text: what happened, what to do, the facts, and links."""

    def make(most: int, longest: int) -> str:
        return "\n\n".join(_paragraphs(card, most, longest)) + "\n"

    return largest(make, _SIZES, lambda text: len(text.encode()) <= MOST_BYTES)


def _paragraphs(card: Card, most: int, longest: int) -> Iterator[str]:
    yield from card.notes
    yield fit(card.summary, 5000, defused)
    if card.step:
        yield f"What to do: {fit(card.step, 5000, defused)}"
    for section in card.sections:
        yield "\n".join(_list(section, most, longest))
    if card.facts:
        width = max(len(fact.name) for fact in card.facts) + 1
        yield "\n".join(_fact(fact, width) for fact in card.facts)
    yield "\n".join(_where(card))
    yield fit(card.footer, 1000, defused)


def _fact(fact: Fact, width: int) -> str:
    return f"{f'{fact.name}:':<{width}} {fit(fact.value, VALUE_LENGTH, defused)}"


def _list(section: Section, most: int, longest: int) -> Iterator[str]:
    shown, left = section.first(most)
    if section.title:
        yield f"{fit(section.title, 150)}:"
    yield from (f"- {_line(line, longest)}" for line in shown)
    if left:
        yield f"... and {left:,} more"


def _line(line: Line, longest: int) -> str:
    mark = f"[{line.severity}] " if line.severity else ""
    return mark + fit(line.text, longest, defused)


def _where(card: Card) -> Iterator[str]:
    for link in card.links:
        yield f"{link.title}: {link.url}"
    yield f"On the command line: {fit(card.command, 200)}"
