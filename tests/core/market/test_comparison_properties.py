"""The comparison against an oracle that looks at whole histories instead of keeping a state."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import DAY, HOUR, NOON
from tests.core.market.builders import TOMORROW, a_question, an_answer, an_offering
from tests.effort import examples
from truffle.core.market.answers import Answer, Outcome
from truffle.core.market.comparison import MarketRules, compare
from truffle.core.market.states import WatchState

QUIET = 3
LIMIT = 450
QUESTION = a_question(max_accelerator_hour_price=Decimal(LIMIT))
ZONES = ("a", "b")

Prices = dict[str, int]
"""The price of the block of each zone that has one; blocks end days later than any history."""

Hour = Prices | None
"""None: the region could not be asked."""

PRICES = (300, 304, 308, 308, 460, None)
"""Steps below and above the least drop of 2 %, one above the limit, and none."""


def _prices(each: tuple[int | None, ...]) -> Prices:
    return {zone: it for zone, it in zip(ZONES, each, strict=True) if it is not None}


sold = st.tuples(*[st.sampled_from(PRICES)] * len(ZONES)).map(_prices)
hours: st.SearchStrategy[Hour] = st.one_of(st.none(), *[sold] * 6)
histories = st.lists(hours, min_size=6, max_size=14)

Told = list[tuple[int, str, str]]
"""Hour, zone and type of each event."""


@dataclass
class Oracle:
    """The expected events of one zone, hour by hour, from all prices so far."""

    zone: str
    prices: list[tuple[int, int | None]] = field(default_factory=list)
    found: list[tuple[int, str, int]] = field(default_factory=list)

    def last(self, kind: str) -> int | None:
        return max((hour for hour, type_, _ in self.found if type_ == kind), default=None)

    def quiet(self, kind: str, hour: int) -> bool:
        last = self.last(kind)
        return last is not None and hour - last < QUIET

    def believed(self) -> bool:
        """Whether people think that the block is for sale."""
        about = [kind for _, kind, _ in self.found if kind != "price_dropped"]
        baseline = self.prices[0][1] is not None
        return about[-1] == "offering_appeared" if about else baseline

    def base(self, hour: int) -> int:
        """The price from which a drop counts: the highest since the last time that a price was
        published (or believed from the baseline); while it is quiet, no more than that one."""
        published = [(at, price) for at, kind, price in self.found if kind != "offering_gone"]
        since, price = published[-1] if published else self.prices[0]
        assert price is not None
        seen = [it for at, it in self.prices if it is not None and since <= at < hour]
        highest = max([price, *seen])
        drops = [(at, it) for at, kind, it in self.found if kind == "price_dropped"]
        if drops and hour - drops[-1][0] < QUIET:
            return min(highest, drops[-1][1])
        return highest

    def sees(self, hour: int, price: int | None) -> None:
        self.prices.append((hour, price))
        if len(self.prices) == 1:
            return
        if price is None:
            if self.believed() and not self.quiet("offering_gone", hour):
                self.found.append((hour, "offering_gone", 0))
        elif not self.believed():
            if not self.quiet("offering_appeared", hour):
                self.found.append((hour, "offering_appeared", price))
        elif (self.base(hour) - price) * 100 >= 2 * self.base(hour):
            self.found.append((hour, "price_dropped", price))


def expected(history: list[Hour]) -> Told:
    found: Told = []
    for zone in ZONES:
        oracle = Oracle(zone)
        for hour, prices in enumerate(history):
            if prices is not None:
                price = prices.get(zone)
                oracle.sees(hour, price if price is not None and price <= LIMIT else None)
        found += [(hour, zone, kind) for hour, kind, _ in oracle.found]
    return sorted(found)


def answer_of(hour: int, prices: Hour) -> Answer:
    at = NOON + hour * HOUR
    if prices is None:
        return an_answer(outcome=Outcome.FAILED, at=at, question=QUESTION)
    offerings = [
        an_offering(price, end=TOMORROW + 9 * DAY, availability_zone=zone)
        for zone, price in prices.items()
    ]
    return an_answer(*offerings, at=at, question=QUESTION)


@settings(max_examples=examples(60))
@given(histories)
def test_what_is_published_is_what_whole_histories_say(history: list[Hour]) -> None:
    state: WatchState | None = None
    found: Told = []
    ids = []
    for hour, prices in enumerate(history):
        state, events = compare(
            state, answer_of(hour, prices), MarketRules(Decimal(2), QUIET * HOUR)
        )
        for event in events:
            assert event.offering is not None
            found.append((hour, event.offering.availability_zone or "", event.type.value))
            ids.append(event.event_id)
    assert sorted(found) == expected(history)
    assert len(set(ids)) == len(ids)
