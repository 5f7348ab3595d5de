"""Durations in settings and in events."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truffle.core.thresholds import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("40m", timedelta(minutes=40)),
        ("24h", timedelta(hours=24)),
        ("14d", timedelta(days=14)),
        ("90m", timedelta(minutes=90)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length
    assert format_duration(length) == text


@pytest.mark.parametrize(("text", "usual"), [("1d", "24h"), ("60m", "1h"), ("48h", "2d")])
def test_a_length_has_one_form(text: str, usual: str) -> None:
    assert format_duration(parse_duration(text)) == usual


@pytest.mark.parametrize("text", ["", "h", "24", "24 h", "-1h", "1.5h", "1w", "١h", "1h\n"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration such as 40m"):
        parse_duration(text)


@given(st.integers(0, 999_999).map(lambda minutes: timedelta(minutes=minutes)))
def test_every_length_of_whole_minutes_survives(length: timedelta) -> None:
    assert parse_duration(format_duration(length)) == length
