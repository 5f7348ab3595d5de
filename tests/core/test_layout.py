"""Which days' files have to be made, from what is there and what was there."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from truffle.core.layout import (
    Source,
    database_name,
    day_of_key,
    days_to_make,
    fingerprint,
    period_of,
    state_of,
    state_text,
    with_days,
)

FIRST, SECOND, THIRD = (date(2026, 11, day) for day in (24, 25, 26))


@pytest.mark.parametrize(
    ("key", "day"),
    [
        ("snapshots/dt=2026-11-24/hour=12/us-east-2-0-120000-abc.json.gz", FIRST),
        ("events/dt=2026-11-24/120000-abc.json", FIRST),
        ("tables/spans/dt=2026-11-24/part-0.parquet", None),
        ("latest/odcrs.json", None),
        ("snapshots/dt=2026-13-24/hour=12/x.json.gz", None),
        ("snapshots/dt=2026-11-24/", None),
    ],
)
def test_the_day_of_an_object(key: str, day: date | None) -> None:
    assert day_of_key(key) == day


def test_a_fingerprint_is_of_names_and_sizes_in_any_order() -> None:
    one, other = Source("a", 1, 0), Source("b", 2, 0)
    assert fingerprint([one, other]) == fingerprint([other, one])
    assert len({fingerprint(it) for it in ([one], [other], [Source("a", 2, 0)], [])}) == 4


@pytest.mark.parametrize(
    ("key", "is_same"),
    [
        ("usage/dt=2026-11-24/usage.json.gz", False),
        ("runs/dt=2026-11-24/12.json", False),
        ("snapshots/dt=2026-11-24/hour=12/a.json.gz", True),
    ],
)
def test_the_time_counts_for_objects_that_are_written_again(key: str, is_same: bool) -> None:
    marks = {fingerprint([Source(key, 1, seconds)]) for seconds in (60.0, 60.9, 61.0)}
    assert len(marks) == (1 if is_same else 2)


def test_days_with_other_objects_are_made_and_no_others() -> None:
    state = with_days({}, "snapshots", {FIRST: "a", SECOND: "b"})
    now = {FIRST: "a", SECOND: "other", THIRD: "c"}
    assert days_to_make("snapshots", now, state) == [SECOND, THIRD]


def test_spans_are_made_up_to_the_newest_day() -> None:
    state = with_days({}, "spans", {FIRST: "a", SECOND: "b", THIRD: "c"})
    now = {FIRST: "a", SECOND: "other", THIRD: "c"}
    assert days_to_make("spans", now, state) == [SECOND, THIRD]


def test_with_a_new_day_the_one_before_is_closed() -> None:
    state = with_days({}, "spans", {FIRST: "a", SECOND: "b"})
    now = {FIRST: "a", SECOND: "b", THIRD: "c"}
    assert days_to_make("spans", now, state) == [SECOND, THIRD]


def test_spans_of_later_days_do_not_count_once_an_earlier_one_was_made() -> None:
    state = with_days({}, "spans", {FIRST: "a", SECOND: "b", THIRD: "c"})
    assert with_days(state, "spans", {FIRST: "other"})["spans"] == {"2026-11-24": "other"}


def test_without_a_change_nothing_is_made() -> None:
    state = with_days({}, "spans", {FIRST: "a"})
    assert days_to_make("spans", {FIRST: "a"}, state) == []


def test_the_period_is_an_hour_unless_the_state_names_it() -> None:
    assert period_of({}) == timedelta(hours=1)
    assert period_of({"schedule": {"minutes": "15"}}) == timedelta(minutes=15)


def test_the_state_of_another_version_has_the_schedule_alone() -> None:
    schedule = {"schedule": {"minutes": "15"}}
    text = state_text({"spans": {"2026-11-24": "a"}, **schedule})
    assert state_of(text)["spans"] == {"2026-11-24": "a"}
    assert state_of(text.replace('"version": "2"', '"version": "1"')) == schedule
    assert state_of('{"spans": {"2026-11-24": "a"}}') == {}


def test_a_database_is_named_as_athena_takes_it() -> None:
    assert database_name("Gpu-b") == "gpu_b"
