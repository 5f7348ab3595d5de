"""The input of a report, gathered by its publisher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from truffle.core.events import Event
from truffle.core.market.finds import Market
from truffle.core.model import Reservation
from truffle.core.organization import AllLabels
from truffle.core.pricing import NO_PRICES, PriceBook
from truffle.core.tag_text import TEAM_TAG

IDLE_USD_PER_HOUR = 10.0
"""The minimum hourly cost of idle instances that needs a decision, if their price is known."""

NO_MARKET = Market()


@dataclass(frozen=True, slots=True)
class FailedScope:
    """A scope that could not be listed: EC2's code, and when it was last listed (None: never)."""

    account_id: str | None
    region: str
    code: str
    message: str = ""
    last_success: datetime | None = None
    account_name: str | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """The used instances of a reservation from a moment on; None if unobserved."""

    at: datetime
    used: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Reservations, events and their completeness, as of ``now``.

    ``observed_at`` is the time of the oldest listing, None if there is none. ``events`` may be in
    any order; ``events_note`` is the reason if some are missing. ``source`` names the source of the
    data. ``since`` and ``until`` bound the timeline, None means the default. ``use`` has the use
    over time of reservations by id, if the source knows it; ``market`` has the finds of watches.
    ``refresh_seconds`` makes the page reload itself; None for a file. A page has at most
    ``most_rows`` reservations, None for all; those that need a decision come first. ``labels`` has
    the names of accounts for what has none.
    """

    rows: Sequence[Reservation]
    now: datetime
    observed_at: datetime | None
    scopes: int
    source: str
    failed: Sequence[FailedScope] = ()
    closed: int = 0
    events: Sequence[Event] = ()
    events_note: str | None = None
    warnings: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    prices: PriceBook = NO_PRICES
    use: Mapping[str, Sequence[Use]] = field(default_factory=dict)
    market: Market = NO_MARKET
    team_tag: str = TEAM_TAG  # in any case
    idle_usd_per_hour: float = IDLE_USD_PER_HOUR
    refresh_seconds: int | None = None
    most_rows: int | None = None
    labels: AllLabels = field(default_factory=dict)
