"""When accounts are listed between two runs, and which."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import DAY, HOME, HOUR, NOON, OHIO, OTHER, a_block, a_snapshot, an_odcr
from truffle.core.model import CapacityBlock, Scope
from truffle.core.rechecks import next_checks
from truffle.core.thresholds import Thresholds

MINUTE = timedelta(minutes=1)
QUIET = Thresholds(starting_soon=(), ending_soon=(), late_delivery=())
"""Only what a block does by itself."""


def checks(
    *rows: CapacityBlock, thresholds: Thresholds = QUIET, at: datetime = NOON
) -> list[timedelta]:
    """How long after noon each check is, of the next two hours."""
    found = next_checks([a_snapshot(*rows)], thresholds, at, at + 2 * HOUR)
    return [moment - NOON for moment in found]


def a_starting_block(start: timedelta, **facts: Any) -> CapacityBlock:
    return a_block(start_date=NOON + start, end_date=NOON + 5 * DAY, **facts)


def an_ending_block(end: timedelta, **facts: Any) -> CapacityBlock:
    return a_block(state="active", start_date=NOON - 5 * DAY, end_date=NOON + end, **facts)


def test_a_start_is_looked_at_a_minute_later() -> None:
    assert checks(a_starting_block(30 * MINUTE)) == [31 * MINUTE]


def test_a_moment_within_a_minute_is_looked_at_after_the_next_one() -> None:
    assert checks(a_starting_block(timedelta(minutes=30, seconds=1))) == [32 * MINUTE]


def test_an_end_is_two_moments() -> None:
    assert checks(an_ending_block(90 * MINUTE)) == [61 * MINUTE, 91 * MINUTE]


def test_ultraservers_go_an_hour_before_their_end() -> None:
    block = an_ending_block(90 * MINUTE, ultraserver_type="u-p6e-gb200x36")
    assert checks(block) == [31 * MINUTE, 91 * MINUTE]


def test_a_delivery_that_may_be_late_is_looked_at_again() -> None:
    late = Thresholds(starting_soon=(), ending_soon=(), late_delivery=(15 * MINUTE, 2 * HOUR))
    assert checks(a_starting_block(HOUR), thresholds=late) == [61 * MINUTE, 76 * MINUTE]


def test_a_block_that_runs_has_no_start_any_more() -> None:
    late = Thresholds(starting_soon=(), ending_soon=(), late_delivery=(15 * MINUTE,))
    assert checks(a_starting_block(-5 * MINUTE, state="active"), thresholds=late) == []


def test_a_warning_of_a_start_comes_in_time() -> None:
    soon = Thresholds(starting_soon=(HOUR,), ending_soon=(), late_delivery=())
    assert checks(a_starting_block(150 * MINUTE), thresholds=soon) == [91 * MINUTE]


def test_a_warning_of_an_end_counts_to_the_effective_one() -> None:
    soon = Thresholds(starting_soon=(), ending_soon=(40 * MINUTE,), late_delivery=())
    assert checks(an_ending_block(150 * MINUTE), thresholds=soon) == [81 * MINUTE, 121 * MINUTE]


def test_warnings_days_ahead_need_no_check() -> None:
    far = Thresholds(starting_soon=(2 * DAY,), ending_soon=(3 * DAY,), late_delivery=())
    assert checks(a_starting_block(2 * DAY + HOUR), thresholds=far) == []
    assert checks(an_ending_block(3 * DAY + HOUR), thresholds=far) == []


def test_an_unpaid_block_is_looked_at_when_payment_is_due_and_when_it_is_released() -> None:
    bought = a_block(state="payment-pending", create_date=NOON - timedelta(hours=10, minutes=30))
    assert checks(bought) == [31 * MINUTE, 91 * MINUTE]


def test_an_unpaid_block_that_starts_before_is_released_before_its_start() -> None:
    bought = a_starting_block(90 * MINUTE, state="payment-pending", create_date=NOON - HOUR)
    assert checks(bought) == [31 * MINUTE, 86 * MINUTE, 91 * MINUTE]


def test_an_unpaid_block_without_dates_has_no_moments() -> None:
    bought = a_block(
        state="payment-pending", create_date=None, start_date=None, end_date=None, duration_hours=0
    )
    assert checks(bought) == []


@pytest.mark.parametrize("state", ["expired", "cancelled", "failed", "payment-failed"])
def test_what_is_over_is_not_looked_at(state: str) -> None:
    assert checks(a_starting_block(30 * MINUTE, state=state)) == []


def test_odcrs_wait_for_the_next_run() -> None:
    odcr = an_odcr(end_date=NOON + HOUR, end_date_type="limited")
    assert next_checks([a_snapshot(odcr)], Thresholds(), NOON, NOON + 2 * HOUR) == {}


def test_what_has_happened_is_not_looked_at_and_what_is_far_not_yet() -> None:
    now = a_starting_block(timedelta())
    at_the_end = a_starting_block(2 * HOUR)
    later = a_starting_block(2 * HOUR + timedelta(seconds=1))
    assert checks(now, later) == []
    assert checks(at_the_end) == [121 * MINUTE]


def test_blocks_that_start_together_are_one_check() -> None:
    blocks = [a_starting_block(HOUR - timedelta(seconds=number)) for number in range(3)]
    assert checks(*blocks) == [61 * MINUTE]


def test_each_minute_names_the_accounts_that_hold_what_is_due_then() -> None:
    later, sooner = a_starting_block(90 * MINUTE), a_starting_block(HOUR)
    snapshots = [
        a_snapshot(later, sooner, scope=Scope(OTHER, OHIO.region)),
        a_snapshot(sooner, scope=OHIO),
    ]
    found = next_checks(snapshots, QUIET, NOON, NOON + 2 * HOUR)
    assert list(found.items()) == [
        (NOON + 61 * MINUTE, (HOME, OTHER)),
        (NOON + 91 * MINUTE, (OTHER,)),
    ]


@given(
    starts=st.lists(st.timedeltas(-3 * HOUR, 3 * HOUR), max_size=4),
    offset=st.timedeltas(timedelta(), HOUR),
)
def test_every_check_is_a_full_minute_ahead_of_the_present(
    starts: list[timedelta], offset: timedelta
) -> None:
    now = NOON + offset
    blocks = [a_starting_block(start) for start in starts]
    found = next_checks([a_snapshot(*blocks)], Thresholds(), now, now + 2 * HOUR)
    assert list(found) == sorted(found)
    for moment in found:
        assert (moment.second, moment.microsecond) == (0, 0)
        assert now + MINUTE <= moment < now + 2 * HOUR + 2 * MINUTE
