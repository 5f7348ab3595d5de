"""The days of a watch against an oracle that reads all of its answers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest

from tests.builders import DAY, NOON
from tests.core.market.builders import TOMORROW, an_answer, an_offering
from tests.core.market.markets import random_answers
from truffle.core.market.answers import Answer
from truffle.core.market.comparison import MarketRules, compare
from truffle.core.market.days import days_to_json
from truffle.core.market.states import WatchState
from truffle.core.times import parse_time

KNOWN = ("offered", "none", "unknown-type")


def expected_days(answers: list[dict[str, Any]]) -> dict[str, tuple[Any, Any]]:
    """From the JSON of all answers: by day the least price of an accelerator-hour (else of an
    instance-hour), and the least number of hours to a start, of the last 30 days."""
    known = [it for it in answers if it["outcome"] in KNOWN]
    if not known:
        return {}
    last = date.fromisoformat(known[-1]["observed_at"][:10])
    found: dict[str, tuple[list[float], list[float]]] = {}
    for answer in known:
        prices, leads = found.setdefault(answer["observed_at"][:10], ([], []))
        at = parse_time(answer["observed_at"])
        for offering in answer["offerings"]:
            price = offering["price_per_gpu_hour"] or offering["price_per_instance_hour"]
            prices += [price] if price is not None else []
            if offering["start_date"]:
                wait = parse_time(offering["start_date"]) - at
                leads.append(max(wait.total_seconds(), 0) / 3600)
    return {
        day: (
            pytest.approx(min(prices), abs=1e-3) if prices else None,
            pytest.approx(min(leads), abs=1e-2) if leads else None,
        )
        for day, (prices, leads) in found.items()
        if date.fromisoformat(day) > last - timedelta(days=30)
    }


def state_after(answers: Iterable[Answer]) -> WatchState:
    state: WatchState | None = None
    for answer in answers:
        state, _ = compare(state, answer, MarketRules())
        state = WatchState.from_json(state.to_json())
    assert state is not None
    return state


@pytest.mark.parametrize("seed", range(8))
def test_they_are_what_all_answers_say(seed: int) -> None:
    answers = sorted(random_answers(seed), key=lambda it: it.observed_at)
    first = answers[0]
    own = [
        it
        for it in answers
        if (it.watch, it.region, it.question) == (first.watch, first.region, first.question)
    ]
    found = {
        it["day"]: (it["price"] and float(it["price"]), it["lead_hours"])
        for it in days_to_json(state_after(own).days)
    }
    assert found == expected_days([it.to_json() for it in own])


def test_the_prices_of_a_state_of_version_1_are_read_on() -> None:
    data = state_after([an_answer(an_offering())]).to_json()
    older = {**data, "schema_version": 1, "days": {"2026-11-24": "12.5"}}
    state = WatchState.from_json(older)
    assert days_to_json(state.days) == [{"day": "2026-11-24", "price": "12.5", "lead_hours": None}]
    assert state.seen == WatchState.from_json(data).seen


def test_a_day_without_an_offering_is_no_day_without_an_answer() -> None:
    answers = [
        an_answer(an_offering(40, end=TOMORROW + 9 * DAY)),
        an_answer(at=NOON + DAY),
        an_answer(an_offering(30, end=TOMORROW + 9 * DAY), at=NOON + 3 * DAY),
    ]
    days = {it["day"]: it["price"] for it in days_to_json(state_after(answers).days)}
    assert days == {"2026-11-24": "40.00", "2026-11-25": None, "2026-11-27": "30.00"}


def test_the_31st_day_is_forgotten() -> None:
    answers = [an_answer(an_offering()), an_answer(at=NOON + 30 * DAY)]
    assert [it["day"] for it in days_to_json(state_after(answers).days)] == ["2026-12-24"]
