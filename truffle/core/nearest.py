"""The nearest match to a misspelt word."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, choices: Iterable[str], least: float = 0.6) -> str | None:
    """The choice that was probably meant: the same letters in another order, else the most alike.

    ``least`` is how alike it must be, from 0 to 1. None where nothing is.
    """
    from difflib import get_close_matches

    known = list(choices)
    lower = word.lower()
    letters = sorted(lower)
    swapped = [choice for choice in known if sorted(choice) == letters]
    alike = get_close_matches(lower, swapped, 1, 0) or get_close_matches(lower, known, 1, least)
    return alike[0] if alike else None
