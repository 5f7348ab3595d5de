"""What every source of reservations gives, the live one as well as the deployed API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from truffle.core.model import FailureKind, Reservation

Progress = Callable[[str, bool], None]
"""Called with a region, and whether it answered completely, as each region ends."""


@dataclass(frozen=True, slots=True)
class ScopeFailure:
    """A scope that did not answer completely; it says nothing about its reservations.

    ``last_success`` is when the deployed stack last listed it; live there is none. ``kind`` is None
    where the source does not tell.
    """

    account_id: str | None
    region: str
    code: str
    message: str
    kind: FailureKind | None = None
    last_success: datetime | None = None

    def __str__(self) -> str:
        return f"{self.region}: {self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that answered, and the scopes that did not.

    ``reservations`` has one row per reservation, in no order. ``scopes`` is how many were asked,
    failed ones among them. ``observed_at`` is how old the oldest answer is, None without any.
    ``warnings`` are for people: what is missing from rows that are otherwise complete.
    """

    reservations: list[Reservation]
    failures: list[ScopeFailure]
    scopes: int
    observed_at: datetime | None
    warnings: list[str] = field(default_factory=list)
