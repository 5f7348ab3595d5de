"""Times: RFC 3339 in UTC with a trailing Z, everywhere."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truffle.core.times import format_time, hours_between, parse_time, sortable_time, whole

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(
    datetime(1000, 1, 2),  # noqa: DTZ001 - hypothesis wants it without a zone
    datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=OFFSETS,
)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 24, 11, 30, tzinfo=UTC), "2026-11-24T11:30:00Z"),
        (datetime(2026, 11, 24, 11, 30, 0, 250_000, tzinfo=UTC), "2026-11-24T11:30:00.25Z"),
        (
            datetime(2026, 11, 24, 6, 30, tzinfo=timezone(-timedelta(hours=5))),
            "2026-11-24T11:30:00Z",
        ),
    ],
    ids=["whole second", "fraction", "another zone"],
)
def test_a_time_is_written_in_utc_with_a_trailing_z(moment: datetime, text: str) -> None:
    assert format_time(moment) == text


@given(MOMENTS)
def test_a_written_time_reads_back_as_the_same_moment_in_utc(moment: datetime) -> None:
    read = parse_time(format_time(moment))

    assert read == moment
    assert read.tzinfo is UTC


@given(MOMENTS, MOMENTS)
def test_the_text_order_of_sortable_times_is_their_time_order(a: datetime, b: datetime) -> None:
    assert (sortable_time(a) < sortable_time(b)) == (a < b)


def test_a_sortable_time_reads_back() -> None:
    moment = datetime(2026, 11, 24, 11, 30, 0, 1, tzinfo=UTC)

    assert parse_time(sortable_time(moment)) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
        ("2026-11-24T11:30:00Z", datetime(2026, 11, 24, 11, 30, tzinfo=UTC)),
        ("2026-11-24T11:30:00+05:30", datetime(2026, 11, 24, 6, tzinfo=UTC)),
        ("2026-11-24T11:30:00.123456Z", datetime(2026, 11, 24, 11, 30, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_a_date_is_its_midnight_and_an_offset_is_applied(text: str, moment: datetime) -> None:
    assert parse_time(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-13-01",
        "2026-11-24T11:30:00",
        "2026-11-24T25:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)


def test_a_time_without_an_offset_is_told_what_is_missing() -> None:
    with pytest.raises(ValueError, match="offset"):
        parse_time("2026-11-24T11:30:00")


@pytest.mark.parametrize(
    ("days", "minutes", "hours"), [(7, 0, "168"), (6, 23 * 60 + 30, "167.5"), (0, 0, "0")]
)
def test_hours_keep_their_fraction_and_whole_ones_print_without_it(
    days: int, minutes: int, hours: str
) -> None:
    start = datetime(2026, 11, 24, 11, 30, tzinfo=UTC)

    assert str(hours_between(start, start + timedelta(days=days, minutes=minutes))) == hours


@pytest.mark.parametrize(("number", "text"), [(8.0, "8"), (8, "8"), (0.125, "0.125"), (0.0, "0")])
def test_a_whole_number_prints_as_one(number: float, text: str) -> None:
    assert str(whole(number)) == text
