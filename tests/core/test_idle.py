"""Since when a reservation is idle, and when that is an event."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import DAY, HOUR, NOON, a_block, a_snapshot, an_odcr
from truffle.core.idle import IdleWatch, idle_since, is_idle, watch
from truffle.core.model import Reservation
from truffle.core.thresholds import Thresholds
from truffle.core.timed_events import due

DEFAULT = Thresholds()


def block(available: int = 4, **facts: Any) -> Reservation:
    return a_block("cr-a", **{"state": "active", "available_capacity": available, **facts})


@pytest.mark.parametrize(
    ("row", "idle"),
    [
        (block(1), True),
        (block(0), False),
        (block(4, state="scheduled"), False),
        (an_odcr(available_capacity=8), True),
        (an_odcr(available_capacity=7), False),
        (an_odcr(total_capacity=0, available_capacity=0), False),
        (an_odcr(state="expired", available_capacity=8), False),
        (an_odcr(available_capacity=None, total_capacity=None), False),
    ],
)
def test_a_block_idles_with_one_unused_instance_and_an_odcr_with_no_used_one(
    row: Reservation, idle: bool
) -> None:
    assert is_idle(row) is idle


def test_a_reservation_is_idle_since_it_was_first_seen_so() -> None:
    busy, wasted = a_snapshot(block(0)), a_snapshot(block(), at=NOON + HOUR)
    assert idle_since(busy, wasted, {}) == {"cr-a": NOON + HOUR}


def test_that_stays_so_while_it_is_idle_in_whatever_measure() -> None:
    before, now = a_snapshot(block(4)), a_snapshot(block(9), at=NOON + HOUR)
    assert idle_since(before, now, {"cr-a": NOON - DAY}) == {"cr-a": NOON - DAY}


def test_what_is_used_again_is_not_idle() -> None:
    before, now = a_snapshot(block(4)), a_snapshot(block(0), at=NOON + HOUR)
    assert idle_since(before, now, {"cr-a": NOON - DAY}) == {}


def test_what_was_idle_without_anybody_noting_it_is_so_since_the_last_look() -> None:
    before, now = a_snapshot(block(4)), a_snapshot(block(4), at=NOON + HOUR)
    assert idle_since(before, now, {}) == {"cr-a": NOON}


def test_the_watch_is_for_the_next_moment_that_is_ahead() -> None:
    rows = a_snapshot(block(), an_odcr("cr-b", available_capacity=8), at=NOON + 3 * HOUR)
    since = {"cr-a": NOON, "cr-b": NOON}
    assert watch(rows, since, DEFAULT) == IdleWatch(NOON + DAY, "2h / 24h")
    assert watch(rows, {"cr-a": NOON}, DEFAULT).due is None


def test_until_the_watch_is_over_nothing_has_to_be_read() -> None:
    waiting = IdleWatch(NOON, "2h / 24h")
    assert waiting.is_quiet(NOON - HOUR, DEFAULT)
    assert not waiting.is_quiet(NOON, DEFAULT)
    assert IdleWatch(None, "2h / 24h").is_quiet(NOON + DAY, DEFAULT)


def test_other_lengths_need_another_watch() -> None:
    thresholds = Thresholds(idle_blocks=(HOUR, 2 * HOUR))
    assert not IdleWatch(None, "2h / 24h").is_quiet(NOON, thresholds)
    assert watch(a_snapshot(), {}, thresholds) == IdleWatch(None, "1h,2h / 24h")


LOOKS = st.lists(st.tuples(st.integers(1, 600), st.integers(0, 2)), min_size=1, max_size=30).map(
    lambda steps: [(timedelta(minutes=minutes), available) for minutes, available in steps]
)
LENGTHS = st.lists(st.integers(1, 900), min_size=1, max_size=3).map(
    lambda minutes: tuple(timedelta(minutes=each) for each in minutes)
)


@given(LOOKS, LENGTHS)
def test_each_length_fires_once_for_each_time_that_a_block_is_idle_so_long(
    steps: list[tuple[timedelta, int]], lengths: tuple[timedelta, ...]
) -> None:
    thresholds = Thresholds(starting_soon=(), ending_soon=(), idle_blocks=lengths)
    moment, known, events = NOON, dict[str, datetime](), []
    looks = [(moment, 0)]
    for step, available in steps:
        moment += step
        looks.append((moment, available))
    snapshots = [a_snapshot(block(available, create_date=NOON), at=at) for at, available in looks]
    for before, now in pairwise(snapshots):
        known = idle_since(before, now, known)
        events += due(before, now, thresholds, known)
    idle = [(event.after or {})["threshold"] for event in events]
    assert len(idle) == sum(
        1 for first, last in stretches(looks) for length in set(lengths) if last - first >= length
    )
    assert len({event.event_id for event in events}) == len(events)


def stretches(looks: list[tuple[datetime, int]]) -> list[tuple[datetime, datetime]]:
    """The first and the last look of each time that it was idle."""
    found: list[tuple[datetime, datetime]] = []
    was_idle = False
    for moment, available in looks:
        if available and was_idle:
            found[-1] = (found[-1][0], moment)
        elif available:
            found.append((moment, moment))
        was_idle = bool(available)
    return found
