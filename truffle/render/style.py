"""The capabilities of the output: colours, width, characters beyond ASCII."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import wrap

from truffle.core.quoting.terminal import visible

_CODES: Mapping[str, str] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
}

_STATE_COLOURS: Mapping[str, str] = {
    "active": "green",
    "scheduled": "cyan",
    "pending": "yellow",
    "payment-pending": "yellow",
    "assessing": "yellow",
    "delayed": "yellow",
    "cancelling": "yellow",
    "failed": "red",
    "payment-failed": "red",
    "unavailable": "red",
    "unsupported": "red",
    "expired": "dim",
    "cancelled": "dim",
}


@dataclass(frozen=True, slots=True)
class Style:
    """``width`` None is unlimited: a pipe or a file gets every column in full."""

    is_coloured: bool = False
    width: int | None = None
    is_unicode: bool = True

    def paint(self, text: str, colour: str | None) -> str:
        if not self.is_coloured or colour is None:
            return text
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"

    def bold(self, text: str) -> str:
        return self.paint(text, "bold")

    def wrapped(self, text: str, first: str = "", then: str = "") -> list[str]:
        """A line wrapped to the width, without breaking words."""
        text = visible(text)
        if not self.width:
            return [first + text]
        return wrap(
            text,
            max(self.width, 40),
            initial_indent=first,
            subsequent_indent=then,
            break_long_words=False,
            break_on_hyphens=False,
        )

    def title(self, text: str) -> str:
        """A heading, with the guide's symbol if the terminal can show it."""
        return self.bold(f"📊 {text}" if self.is_unicode else text)


def state_colour(state: str) -> str | None:
    return _STATE_COLOURS.get(state)
