"""Numbers on the command lines of the benchmarks, with errors that name what is allowed."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from math import inf, isfinite
from typing import TypeVar

N = TypeVar("N", int, float)


def number(kind: type[N], least: N, most: float = inf) -> Callable[[str], N]:
    """An argparse type: a number from ``least`` to ``most``."""

    def read(text: str) -> N:
        wanted = f"from {least}" + (f" to {most}" if most < inf else " on")
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} must be a number {wanted}") from None
        if not (isfinite(value) and least <= value <= most):
            raise argparse.ArgumentTypeError(f"{text!r} must be a number {wanted}")
        return value

    return read


def numbers(kind: type[N], least: N) -> Callable[[str], list[N]]:
    """An argparse type: such numbers, comma-separated."""
    one = number(kind, least)
    return lambda text: [one(part) for part in text.split(",")]
