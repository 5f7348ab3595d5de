"""The result of a listing, from EC2 itself or from the deployed API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from truffle.core.model import CLOSED_KINDS, FailureKind, Reservation

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
    account_name: str | None = None

    @property
    def account(self) -> str | None:
        """``research-one (111122223333)``, where the name is known."""
        name = self.account_name
        return f"{name} ({self.account_id})" if name else self.account_id

    def __str__(self) -> str:
        return f"{self.region}: {self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything that answered, and the scopes that did not.

    ``reservations`` has one row per reservation, in no order. ``scopes`` is how many were asked,
    failed ones among them. ``observed_at`` is how old the oldest answer is, None without any.
    ``warnings`` are for people: what is missing from rows that are otherwise complete. ``closed``
    are scopes that are denied or not enabled, as was expected: they are not among ``scopes``.
    """

    reservations: list[Reservation]
    failures: list[ScopeFailure]
    scopes: int
    observed_at: datetime | None
    warnings: list[str] = field(default_factory=list)
    closed: list[ScopeFailure] = field(default_factory=list)

    def without_denied(self) -> Listing:
        """The same with the scopes that are denied or not enabled as closed ones.

        Where no scope answered they stay failures: nothing is known then, whatever is expected.
        """
        if self.observed_at is None:
            return self
        closed = [failure for failure in self.failures if failure.kind in CLOSED_KINDS]
        failures = [failure for failure in self.failures if failure.kind not in CLOSED_KINDS]
        return replace(self, failures=failures, closed=closed, scopes=self.scopes - len(closed))
