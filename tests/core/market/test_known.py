"""The knowledge of watches about a block that a run needs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import DAY, HOUR, NOON
from tests.core.market.builders import a_question, an_answer, an_offering
from truffle.core.market.answers import Answer, Outcome
from truffle.core.market.finds import latest, market_of
from truffle.core.market.known import KnownMarket, Needed, known_of

WEEK = a_question(count=4, duration_hours=168)


def known(needed: Needed, *answers: Answer) -> KnownMarket:
    return known_of(market_of(latest(answers)), needed, NOON)


def needed(**facts: Any) -> Needed:
    return Needed(**{"instance_type": "p5.48xlarge", "count": 4, "hours": 168.0, **facts})


@pytest.mark.parametrize(
    ("facts", "is_known"),
    [
        ({}, True),
        ({"count": 2, "hours": 30.0}, True),
        ({"count": 5}, False),
        ({"hours": 169.0}, False),
        ({"hours": 9000.0}, False),
        ({"instance_type": "p5en.48xlarge"}, False),
    ],
    ids=str,
)
def test_a_watch_for_at_least_as_much_knows_of_it(facts: dict[str, Any], is_known: bool) -> None:
    found = known(needed(**facts), an_answer(an_offering(40), question=WEEK))
    assert bool(found.standings) is bool(found.finds) is is_known


@pytest.mark.parametrize(
    ("watched", "count", "facts", "is_known"),
    [
        ("u-p6e-gb200x72", 1, {"instance_type": "p6e-gb200.36xlarge", "count": 18}, True),
        ("u-p6e-gb200x72", 2, {"instance_type": "p6e-gb200.36xlarge", "count": 36}, True),
        ("u-p6e-gb200x72", 1, {"instance_type": "p6e-gb200.36xlarge", "count": 19}, False),
        ("u-p6e-gb200x36", 1, {"instance_type": "p6e-gb200.36xlarge", "count": 9}, True),
        ("u-p6e-gb200x72", 1, {"instance_type": "p5.48xlarge", "count": 1}, False),
        ("u-p6e-gb200x72", 1, {"instance_type": "u-p6e-gb200x72", "count": 1}, True),
        ("u-p6e-gb200x72", 1, {"instance_type": "u-p6e-gb200x36", "count": 1}, False),
        ("p6e-gb200.36xlarge", 18, {"instance_type": "u-p6e-gb200x72", "count": 1}, False),
    ],
    ids=str,
)
def test_a_watch_for_ultraservers_knows_of_their_instances(
    watched: str, count: int, facts: dict[str, Any], is_known: bool
) -> None:
    asked = a_question(instance_type=watched, count=count, duration_hours=168)
    found = known(needed(**facts), an_answer(an_offering(40), question=asked))
    assert bool(found.standings) is bool(found.finds) is is_known


def test_offers_come_by_price_and_those_that_start_too_late_or_are_over_are_left_out() -> None:
    offerings = [
        an_offering(40, offering_id="later", start_date=NOON + 3 * DAY, end_date=NOON + 10 * DAY),
        an_offering(50, offering_id="dear"),
        an_offering(45, offering_id="cheap"),
        an_offering(10, offering_id="over", start_date=NOON - 8 * DAY, end_date=NOON - DAY),
    ]
    found = known(needed(start_by=NOON + 2 * DAY), an_answer(*offerings, question=WEEK))
    assert [it.offering.offering_id for it in found.finds] == ["cheap", "dear"]


def test_its_age_is_that_of_the_oldest_answer_and_what_failed_is_named() -> None:
    answers = [
        an_answer(an_offering(40), at=NOON - 3 * HOUR, question=WEEK),
        an_answer(at=NOON - HOUR, region="us-east-1", question=WEEK),
        an_answer(outcome=Outcome.FAILED, region="eu-west-1", question=WEEK, code="InternalError"),
    ]
    found = known(needed(), *answers)
    assert (found.known_at, found.newest) == (NOON - 3 * HOUR, NOON - HOUR)
    assert [it.region for it in found.unanswered] == ["eu-west-1"]
    assert found.to_json()["known_at"] == "2026-11-24T09:00:00Z"


def test_without_a_watch_nothing_is_known() -> None:
    assert known(needed()).to_json() == {"offerings": [], "answers": [], "known_at": None}


def test_a_region_that_never_answered_has_no_age() -> None:
    never = an_answer(outcome=Outcome.NOT_ASKED, question=WEEK, at=NOON - timedelta(minutes=5))
    found = known(needed(), never)
    assert (found.known_at, len(found.standings)) == (None, 1)
