"""The comparison of answers: which events, how often, and their texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.builders import DAY, HOUR, NOON
from tests.core.market.builders import TOMORROW, a_question, an_answer, an_offering
from truffle.core.events import Event, Severity
from truffle.core.market.answers import Answer, Outcome
from truffle.core.market.comparison import MarketRules, compare
from truffle.core.market.states import WatchState
from truffle.core.offerings import Offering

RULES = MarketRules(Decimal(2), 6 * HOUR)


LAST_SALE = TOMORROW + DAY - timedelta(minutes=30)
"""The last moment to buy the block of a day that ends a day after tomorrow's 11:30 UTC."""


class Market:
    """A region that answers a watch once an hour."""

    def __init__(self, rules: MarketRules = RULES) -> None:
        self.rules = rules
        self.state: WatchState | None = None
        self.now = NOON

    def answers(self, *offerings: Offering, **facts: Any) -> list[Event]:
        return self.takes(an_answer(*offerings, at=self.now, **facts))

    def takes(self, answer: Answer) -> list[Event]:
        """The events, after the state went through the table."""
        state, events = compare(self.state, answer, self.rules)
        self.state = WatchState.from_json(state.to_json())
        assert self.state == state
        self.now += HOUR
        return list(events)


def types(events: Sequence[Event]) -> list[str]:
    return [event.type.value for event in events]


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.fixture
def empty(market: Market) -> Market:
    """A market whose baseline is that nothing is for sale."""
    market.answers()
    return market


def test_the_first_answer_is_a_baseline(market: Market) -> None:
    assert market.answers(an_offering()) == []
    assert market.answers(an_offering()) == []


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.NOT_ASKED])
def test_a_first_call_that_was_not_answered_is_no_baseline(
    market: Market, outcome: Outcome
) -> None:
    market.answers(outcome=outcome)
    assert market.answers(an_offering()) == []


def test_an_offering_that_appears_is_published_once(empty: Market) -> None:
    (event,) = empty.answers(an_offering(40))
    assert (event.type.value, event.severity) == ("offering_appeared", Severity.GOOD)
    assert event.summary == (
        "A block of 1 × p5.48xlarge in us-east-2a (24 h from 2026-11-25T11:30:00Z) "
        "is for sale at 40.00 USD per accelerator-hour (watch hunt)."
    )
    assert (event.watch, event.region, event.instance_type) == ("hunt", "us-east-2", "p5.48xlarge")
    assert event.previous_observed_at == NOON
    assert empty.answers(an_offering(40)) == []


def test_one_that_is_gone_is_published_once(market: Market) -> None:
    market.answers(an_offering())
    (event,) = market.answers()
    assert (event.type.value, event.severity) == ("offering_gone", Severity.INFO)
    assert market.answers() == []


def test_a_type_that_is_no_longer_sold_is_gone(market: Market) -> None:
    market.answers(an_offering())
    assert types(market.answers(outcome=Outcome.UNKNOWN_TYPE)) == ["offering_gone"]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.NOT_ASKED])
def test_a_region_that_could_not_be_asked_is_neither_empty_nor_new(
    market: Market, outcome: Outcome
) -> None:
    market.answers(an_offering())
    assert market.answers(outcome=outcome) == []
    assert market.answers(an_offering()) == []
    assert types(market.answers()) == ["offering_gone"]


def test_a_partial_answer_of_a_failed_call_is_not_compared(market: Market) -> None:
    market.answers(an_offering())
    other = an_offering(end=TOMORROW + 3 * DAY)
    assert market.answers(other, outcome=Outcome.FAILED) == []


@pytest.mark.parametrize(
    ("price", "found"), [(39.21, []), (39.2, ["price_dropped"]), (20, ["price_dropped"]), (41, [])]
)
def test_a_drop_is_published_from_the_least_drop_on(
    market: Market, price: float, found: list[str]
) -> None:
    market.answers(an_offering(40))
    assert types(market.answers(an_offering(price))) == found


def test_small_drops_add_up(market: Market) -> None:
    prices = (40, 39.5, 39.1, 38.8)
    found = [types(market.answers(an_offering(price))) for price in prices]
    assert found == [[], [], ["price_dropped"], []]


def test_a_drop_counts_from_the_highest_price_since(market: Market) -> None:
    for price in (40, 50):
        market.answers(an_offering(price))
    (event,) = market.answers(an_offering(45))
    assert event.reason == "50.00 → 45.00 USD per accelerator-hour"
    assert event.before is not None
    assert event.after is not None
    assert event.before["price"]["per_accelerator_hour"] == 50
    assert event.after["price"]["per_accelerator_hour"] == 45


def test_the_price_by_the_hour_counts_and_not_the_fee(market: Market) -> None:
    market.answers(an_offering(40))
    shorter = replace(an_offering(40), duration_hours=12, upfront_fee=f"{40 * 8 * 12:.2f}")
    assert market.answers(shorter) == []


def test_of_two_offerings_of_the_same_block_the_cheaper_one_counts(market: Market) -> None:
    market.answers(an_offering(40), an_offering(50))
    assert market.answers(an_offering(50), an_offering(40)) == []


class TestALimit:
    QUESTION = a_question(max_accelerator_hour_price=Decimal(41))

    def found(self, market: Market, *prices: float | None) -> list[list[str]]:
        return [
            types(market.answers(an_offering(price), question=self.QUESTION)) for price in prices
        ]

    def test_above_it_nothing_is_there(self, market: Market) -> None:
        assert self.found(market, 42, 41, 40.9) == [[], ["offering_appeared"], []]

    def test_what_rises_above_it_is_gone_and_the_event_says_why(self, market: Market) -> None:
        self.found(market, 40)
        (event,) = market.answers(an_offering(42), question=self.QUESTION)
        assert event.type.value == "offering_gone"
        assert event.reason == "within the price limit → above it"

    def test_an_unknown_price_is_not_above_it(self, market: Market) -> None:
        market.answers(question=self.QUESTION)
        (event,) = market.answers(an_offering(None), question=self.QUESTION)
        assert "at an unknown price" in event.summary


def test_a_watch_that_changed_starts_anew_and_keeps_its_prices(market: Market) -> None:
    market.answers(an_offering(40))
    other = a_question(count=2)
    assert market.answers(question=other) == []
    (event,) = market.answers(an_offering(30), question=other)
    assert event.after is not None
    assert event.after["past"] == {"least": 40, "median": 40, "days": 1}


class TestQuiet:
    """A flapping offering rings once per type and quiet time, and ends with the truth."""

    def test_it_appears_and_is_gone_once(self, empty: Market) -> None:
        there = (True, False, True, False, True, False)
        found = [types(empty.answers(*([an_offering()] if it else []))) for it in there]
        assert found == [["offering_appeared"], ["offering_gone"], [], [], [], []]

    def test_what_is_still_there_afterwards_is_published_then(self, empty: Market) -> None:
        for it in (True, False):
            empty.answers(*([an_offering()] if it else []))
        found = [types(empty.answers(an_offering())) for _ in range(6)]
        assert found == [[], [], [], [], ["offering_appeared"], []]

    def test_what_is_gone_afterwards_is_published_then(self, market: Market) -> None:
        there = [True, False, *[True] * 6, False]
        market.rules = replace(RULES, quiet=9 * HOUR)
        found = [types(market.answers(*([an_offering()] if it else []))) for it in there]
        assert found[:3] == [[], ["offering_gone"], ["offering_appeared"]]
        assert found[3:] == [[]] * 6
        assert [types(market.answers()) for _ in range(3)] == [[], ["offering_gone"], []]

    def test_a_price_that_swings_drops_once(self, market: Market) -> None:
        found = [types(market.answers(an_offering(price))) for price in (40, 30, 40, 30, 40, 30)]
        assert found == [[], ["price_dropped"], [], [], [], []]

    def test_a_new_low_is_no_swing(self, market: Market) -> None:
        found = [types(market.answers(an_offering(price))) for price in (40, 30, 40, 29)]
        assert found == [[], ["price_dropped"], [], ["price_dropped"]]


class TestAFullAnswer:
    """EC2 returns six offerings at most: of one that it does not list any more, less is known."""

    @staticmethod
    def listed(*days: int) -> list[Offering]:
        return [an_offering(end=TOMORROW + (10 + day) * DAY) for day in days]

    def test_one_that_starts_after_all_that_are_listed_is_not_gone(self, market: Market) -> None:
        market.answers(*self.listed(1, 2, 3, 4, 5, 6))
        assert types(market.answers(*self.listed(0, 1, 2, 3, 4, 5))) == ["offering_appeared"]

    def test_it_is_gone_once_the_answer_would_have_room_for_it(self, market: Market) -> None:
        market.answers(*self.listed(1, 2, 3, 4, 5, 6))
        market.answers(*self.listed(0, 1, 2, 3, 4, 5))
        assert types(market.answers(*self.listed(0, 1, 2, 3, 4))) == ["offering_gone"] * 2

    def test_it_does_not_appear_a_second_time(self, market: Market) -> None:
        market.answers(*self.listed(1, 2, 3, 4, 5, 6))
        market.answers(*self.listed(0, 1, 2, 3, 4, 5))
        assert types(market.answers(*self.listed(1, 2, 3, 4, 5, 6))) == ["offering_gone"]

    def test_one_that_starts_before_others_is_gone(self, market: Market) -> None:
        market.answers(*self.listed(1, 2, 3, 4, 5, 6))
        found = types(market.answers(*self.listed(1, 2, 3, 5, 6, 7)))
        assert sorted(found) == ["offering_appeared", "offering_gone"]


class TestTime:
    """Blocks end at 11:30 UTC: as days go by, the same capacity is offered a day later."""

    def test_a_window_that_moves_with_the_day_is_no_event(self, market: Market) -> None:
        market.answers(an_offering(start_date=NOON + HOUR))
        market.now = NOON + 2 * DAY
        later = an_offering(end=TOMORROW + 2 * DAY, start_date=market.now + HOUR)
        assert market.answers(later) == []
        assert types(market.answers()) == ["offering_gone"]

    def test_a_window_that_moves_can_get_cheaper(self, market: Market) -> None:
        market.answers(an_offering(40))
        market.now = NOON + 2 * DAY
        assert types(market.answers(an_offering(30, end=TOMORROW + 2 * DAY))) == ["price_dropped"]

    def test_a_block_whose_time_has_passed_is_not_gone(self, market: Market) -> None:
        market.answers(an_offering())
        market.now = NOON + 2 * DAY
        assert market.answers() == []

    def test_a_block_that_could_still_be_sold_is_gone(self, market: Market) -> None:
        market.answers(an_offering())
        market.now = LAST_SALE - timedelta(minutes=1)
        assert types(market.answers()) == ["offering_gone"]

    @pytest.mark.parametrize("start", [TOMORROW, LAST_SALE])
    def test_its_time_has_passed_half_an_hour_before_its_last_start(
        self, market: Market, start: datetime
    ) -> None:
        market.answers(an_offering(start_date=start))
        market.now = LAST_SALE
        assert market.answers() == []

    def test_a_block_without_dates_has_no_time_that_could_pass(self, market: Market) -> None:
        market.answers(an_offering(start_date=None, end_date=None))
        market.now = LAST_SALE + DAY
        assert types(market.answers()) == ["offering_gone"]


class TestRepeats:
    def test_the_same_answer_again_changes_nothing(self, empty: Market) -> None:
        answer = an_answer(an_offering(), at=empty.now)
        assert types(empty.takes(answer)) == ["offering_appeared"]
        assert empty.takes(answer) == []

    def test_an_older_answer_changes_nothing(self, market: Market) -> None:
        market.answers(an_offering())
        assert market.takes(an_answer(at=NOON - HOUR)) == []
        assert market.answers(an_offering()) == []

    def test_the_id_follows_from_what_happened(self, empty: Market) -> None:
        before, answer = empty.state, an_answer(an_offering(), at=empty.now)
        later = replace(answer, observed_at=empty.now + HOUR)
        ids = {compare(before, it, RULES)[1][0].event_id for it in (answer, answer, later)}
        assert len(ids) == 1

    def test_the_same_thing_a_second_time_has_another_id(self, empty: Market) -> None:
        empty.rules = replace(RULES, quiet=timedelta())
        answers: list[list[Offering]] = [[an_offering()], [], [an_offering()], []]
        events = [event for it in answers for event in empty.answers(*it)]
        assert len({event.event_id for event in events}) == len(events) == 4


class TestThePast:
    def test_it_is_the_lowest_of_30_days_and_the_median_of_the_lowest_of_each(
        self, market: Market
    ) -> None:
        for day, price in enumerate((50, 30, 40)):
            market.now = NOON + day * DAY
            market.answers(an_offering(price, end=TOMORROW + 9 * DAY))
        (event,) = market.answers(
            an_offering(35, end=TOMORROW + 9 * DAY), an_offering(40, end=TOMORROW + 8 * DAY)
        )[:1]
        assert event.after is not None
        assert event.after["past"] == {"least": 30, "median": 40, "days": 3}

    @pytest.mark.parametrize(
        ("price", "says"),
        [
            (30, ", the lowest price of 30 days"),
            (35, ", below the median of 30 days (40.00)"),
            (40, ", at the median of 30 days (40.00)"),
            (60, ", above the median of 30 days (40.00)"),
        ],
    )
    def test_a_price_is_compared_with_it(self, market: Market, price: float, says: str) -> None:
        for day, seen in enumerate((50, 30, 40)):
            market.now = NOON + day * DAY
            market.answers(an_offering(seen, end=TOMORROW + 9 * DAY))
        other = an_offering(price, end=TOMORROW + 12 * DAY)
        (event,) = market.answers(an_offering(40, end=TOMORROW + 9 * DAY), other)
        assert says in event.summary

    def test_what_is_older_is_forgotten(self, market: Market) -> None:
        market.answers(an_offering(1))
        market.now = NOON + 30 * DAY
        (event,) = market.answers(an_offering(40, availability_zone="us-east-2b"))
        assert event.after is not None
        assert event.after["past"] is None
