"""The result of a listing, from EC2 itself or from the deployed API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from truffle.core.model import CLOSED_KINDS, DEADLINE_EXCEEDED, Failure, FailureKind, Reservation
from truffle.core.wording import named_account

Progress = Callable[[str, bool], None]
"""A callback with each region as it ends, and whether its result is complete."""

LATE = "The region did not respond before the deadline."


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeFailure:
    """A scope that was not listed completely; its reservations are unknown.

    ``last_success`` is when the deployed stack last listed it; None in a live listing. ``kind`` is
    None if the source does not know it.
    """

    account_id: str | None
    region: str
    code: str
    message: str
    kind: FailureKind | None = None
    last_success: datetime | None = None
    account_name: str | None = None

    @classmethod
    def of(cls, failure: Failure) -> ScopeFailure:
        return cls(
            account_id=failure.scope.account_id or None,
            region=failure.scope.region,
            code=failure.code,
            message=failure.message,
            kind=failure.kind,
        )

    @classmethod
    def late(cls, region: str, account_id: str | None = None, message: str = LATE) -> ScopeFailure:
        """The failure of a region that did not respond in time."""
        code = DEADLINE_EXCEEDED
        return cls(
            account_id=account_id, region=region, code=code, message=message, kind=FailureKind.ERROR
        )

    @property
    def account(self) -> str | None:
        """``research-one (111122223333)``, if the name is known."""
        return self.account_id and named_account(self.account_id, self.account_name)

    def __str__(self) -> str:
        return f"{self.region}: {self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Listing:
    """The results of all scopes, and the failures.

    ``reservations`` has one row per reservation, in no order. ``scopes`` is the number of queried
    scopes, including failed ones. ``observed_at`` is the time of the oldest result, None without
    any. ``warnings`` are for people: missing fields of otherwise complete rows. ``closed`` has
    scopes that are denied or not enabled, as expected; ``scopes`` does not include them.
    """

    reservations: list[Reservation]
    failures: list[ScopeFailure]
    scopes: int
    observed_at: datetime | None
    warnings: list[str] = field(default_factory=list)
    closed: list[ScopeFailure] = field(default_factory=list)

    def without_denied(self) -> Listing:
        """The same listing with the denied or not enabled scopes as closed ones.

        If no scope responded they stay failures, because nothing is known.
        """
        if self.observed_at is None:
            return self
        closed = [failure for failure in self.failures if failure.kind in CLOSED_KINDS]
        failures = [failure for failure in self.failures if failure.kind not in CLOSED_KINDS]
        return replace(self, failures=failures, closed=closed, scopes=self.scopes - len(closed))
