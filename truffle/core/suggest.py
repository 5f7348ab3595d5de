"""Misspelt words: the known word that was meant, or an unknown word that may be new.

Every interface uses the same rule. If AWS adds words to a vocabulary (states, regions, types), an
unknown word is accepted with a warning; one that resembles a known word is rejected with a
suggestion.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

ALIKE = 0.8
"""The minimum similarity, from 0 to 1, of a misspelling and the intended word."""

_LEAST_PREFIX = 4
_DIGITS = re.compile("[0-9]+")


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that was probably meant; None if none is similar.

    In this order: a choice that differs only in case, spaces and underscores; one with the same
    letters in another order; the only choice with this prefix; else the most similar one, from
    ``ALIKE`` on.
    """
    from difflib import get_close_matches

    known = {_plain(choice): choice for choice in choices}
    plain = _plain(word)
    letters = sorted(plain)
    swapped = [each for each in known if sorted(each) == letters]
    prefixed = [each for each in known if each.startswith(plain)]
    if plain in known:
        return known[plain]
    if swapped:
        return known[get_close_matches(plain, swapped, 1, 0)[0]]
    if len(prefixed) == 1 and len(plain) >= _LEAST_PREFIX:
        return known[prefixed[0]]
    alike = get_close_matches(plain, known, 1, ALIKE)
    return known[alike[0]] if alike else None


def misspelt(word: str, known: Collection[str]) -> str | None:
    """The known word that an unknown one resembles; None for a known or possibly new word.

    AWS numbers its names (``us-east-3``, ``Trainium3``), so a word that differs from a known one
    only in numbers is not misspelt.
    """
    if word in known or _letters(word) in {_letters(each) for each in known}:
        return None
    return nearest(word, known)


def _plain(word: str) -> str:
    return word.strip().casefold().replace("_", "-").replace(" ", "-")


def _letters(word: str) -> str:
    return _DIGITS.sub("0", word)
