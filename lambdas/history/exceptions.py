"""Exceptions of requests for the past, separate from the readers that raise them, so the handler of
``query`` can name them without loading those."""

from __future__ import annotations

from datetime import datetime


class TooEarly(Exception):
    """Nothing had been collected yet; ``earliest`` is the time of the first listing, if there is
    one."""

    def __init__(self, earliest: datetime | None) -> None:
        super().__init__(f"nothing was collected before {earliest}")
        self.earliest = earliest


class TooLarge(Exception):
    """The request needs more data than the function may read; the text states the amount."""
