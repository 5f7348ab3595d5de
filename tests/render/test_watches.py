"""The watches in ``truffle status``: outcome and pace by region."""

from __future__ import annotations

from tests.builders import HOUR, NOON
from tests.core.market.builders import an_answer, an_offering
from truffle.core.market.answers import Outcome
from truffle.core.market.pace import pace_to_json
from truffle.core.market.states import WatchState
from truffle.core.market.watches import Watch
from truffle.render.events import render_status
from truffle.render.style import Style

OFFERED = an_answer(an_offering())
FAILED = an_answer(
    region="us-east-1", outcome=Outcome.FAILED, code="InternalError", message="Try again."
)
HUNT = Watch("hunt", OFFERED.question, ("us-east-2", "us-east-1", "eu-west-1"))
STATES = {
    ("us-east-2", "hunt"): WatchState(OFFERED, OFFERED),
    ("us-east-1", "hunt"): WatchState(FAILED, OFFERED),
}
EMPTY = {
    "scopes": [],
    "runs": [],
    "totals": {"scopes": 0, "by_state": {}, "by_error": {}},
}


def shown(*watches: Watch) -> dict[str, list[str]]:
    """The cells of each region's line."""
    pace = pace_to_json(watches, STATES, NOON + HOUR / 2)
    text = render_status({**EMPTY, "watches": pace}, Style(width=200))
    rows = [line.strip("| ").split("|") for line in text.splitlines() if "| hunt" in line]
    return {row[1].strip(): [cell.strip() for cell in row[2:]] for row in rows}


def test_each_region_of_a_watch_has_a_line() -> None:
    assert shown(HUNT) == {
        "us-east-2": ["offered", "1", "2026-11-24 12:00", "2026-11-24 13:00", "60 min"],
        "us-east-1": ["failed", "1", "2026-11-24 12:00", "2026-11-24 12:10", "60 min"],
        "eu-west-1": ["-", "-", "-", "2026-11-24 12:30", "60 min"],
    }


def test_the_error_of_a_region_is_named() -> None:
    pace = pace_to_json([HUNT], STATES, NOON)
    text = render_status({**EMPTY, "watches": pace}, Style(width=200))
    assert "hunt/us-east-1: InternalError: Try again." in text


def test_without_watches_there_is_no_section() -> None:
    assert "Watches" not in render_status({**EMPTY, "watches": []}, Style(width=200))
