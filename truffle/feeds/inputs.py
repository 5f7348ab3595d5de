"""The data of metrics, gathered by their publisher."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from truffle.core.model import Reservation
from truffle.core.organization import NO_LABELS, Labels
from truffle.core.pricing import PriceBook


@dataclass(frozen=True, slots=True)
class ScopeState:
    """A scope, whether its last attempt succeeded, when it was last listed, and the names of its
    account."""

    account_id: str
    region: str
    is_listed: bool
    last_success: datetime | None
    labels: Labels = NO_LABELS


@dataclass(frozen=True, slots=True)
class MetricsInput:
    """The data of metrics."""

    rows: Iterable[Reservation]
    scopes: Iterable[ScopeState]
    now: datetime
    prices: PriceBook
    by_reservation: bool = False
