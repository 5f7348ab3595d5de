"""The price and the lead time over time, compared with those of the answers' JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.builders import DAY, HOUR, NOON
from tests.core.market.builders import an_answer, an_offering
from tests.core.market.markets import random_answers
from tests.core.market.test_matrix import price_of
from truffle.core.market.answers import Outcome
from truffle.core.market.history import Point, points, stretches

Json = dict[str, Any]


def expected_point(answer: Json) -> tuple[Any, ...]:
    sold = answer["offerings"]
    prices = [price for it in sold if (price := price_of(it)) is not None]
    starts = [datetime.fromisoformat(it["start_date"]) for it in sold if it["start_date"]]
    lead = None
    if starts:
        seconds = (min(starts) - datetime.fromisoformat(answer["observed_at"])).total_seconds()
        lead = round(max(seconds, 0) / 3600, 2)
    return (
        *(answer["watch"], answer["region"], answer["observed_at"], answer["outcome"]),
        *(len(sold), round(float(min(prices)), 4) if prices else None, lead),
    )


@pytest.mark.parametrize("seed", range(30))
def test_each_answer_is_a_point_with_its_least_price_and_lead_time(seed: int) -> None:
    answers = random_answers(seed)
    shown = [it.to_json() for it in points(answers)]
    names = ("watch", "region", "observed_at", "outcome", "offerings")
    published = [
        (*(it[name] for name in names), it["price_per_gpu_hour"], it["lead_hours"]) for it in shown
    ]
    assert published == sorted(
        (expected_point(it.to_json()) for it in answers), key=lambda it: (it[0], it[1], it[2])
    )


def test_points_are_read_back_as_they_were_written() -> None:
    for it in points(random_answers(3)):
        assert Point.from_json(it.to_json()).to_json() == it.to_json()


def test_answers_with_the_same_price_are_one_stretch_until_one_fails() -> None:
    block = an_offering(40, start_date=NOON + DAY)
    answers = [
        an_answer(block),
        an_answer(block, at=NOON + HOUR),
        an_answer(at=NOON + 2 * HOUR, outcome=Outcome.FAILED, code="InternalError"),
        an_answer(block, at=NOON + 3 * HOUR),
        an_answer(an_offering(36), at=NOON + 4 * HOUR),
    ]
    found = list(stretches(points(answers)))
    assert [len(it.points) for it in found] == [2, 1, 1, 1]
    assert found[0].lead_hours == (23, 24)
    assert found[1].lead_hours is None
    assert [it.first.price for it in found] == [40, None, 40, 36]
