"""The market in the report, beside the answers of the watches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.builders import HOUR, NOON
from tests.core.market.builders import an_answer, an_offering
from tests.core.market.markets import random_answers
from tests.core.market.test_matrix import expected_cells
from tests.report.browser import CHROMIUM, Browser
from tests.report.test_page import an_input, data_of
from truffle.core.market.answers import Answer, Outcome
from truffle.core.market.days import MarketDay
from truffle.core.market.finds import latest, market_of
from truffle.report.page import page


def market_in(*answers: Answer) -> Any:
    return data_of(page(an_input(market=market_of(latest(answers)))))["market"]


def test_without_watches_there_is_no_market() -> None:
    assert market_in() is None


@pytest.mark.parametrize("seed", range(5))
def test_its_cells_are_those_of_the_answers(seed: int) -> None:
    answers = random_answers(seed)
    shown = market_in(*answers)
    expected = expected_cells([it.to_json() for it in answers])
    assert {
        (it["type"], it["region"]): (it["outcome"], it["price"], it["start"], it["offerings"])
        for it in shown["cells"]
    } == expected
    assert shown["types"] == sorted({name for name, _ in expected})
    assert shown["regions"] == sorted({region for _, region in expected})


PAST = {
    ("us-east-2", "hunt"): {
        date(2026, 11, day): MarketDay(Decimal(price), 24 * lead)
        for day, price, lead in ((22, "4.5", 3), (23, "3.9", 9), (24, "4", 1))
    }
}


def test_its_days_are_the_best_of_all_watches_of_a_cell() -> None:
    days = {
        ("us-east-2", "hunt"): {
            date(2026, 11, 23): MarketDay(Decimal(4), 9),
            date(2026, 11, 24): MarketDay(None, None),
        },
        ("us-east-2", "more"): {date(2026, 11, 23): MarketDay(Decimal("3.5"), 12)},
    }
    answers = [an_answer(), an_answer(watch="more")]
    market = market_of([(it, it) for it in answers], days)
    (cell,) = data_of(page(an_input(market=market)))["market"]["cells"]
    assert cell["days"] == [["2026-11-23", 3.5, 9], ["2026-11-24", None, None]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as running:
        yield running


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_each_cell_has_its_price_and_start_or_its_reason(browser: Browser, tmp_path: Path) -> None:
    failed = an_answer(at=NOON, outcome=Outcome.FAILED, code="InternalError", region="eu-north-1")
    answers = [
        an_answer(an_offering(3.93, start_date=NOON + 48 * HOUR), at=NOON),
        an_answer(at=NOON, region="us-east-1"),
        an_answer(at=NOON, region="us-west-2", outcome=Outcome.NOT_ASKED),
        an_answer(at=NOON, region="eu-west-1", outcome=Outcome.UNKNOWN_TYPE),
        an_answer(an_offering(4.5, region="eu-north-1"), at=NOON - 3 * HOUR, region="eu-north-1"),
        failed,
    ]
    file = tmp_path / "report.html"
    file.write_text(page(an_input(market=market_of(latest(answers), PAST))))
    browser.open(file.as_uri())
    cells = browser.run(
        "Object.fromEntries([...document.querySelectorAll('#market td')]"
        ".map(e => [e.dataset.title, e.innerText.replaceAll('\\n', ' ')]))"
    )
    assert cells == {
        "eu-north-1": "$4.50 from Wed 25 Nov, 11:30 as of 3 h ago (hunt: InternalError)",
        "eu-west-1": "unknown type",
        "us-east-1": "not sold now",
        "us-east-2": "$3.93 from Thu 26 Nov, 12:00 3 days: $3.90 to $4.50 start in 24 h to 9 d",
        "us-west-2": "not asked never answered (hunt: not-asked)",
    }
    assert browser.console == []
