"""Numbers with nouns, and names with ids, as text for people."""

from __future__ import annotations


def counted(number: float | str, noun: str, plural: str | None = None) -> str:
    """``1 block``, ``3,000 blocks``, ``0.5 accelerators``; ``plural`` if it is irregular. A text is
    a number that is already formatted."""
    text = number if isinstance(number, str) else f"{number:,}"
    return f"{text} {noun if text == '1' else plural or f'{noun}s'}"


def named_account(account_id: str, name: str | None) -> str:
    """``research-one (111122223333)``, or only the id if the name is unknown."""
    return f"{name} ({account_id})" if name else account_id
