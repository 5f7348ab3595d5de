"""Events that time causes, over random reservations and observations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.builders import DAY, HOUR, NOON, a_block, a_snapshot, an_odcr
from tests.core.timing import DEFAULT, MINUTE, between, thresholds_of
from truffle.core.events import Event, EventType
from truffle.core.model import CapacityBlock, Reservation, effective_end
from truffle.core.thresholds import parse_duration
from truffle.core.timed_events import due

DATES = st.integers(-600, 600).map(lambda hours: NOON + hours * HOUR / 2)


LOOKS = st.lists(
    st.integers(-40_000, 40_000).map(lambda minutes: NOON + minutes * MINUTE),
    min_size=2,
    max_size=12,
    unique=True,
).map(sorted)
LIVING = st.sampled_from(["scheduled", "active", "payment-pending", "pending", "delayed"])


def rows(**facts: SearchStrategy[Any]) -> SearchStrategy[Reservation]:
    """A reservation of either type, in one state for ever."""
    dates = {"start_date": DATES, "end_date": DATES, "create_date": DATES, "state": LIVING, **facts}
    blocks = st.fixed_dictionaries(dates).map(lambda them: a_block("cr-a", **them))
    odcrs = st.fixed_dictionaries(dates | {"available_capacity": st.just(0)}).map(
        lambda them: an_odcr("cr-a", **them)
    )
    return blocks | odcrs


def moments(row: Reservation) -> dict[tuple[str, str], datetime]:
    """When each threshold of a row is crossed, according to the documentation."""
    start, end, bought = row.start_date, row.end_date, row.create_date
    assert start is not None
    assert end is not None
    assert bought is not None
    usable = end - 30 * MINUTE if row.type == "capacity-block" else end
    found = {
        ("starting_soon", "24h"): start - DAY,
        ("starting_soon", "1h"): start - HOUR,
        **{
            ("ending_soon", name): usable - parse_duration(name)
            for name in ("14d", "3d", "24h", "2h", "40m")
            if parse_duration(name) < end - start
        },
    }
    if row.state == "scheduled":
        found["late_delivery", "15m"] = start + 15 * MINUTE
    if row.state == "payment-pending":
        early = bought + 11 * HOUR <= start - HOUR
        close = min(bought + 11 * HOUR, start - HOUR)
        found["payment_due", "11h" if early else "1h"] = max(bought, close)
    return {name: moment for name, moment in found.items() if moment >= bought}


def story(looks: Sequence[tuple[datetime, Reservation]]) -> list[Event]:
    """All events of a reservation that is observed repeatedly."""
    snapshots = [a_snapshot(row, at=moment) for moment, row in looks]
    return [event for before, now in pairwise(snapshots) for event in due(before, now, DEFAULT)]


@given(rows(), LOOKS)
def test_each_threshold_between_the_first_look_and_the_last_fires_once_and_no_other(
    row: Reservation, looks: list[datetime]
) -> None:
    events = story([(moment, row) for moment in looks])
    expected = [name for name, moment in moments(row).items() if looks[0] < moment <= looks[-1]]
    assert Counter(thresholds_of(events)) == Counter(expected)
    assert len({event.event_id for event in events}) == len(events)


@given(rows(), LOOKS, st.data())
def test_skipped_runs_lose_no_event_and_make_no_other(
    row: Reservation, looks: list[datetime], data: st.DataObject
) -> None:
    kept = data.draw(st.lists(st.sampled_from(looks), unique=True))
    fewer = sorted({looks[0], looks[-1], *kept})
    all_events, their_events = (
        story([(moment, row) for moment in chosen]) for chosen in (looks, fewer)
    )
    assert {event.event_id for event in all_events} == {event.event_id for event in their_events}


@given(rows(), LOOKS)
def test_each_event_is_reported_at_the_first_observation_after_its_moment(
    row: Reservation, looks: list[datetime]
) -> None:
    for event in story([(moment, row) for moment in looks]):
        ((_, name),) = thresholds_of([event])
        moment = moments(row)[event.type.value, name]
        assert event.previous_observed_at is not None
        assert event.previous_observed_at < moment <= event.observed_at


@given(rows(), LOOKS, st.lists(DATES, min_size=12, max_size=12, unique=True), st.booleans())
def test_dates_that_move_arm_a_threshold_again_and_never_fire_it_twice_for_one_date(
    row: Reservation, looks: list[datetime], ends: list[datetime], later: bool
) -> None:
    moved = [
        (moment, moving(row, end))
        for moment, end in zip(looks, sorted(ends, reverse=not later), strict=False)
    ]
    events = [event for event in story(moved) if event.type is EventType.ENDING_SOON]
    assert len({event.event_id for event in events}) == len(events)
    for name in ("14d", "3d", "24h", "2h", "40m"):
        ahead = [
            is_ahead(moment, at_that_time, parse_duration(name)) for moment, at_that_time in moved
        ]
        crossings = sum(before and not now for before, now in pairwise(ahead))
        fired = [event for event in events if (event.after or {})["threshold"] == name]
        assert len(fired) <= crossings
        applies = all(("ending_soon", name) in moments(each) for _, each in moved)
        assert not applies or len(fired) == crossings


def moving(row: Reservation, end: datetime) -> Reservation:
    if isinstance(row, CapacityBlock):
        return replace(row, end_date=end, effective_end=effective_end(end, ultraserver=False))
    return replace(row, end_date=end)


def is_ahead(moment: datetime, row: Reservation, length: timedelta) -> bool:
    end = row.end_date
    assert end is not None
    usable = end - 30 * MINUTE if row.type == "capacity-block" else end
    return moment < usable - length


@given(rows(), LOOKS)
def test_a_later_reservation_crosses_thresholds_since_the_previous_observation(
    row: Reservation, looks: list[datetime]
) -> None:
    first, *rest = looks
    empty = a_snapshot(at=first)
    events = [*due(empty, a_snapshot(row, at=rest[0]), DEFAULT), *story([(m, row) for m in rest])]
    expected = [name for name, moment in moments(row).items() if first < moment <= looks[-1]]
    assert Counter(thresholds_of(events)) == Counter(expected)


@given(rows(), LOOKS)
def test_an_event_computed_twice_has_the_same_id(row: Reservation, looks: list[datetime]) -> None:
    early, *_, late = looks
    one, two = (between(early, moment, row, row) for moment in (late, late + timedelta(seconds=1)))
    names = {tuple(thresholds_of([event])): event.event_id for event in one}
    for event in two:
        assert names.get(tuple(thresholds_of([event])), event.event_id) == event.event_id
