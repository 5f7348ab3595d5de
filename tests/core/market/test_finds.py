"""Finds and standings: their JSON, filters and orders."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.builders import DAY, HOUR, NOON
from tests.core.market.builders import TOMORROW, a_question, an_answer, an_offering
from tests.core.market.markets import random_answers
from truffle.core.market.answers import Outcome
from truffle.core.market.finds import (
    Find,
    MarketFilter,
    Standing,
    finds_of,
    latest,
    market_of,
    sorted_finds,
)
from truffle.core.offerings import Segment


def a_find(**facts: Any) -> Find:
    return finds_of([an_answer(an_offering(**facts))])[0]


def names(finds: list[Find]) -> list[str]:
    return [it.offering.offering_id for it in finds]


class TestJson:
    def test_finds_and_standings_are_read_back_as_they_were_written(self) -> None:
        market = market_of(latest(random_answers(1)))
        assert [Standing.from_json(it.to_json()) for it in market.standings] == list(
            market.standings
        )
        for find in market.finds:
            again = Find.from_json(find.to_json())
            offering = replace(again.offering, observed_at=find.offering.observed_at)
            assert replace(again, offering=offering) == find

    def test_a_find_says_when_it_was_found_and_how_long_its_start_is_ahead(self) -> None:
        shown = a_find(start_date=NOON + 36 * HOUR).to_json()
        assert (shown["observed_at"], shown["lead_hours"]) == ("2026-11-24T12:00:00Z", 36)
        assert shown["requested"]["instance_type"] == "p5.48xlarge"
        assert shown["price_per_gpu_hour"] == 40

    def test_a_start_that_has_passed_is_no_hours_ahead(self) -> None:
        assert a_find(start_date=NOON - HOUR).lead_hours == 0

    def test_an_unknown_start_has_no_lead_time(self) -> None:
        assert a_find(start_date=None).to_json()["lead_hours"] is None


class TestLatest:
    def test_the_last_answer_counts_and_the_last_one_that_says_what_is_sold(self) -> None:
        offered = an_answer(an_offering())
        failed = an_answer(at=NOON + HOUR, outcome=Outcome.FAILED, code="InternalError")
        market = market_of(latest([failed, offered]))
        (standing,) = market.standings
        assert (standing.outcome, standing.known) == (Outcome.FAILED, Outcome.OFFERED)
        assert (standing.observed_at, standing.known_at) == (NOON + HOUR, NOON)
        assert [find.observed_at for find in market.finds] == [NOON]

    def test_a_later_answer_without_offerings_takes_the_earlier_ones_away(self) -> None:
        market = market_of(latest([an_answer(an_offering()), an_answer(at=NOON + HOUR)]))
        assert market.finds == ()
        assert market.standings[0].known is Outcome.NONE

    def test_nothing_is_known_of_a_region_that_never_answered(self) -> None:
        (standing,) = market_of(latest([an_answer(outcome=Outcome.NOT_ASKED)])).standings
        assert (standing.known, standing.known_at) == (None, None)


class TestFilter:
    @pytest.mark.parametrize(
        ("chosen", "is_kept"),
        [
            (MarketFilter(), True),
            (MarketFilter(watches=frozenset({"hunt"})), True),
            (MarketFilter(watches=frozenset({"other"})), False),
            (MarketFilter(instance_types=frozenset({"p5.*"})), True),
            (MarketFilter(instance_types=frozenset({"p5en*"})), False),
            (MarketFilter(regions=frozenset({"us-*"})), True),
            (MarketFilter(regions=frozenset({"eu-*"})), False),
            (MarketFilter(availability_zones=frozenset({"us-east-2a"})), True),
            (MarketFilter(availability_zones=frozenset({"us-east-2b"})), False),
            (MarketFilter(max_price=Decimal(40)), True),
            (MarketFilter(max_price=Decimal("39.99")), False),
            (MarketFilter(starts_after=TOMORROW), True),
            (MarketFilter(starts_after=TOMORROW + HOUR), False),
            (MarketFilter(starts_before=TOMORROW), False),
            (MarketFilter(starts_before=TOMORROW + HOUR), True),
        ],
        ids=str,
    )
    def test_a_find_is_kept_or_not(self, chosen: MarketFilter, is_kept: bool) -> None:
        assert chosen.matches(a_find()) is is_kept

    def test_an_unknown_price_is_below_no_bound(self) -> None:
        assert not MarketFilter(max_price=Decimal(1000)).matches(a_find(price=None))

    def test_a_limit_of_the_watch_is_a_filter(self) -> None:
        question = a_question(max_accelerator_hour_price=Decimal(40))
        answer = an_answer(an_offering(40), an_offering(41), question=question)
        kept = filter(MarketFilter(within_limit=True).matches, finds_of([answer]))
        assert [find.price for find in kept] == [40]

    def test_the_type_of_any_segment_will_do(self) -> None:
        part = Segment(
            instance_type="p5e.48xlarge",
            instance_count=1,
            availability_zone="us-east-2a",
            start_date=TOMORROW,
            end_date=TOMORROW + DAY,
            duration_hours=24,
        )
        find = a_find(instance_type=None, segments=(part,))
        assert MarketFilter(instance_types=frozenset({"p5e*"})).matches(find)

    def test_a_region_that_failed_stays_where_no_find_matches(self) -> None:
        failed = an_answer(outcome=Outcome.FAILED, code="InternalError")
        market = market_of(latest([failed]))
        kept = MarketFilter(max_price=Decimal(1)).apply(market)
        assert [it.outcome for it in kept.standings] == [Outcome.FAILED]


class TestOrder:
    FINDS = finds_of(
        [
            an_answer(
                an_offering(50, offering_id="dear", start_date=NOON),
                an_offering(40, offering_id="cheap", start_date=NOON + DAY),
                an_offering(None, offering_id="unpriced", start_date=None),
            )
        ]
    )

    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            ("price_per_gpu_hour", ["cheap", "dear", "unpriced"]),
            ("-price_per_gpu_hour", ["dear", "cheap", "unpriced"]),
            ("start_date", ["dear", "cheap", "unpriced"]),
            ("-start_date", ["cheap", "dear", "unpriced"]),
            ("upfront_fee", ["cheap", "dear", "unpriced"]),
        ],
    )
    def test_unknown_values_come_last(self, sort: str, expected: list[str]) -> None:
        assert names(sorted_finds(reversed(self.FINDS), sort)) == expected
