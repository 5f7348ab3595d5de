"""EC2's smallest request bucket (EC2 API Reference, Request throttling)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

TOKENS = 10.0
REFILL_PER_SECOND = 0.15


@dataclass(frozen=True, slots=True)
class Bucket:
    """The remaining tokens at a moment; each call takes one."""

    tokens: float
    at: datetime

    def taken(self, now: datetime) -> Bucket | None:
        """The bucket after a call; None without a token for it."""
        refill = max((now - self.at).total_seconds(), 0) * REFILL_PER_SECOND
        tokens = min(TOKENS, self.tokens + refill) - 1
        return Bucket(tokens, now) if tokens >= 0 else None


def full_bucket(now: datetime) -> Bucket:
    return Bucket(TOKENS, now)
