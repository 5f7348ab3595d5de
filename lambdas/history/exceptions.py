"""Exceptions of questions about the past, apart from the readers that raise them: the handler of
``query`` names them without loading those."""

from __future__ import annotations

from datetime import datetime


class TooEarly(Exception):
    """Nothing was collected yet; ``earliest`` is the time of the first listing, if there is one."""

    def __init__(self, earliest: datetime | None) -> None:
        super().__init__(f"nothing was collected before {earliest}")
        self.earliest = earliest


class TooLarge(Exception):
    """The request needs more data than the function may read; the text has the amount."""
