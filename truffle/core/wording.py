"""Numbers with nouns in the singular or plural."""

from __future__ import annotations


def count(number: float, noun: str) -> str:
    """``1 block``, ``3 blocks``, ``0.5 accelerators``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
