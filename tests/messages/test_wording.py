"""Times, durations and amounts as text for people."""

from datetime import datetime, timedelta, timezone

import pytest

from tests.builders import NOON
from truffle.messages.wording import counted, moment, moment_from, span, usd


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=1), "1 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=23, minutes=12), "23 h 12 min"),
        (timedelta(hours=24), "24 h"),
        (timedelta(hours=47, minutes=59), "47 h 59 min"),
        (timedelta(days=2), "2 d"),
        (timedelta(days=6, hours=23, minutes=30), "6 d 23 h"),
    ],
)
def test_a_span_is_shown_in_its_two_largest_units(length: timedelta, text: str) -> None:
    assert span(length) == text


def test_a_moment_is_shown_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))

    assert moment(datetime(2026, 11, 24, 12, 5, tzinfo=berlin)) == "Tue 24 Nov 2026, 11:05 UTC"


@pytest.mark.parametrize(
    ("away", "text"),
    [
        (timedelta(hours=23, minutes=12), "(in 23 h 12 min)"),
        (timedelta(hours=-1, minutes=-3), "(1 h 3 min ago)"),
        (timedelta(seconds=59), "(now)"),
        (timedelta(seconds=-59), "(now)"),
        (timedelta(minutes=1), "(in 1 min)"),
    ],
)
def test_a_moment_is_shown_with_its_distance(away: timedelta, text: str) -> None:
    assert moment_from(NOON + away, NOON).endswith(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(440.32, "440 USD"), (12_345.6, "12,346 USD"), (0.5, "0.50 USD"), (0, "0.00 USD")],
)
def test_an_amount_has_cents_where_they_matter(amount: float, text: str) -> None:
    assert usd(amount) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 blocks"), (1, "1 block"), (1200, "1,200 blocks")]
)
def test_a_count_has_its_noun(number: int, text: str) -> None:
    assert counted(number, "block") == text
