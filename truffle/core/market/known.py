"""Known offers of watches that fit a run, and their age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from truffle.core.codec import Json
from truffle.core.market.finds import Find, Market, Standing, sorted_finds
from truffle.core.market.watches import Question
from truffle.core.offerings import MAX_DAYS, ULTRASERVERS, sold_hours
from truffle.core.times import format_time


@dataclass(frozen=True, slots=True)
class Needed:
    """A block that a run needs; ``start_by`` None is any start."""

    instance_type: str
    count: int
    hours: float
    start_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class KnownMarket:
    """Offers by price, and the standings that they are from. Without ``standings`` no watch
    searches for such a block: nothing is known."""

    finds: tuple[Find, ...] = ()
    standings: tuple[Standing, ...] = ()

    @property
    def known_at(self) -> datetime | None:
        """The time of the oldest answer used; None if no region has answered."""
        return min((it.known_at for it in self.standings if it.known_at), default=None)

    @property
    def newest(self) -> datetime | None:
        """The time of the newest answer used."""
        return max((it.known_at for it in self.standings if it.known_at), default=None)

    @property
    def unanswered(self) -> list[Standing]:
        """The watches whose last request failed."""
        return [it for it in self.standings if not it.outcome.is_known]

    def to_json(self) -> Json:
        return {
            "offerings": [find.to_json() for find in self.finds],
            "answers": [standing.to_json() for standing in self.standings],
            "known_at": self.known_at and format_time(self.known_at),
        }


def known_of(market: Market, needed: Needed, now: datetime) -> KnownMarket:
    """Find offers of watches with at least the needed instances and hours of the type. Offers whose
    block is over are omitted; the price limits of watches are not applied."""
    if not 0 < needed.hours <= MAX_DAYS * 24:
        return KnownMarket()
    hours = sold_hours(needed.hours)

    def asks(watch: Find | Standing) -> bool:
        question = watch.question
        return _holds(question, needed) and question.duration_hours >= hours

    def would_do(find: Find) -> bool:
        start, end = find.offering.start_date, find.offering.end_date
        if end is not None and end <= now:
            return False
        return needed.start_by is None or (start is not None and start <= needed.start_by)

    finds = [find for find in market.finds if asks(find) and would_do(find)]
    return KnownMarket(tuple(sorted_finds(finds)), tuple(filter(asks, market.standings)))


def _holds(question: Question, needed: Needed) -> bool:
    """Whether a watch searches for enough instances of the needed type, also in UltraServers."""
    if question.instance_type == needed.instance_type:
        return question.count >= needed.count
    server = ULTRASERVERS.get(question.instance_type)
    return (
        server is not None
        and server.instance_type == needed.instance_type
        and server.instances * question.count >= needed.count
    )
