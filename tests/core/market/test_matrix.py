"""The matrix, compared with one made from the answers' JSON alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.builders import DAY, HOUR, NOON
from tests.core.market.builders import a_question, an_answer, an_offering
from tests.core.market.markets import random_answers
from truffle.core.market.answers import Outcome
from truffle.core.market.finds import MarketFilter, latest, market_of
from truffle.core.market.matrix import Cell, matrix

Json = dict[str, Any]


def cell_of(*answers: Any) -> Cell:
    (cell,) = matrix(market_of(latest(answers)))
    return cell


def price_of(offering: Json) -> Fraction | None:
    carried = offering["accelerator"]
    if offering["upfront_fee"] is None or carried is None:
        return None
    hours = Fraction(offering["duration_hours"])
    accelerators = Fraction(offering["instance_count"] * carried["count"])
    return Fraction(offering["upfront_fee"]) / hours / accelerators


def expected_cells(answers: list[Json]) -> dict[tuple[str, str], tuple[Any, ...]]:
    """By type and region: the outcome, the least price, the first start, how many offerings."""
    by_watch = defaultdict(list)
    for answer in sorted(answers, key=lambda it: datetime.fromisoformat(it["observed_at"])):
        by_watch[answer["watch"], answer["region"]].append(answer)
    cells: dict[tuple[str, str], list[tuple[Json, Json | None]]] = defaultdict(list)
    for found in by_watch.values():
        said = [it for it in found if it["outcome"] not in ("failed", "not-asked")]
        cells[found[-1]["instance_type"], found[-1]["region"]].append(
            (found[-1], said[-1] if said else None)
        )
    return {key: _expected(pairs) for key, pairs in cells.items()}


def _expected(pairs: list[tuple[Json, Json | None]]) -> tuple[Any, ...]:
    sold = [it for _, said in pairs if said for it in said["offerings"]]
    prices = [price for it in sold if (price := price_of(it)) is not None]
    starts = [it["start_date"] for it in sold if it["start_date"]]
    last = {it["outcome"] for it, _ in pairs}
    if sold:
        outcome = "offered"
    elif last & {"failed", "not-asked"}:
        outcome = "failed" if "failed" in last else "not-asked"
    else:
        outcome = "none" if "none" in last else "unknown-type"
    least = round(float(min(prices)), 4) if prices else None
    return outcome, least, min(starts, default=None), len(sold)


@pytest.mark.parametrize("seed", range(30))
def test_it_is_the_one_that_the_answers_json_gives(seed: int) -> None:
    answers = random_answers(seed)
    shown = [cell.to_json(NOON) for cell in matrix(market_of(latest(answers)))]
    assert {
        (it["instance_type"], it["region"]): (
            it["outcome"],
            it["price_per_gpu_hour"],
            it["soonest_start"],
            it["offerings"],
        )
        for it in shown
    } == expected_cells([it.to_json() for it in answers])


@pytest.mark.parametrize(
    "outcome", [Outcome.NONE, Outcome.UNKNOWN_TYPE, Outcome.NOT_ASKED, Outcome.FAILED]
)
def test_four_kinds_of_nothing_stay_apart(outcome: Outcome) -> None:
    assert cell_of(an_answer(outcome=outcome)).outcome is outcome


def test_a_failed_attempt_leaves_what_was_known_with_its_age() -> None:
    failed = an_answer(at=NOON + HOUR, outcome=Outcome.FAILED, code="InternalError")
    cell = cell_of(an_answer(an_offering(40)), failed)
    assert cell.outcome is Outcome.OFFERED
    assert (cell.price, cell.known_at) == (Decimal(40), NOON)
    assert cell.unanswered == (("hunt", "InternalError"),)


def test_the_cheapest_and_the_soonest_may_be_two_offerings() -> None:
    cell = cell_of(
        an_answer(an_offering(40, start_date=NOON + DAY), an_offering(50, start_date=NOON + HOUR))
    )
    assert (cell.price, cell.start, cell.offerings) == (Decimal(40), NOON + HOUR, 2)


def test_a_search_that_failed_is_not_hidden_by_one_that_found_nothing() -> None:
    other = an_answer(
        outcome=Outcome.FAILED, watch="twin", question=a_question(count=2), code="InternalError"
    )
    assert cell_of(an_answer(), other).outcome is Outcome.FAILED


def test_offers_that_a_filter_takes_away_leave_none() -> None:
    market = market_of(latest([an_answer(an_offering(40))]))
    (cell,) = matrix(MarketFilter(max_price=Decimal(1)).apply(market))
    assert (cell.outcome, cell.price) == (Outcome.NONE, None)


def test_its_age_is_that_of_the_oldest_answer() -> None:
    later = an_answer(at=NOON + HOUR, watch="twin", question=a_question(count=2))
    assert cell_of(an_answer(an_offering()), later).known_at == NOON
