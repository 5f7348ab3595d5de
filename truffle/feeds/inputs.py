"""The data of metrics; their publisher gathers it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from truffle.core.model import Reservation


@dataclass(frozen=True, slots=True)
class ScopeState:
    """A scope, whether it was listed at the last attempt, and when it was last listed."""

    account_id: str
    region: str
    is_listed: bool
    last_success: datetime | None


@dataclass(frozen=True, slots=True)
class Held:
    """The data of metrics: ``prices`` are US dollars per instance and hour."""

    rows: Iterable[Reservation]
    scopes: Iterable[ScopeState]
    now: datetime
    prices: Mapping[str, float]
    by_reservation: bool = False
