"""The data of metrics, gathered by their publisher."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from truffle.core.model import Reservation
from truffle.core.pricing import PriceBook


@dataclass(frozen=True, slots=True)
class ScopeState:
    """A scope, whether its last attempt succeeded, and when it was last listed."""

    account_id: str
    region: str
    is_listed: bool
    last_success: datetime | None


@dataclass(frozen=True, slots=True)
class MetricsInput:
    """The data of metrics."""

    rows: Iterable[Reservation]
    scopes: Iterable[ScopeState]
    now: datetime
    prices: PriceBook
    by_reservation: bool = False
