"""The use of ODCRs over time."""

from __future__ import annotations

from tests.builders import DAY, HOUR, NOON, a_block, an_odcr
from truffle.core.spans import Span
from truffle.report.inputs import Use
from truffle.report.use import use_over_time


def a_span(used: int, start: int, end: int, *, is_observed: bool = True) -> Span:
    """A span between two numbers of hours after noon."""
    row = an_odcr("cr-a", total_capacity=8, available_capacity=8 - used)
    return Span(row, NOON + start * HOUR, NOON + end * HOUR, is_observed)


def test_the_use_changes_where_a_span_begins_and_ends_unknown() -> None:
    assert use_over_time([a_span(5, 2, 4), a_span(3, 0, 2)]) == {
        "cr-a": [Use(NOON, 3), Use(NOON + 2 * HOUR, 5), Use(NOON + 4 * HOUR, None)]
    }


def test_what_stays_the_same_is_one_step() -> None:
    assert use_over_time([a_span(3, 0, 2), a_span(3, 2, 4)])["cr-a"] == [
        Use(NOON, 3),
        Use(NOON + 4 * HOUR, None),
    ]


def test_a_gap_and_what_nobody_observed_are_unknown() -> None:
    spans = [a_span(3, 0, 1), a_span(3, 5, 6), a_span(0, 6, 8, is_observed=False)]
    assert use_over_time(spans)["cr-a"] == [
        Use(NOON, 3),
        Use(NOON + HOUR, None),
        Use(NOON + 5 * HOUR, 3),
        Use(NOON + 6 * HOUR, None),
    ]


def test_blocks_have_no_strip() -> None:
    assert use_over_time([Span(a_block(), NOON, NOON + DAY)]) == {}
