"""The matrix of the market: for each instance type and region, the cheapest accelerator-hour and
the soonest start, or why they are unknown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from truffle.core.codec import Json
from truffle.core.market.answers import Outcome
from truffle.core.market.days import Days, best_of
from truffle.core.market.finds import Find, Market, Standing, lead_hours, sorted_finds
from truffle.core.times import format_time, whole

_ORDER: Final = (
    Outcome.FAILED,
    Outcome.NOT_ASKED,
    Outcome.NONE,
    Outcome.UNKNOWN_TYPE,
)
"""If the watches of a cell differ and nothing is for sale, the first of these counts: a failed
search might have found something. An offer that a filter excludes does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A type in a region, over all watches that search for it.

    ``outcome`` is ``offered`` if anything is known to be for sale, possibly from an earlier answer.
    ``known_at`` is the time of the oldest answer used, None if there is none; ``unanswered`` has
    the watches whose last attempt did not show what is sold, with the reason. ``days`` has the best
    of each of the last 30 days.
    """

    instance_type: str
    region: str
    outcome: Outcome
    known_at: datetime | None
    offerings: int = 0
    cheapest: Find | None = None
    soonest: Find | None = None
    unanswered: tuple[tuple[str, str], ...] = ()
    days: Days = field(default_factory=dict)

    @property
    def price(self) -> Decimal | None:
        """The cheapest accelerator-hour; None if no price is known."""
        return self.cheapest.price if self.cheapest else None

    @property
    def start(self) -> datetime | None:
        """The soonest start."""
        return self.soonest.offering.start_date if self.soonest else None

    def to_json(self, now: datetime) -> Json:
        lead = lead_hours(self.start, now)
        offering = self.cheapest.offering if self.cheapest else None
        return {
            "instance_type": self.instance_type,
            "region": self.region,
            "outcome": self.outcome.value,
            "price_per_gpu_hour": None if self.price is None else round(float(self.price), 4),
            "currency_code": offering.currency_code if offering else None,
            "soonest_start": self.start and format_time(self.start),
            "lead_hours": None if lead is None else whole(round(lead, 2)),
            "offerings": self.offerings,
            "cheapest_offering_id": offering.offering_id if offering else None,
            "known_at": self.known_at and format_time(self.known_at),
            "unanswered": [{"watch": name, "why": why} for name, why in self.unanswered],
        }


def matrix(market: Market) -> list[Cell]:
    """A cell for each type and region that a watch searches, by type and region.

    A type and region without a watch has none.
    """
    keys = {(it.question.instance_type, it.region) for it in market.standings}
    return [
        _cell(
            name,
            region,
            [it for it in market.standings if _key(it) == (name, region)],
            [it for it in market.finds if _find_key(it) == (name, region)],
        )
        for name, region in sorted(keys)
    ]


def _key(standing: Standing) -> tuple[str, str]:
    return standing.question.instance_type, standing.region


def _find_key(find: Find) -> tuple[str, str]:
    return find.question.instance_type, find.offering.region


def _cell(name: str, region: str, standings: list[Standing], finds: list[Find]) -> Cell:
    outcomes = {Outcome.NONE if it.outcome is Outcome.OFFERED else it.outcome for it in standings}
    known = [it.known_at for it in standings if it.known_at is not None]
    return Cell(
        instance_type=name,
        region=region,
        outcome=Outcome.OFFERED if finds else next(it for it in _ORDER if it in outcomes),
        known_at=min(known, default=None),
        offerings=len(finds),
        cheapest=next(iter(sorted_finds([it for it in finds if it.price is not None])), None),
        soonest=next(
            iter(sorted_finds([it for it in finds if it.offering.start_date], "start_date")), None
        ),
        unanswered=tuple(
            (it.watch, it.code or it.outcome.value) for it in standings if not it.outcome.is_known
        ),
        days=best_of(it.days for it in standings if it.days is not None),
    )
