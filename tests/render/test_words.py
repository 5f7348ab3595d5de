"""Lengths, ages and moments in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from truffle.render.words import age, ago, duration, short_day, short_minute

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "text"),
    [(158, "6 d 14 h"), (168, "7 d"), (26, "26 h"), (167.5, "6 d 23 h"), (None, "-")],
)
def test_lengths(hours: float | None, text: str) -> None:
    assert duration(hours) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (720, "12 min ago"),
        (0, "0 s ago"),
        (-30, "0 s ago"),
        (-7043, "117 min in the future by this machine's clock, which is behind"),
    ],
)
def test_ages_are_never_negative(seconds: float, text: str) -> None:
    assert ago(seconds) == text


def test_the_age_of_an_answer() -> None:
    assert age(NOON - timedelta(minutes=12), NOON) == "as of 2026-11-29 11:48 UTC, 12 min ago."


def test_short_moments() -> None:
    assert (short_day(NOON), short_minute(NOON)) == ("Nov 29", "Nov 29 12:00")
    assert (short_day(None), short_minute(None)) == ("-", "-")
