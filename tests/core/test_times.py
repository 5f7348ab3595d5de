"""Times: written in one form, read in every form that RFC 3339 has and in those of people."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from truffle.core.times import (
    TIME_PATTERN,
    WrittenTime,
    format_time,
    hours_between,
    parse_time,
    parse_when,
    sortable_time,
    whole,
)

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
def test_what_is_not_a_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)


def test_a_time_without_an_offset_is_refused_with_what_is_missing() -> None:
    with pytest.raises(ValueError, match="such as 2026-12-01T11:30:00Z"):
        parse_time("2026-11-24T11:30:00")


RFC_3339_EXAMPLES = {
    "1985-04-12T23:20:50.52Z": datetime(1985, 4, 12, 23, 20, 50, 520_000, tzinfo=UTC),
    "1996-12-19T16:39:57-08:00": datetime(1996, 12, 20, 0, 39, 57, tzinfo=UTC),
    "1990-12-31T23:59:60Z": datetime(1991, 1, 1, tzinfo=UTC),
    "1990-12-31T15:59:60-08:00": datetime(1991, 1, 1, tzinfo=UTC),
    "1937-01-01T12:00:27.87+00:20": datetime(1937, 1, 1, 11, 40, 27, 870_000, tzinfo=UTC),
}
"""Section 5.8 of the RFC, the moments worked out by hand."""

OTHER_SPELLINGS = {
    "2026-11-24t11:30:00z": datetime(2026, 11, 24, 11, 30, tzinfo=UTC),
    "2026-11-24 11:30:00Z": datetime(2026, 11, 24, 11, 30, tzinfo=UTC),
    "2026-11-24T11:30:00-00:00": datetime(2026, 11, 24, 11, 30, tzinfo=UTC),
    "2026-11-24T11:30:00.123456789Z": datetime(2026, 11, 24, 11, 30, 0, 123_456, tzinfo=UTC),
    f"2026-11-24T11:30:00.{'9' * 5000}Z": datetime(2026, 11, 24, 11, 30, 0, 999_999, tzinfo=UTC),
    "2028-02-29T00:00:00Z": datetime(2028, 2, 29, tzinfo=UTC),
    "0001-01-01T00:00:00Z": datetime(1, 1, 1, tzinfo=UTC),
    "9999-12-31T23:59:59Z": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    "9999-12-31T10:00:00-05:00": datetime(9999, 12, 31, 15, tzinfo=UTC),
}


@pytest.mark.parametrize(("text", "moment"), (RFC_3339_EXAMPLES | OTHER_SPELLINGS).items())
def test_every_rfc_3339_time_is_read(text: str, moment: datetime) -> None:
    assert parse_time(text) == moment


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("2026-02-29", "exist"),
        ("2026-11-24T24:00:00Z", "exist"),
        ("2026-11-24T11:30:61Z", "exist"),
        ("2026-11-24T11:30:00+24:00", "exist"),
        ("0000-01-01T00:00:00Z", "exist"),
        ("2026-11-24T11:30:60Z", "23:59:60"),
        ("2026-11-24T23:59:60+01:00", "23:59:60"),
        ("9999-12-31T23:59:60Z", "years 0001 to 9999"),
        ("9999-12-31T23:59:59-00:01", "years 0001 to 9999"),
        ("0001-01-01T00:00:00+00:01", "years 0001 to 9999"),
        ("2026-11-24T11:30Z", "RFC 3339"),
        ("2026-11-24T11:30:00.Z", "RFC 3339"),
        ("2026-11-24T11:30:00+0100", "RFC 3339"),
        ("2026-11-24T11:30:00 01:00", "RFC 3339"),
        ("2026-11-24T11:30:00Z\n", "RFC 3339"),
        ("2026-W48-2T11:30:00Z", "RFC 3339"),
        ("20261124T113000Z", "RFC 3339"),
        ("٢٠٢٦-11-24", "RFC 3339"),
    ],
)
def test_what_is_not_rfc_3339_is_refused_with_what_is_allowed(text: str, allowed: str) -> None:
    with pytest.raises(ValueError, match=allowed):
        parse_time(text)


@given(st.from_regex(f"^(?:{TIME_PATTERN})\\Z", alphabet=st.characters(max_codepoint=127)))
@example("9999-12-31T23:59:59.999Z")
@example("0001-01-01t00:00:00z")
@example("2000-02-29T23:59:60+00:00")
def test_every_text_of_the_described_pattern_is_read(text: str) -> None:
    assert re.fullmatch(TIME_PATTERN, text)
    parse_time(text)


@given(MOMENTS)
def test_the_described_pattern_has_every_moment_in_any_offset(moment: datetime) -> None:
    assert re.fullmatch(TIME_PATTERN, moment.isoformat())
    assert re.fullmatch(TIME_PATTERN, moment.date().isoformat())


@pytest.mark.parametrize(
    "text", ["1900-02-29", "2026-02-29", "2026-04-31", "2026-13-01", "0000-01-01", "2026-12-00"]
)
def test_the_described_pattern_has_no_day_that_does_not_exist(text: str) -> None:
    assert not re.fullmatch(TIME_PATTERN, text)


# --- what people type ----------------------------------------------------------------------------

SUNDAY = datetime(2026, 11, 29, 20, 30, tzinfo=UTC)


def the_day(month: int, day: int) -> WrittenTime:
    start = datetime(2026, month, day, tzinfo=UTC)
    return WrittenTime(start, datetime(2026, month, day, 23, 59, 59, tzinfo=UTC))


def at(*parts: int) -> WrittenTime:
    moment = datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]
    return WrittenTime(moment, moment)


@pytest.mark.parametrize(
    ("text", "ahead", "back"),
    [
        ("36h", at(2026, 12, 1, 8, 30), at(2026, 11, 28, 8, 30)),
        ("7d", at(2026, 12, 6, 20, 30), at(2026, 11, 22, 20, 30)),
        ("90m", at(2026, 11, 29, 22, 0), at(2026, 11, 29, 19, 0)),
        ("2w", at(2026, 12, 13, 20, 30), at(2026, 11, 15, 20, 30)),
        ("1d12h", at(2026, 12, 1, 8, 30), at(2026, 11, 28, 8, 30)),
        ("0h", at(2026, 11, 29, 20, 30), at(2026, 11, 29, 20, 30)),
        ("now", at(2026, 11, 29, 20, 30), at(2026, 11, 29, 20, 30)),
        ("today", the_day(11, 29), the_day(11, 29)),
        ("tomorrow", the_day(11, 30), the_day(11, 30)),
        ("yesterday", the_day(11, 28), the_day(11, 28)),
        ("monday", the_day(11, 30), the_day(11, 23)),
        ("Saturday", the_day(12, 5), the_day(11, 28)),
        ("SUN", the_day(12, 6), the_day(11, 22)),
        (" Tomorrow ", the_day(11, 30), the_day(11, 30)),
        ("2026-12-01", the_day(12, 1), the_day(12, 1)),
        ("2026-12-01T13:00:00+01:00", at(2026, 12, 1, 12), at(2026, 12, 1, 12)),
    ],
)
def test_a_time_as_people_type_it(text: str, ahead: WrittenTime, back: WrittenTime) -> None:
    assert parse_when(text, SUNDAY, ahead=True) == ahead
    assert parse_when(text, SUNDAY, ahead=False) == back


def test_the_day_is_the_one_in_utc() -> None:
    in_tokyo = datetime(2026, 11, 30, 5, 30, tzinfo=timezone(timedelta(hours=9)))

    assert parse_when("today", in_tokyo, ahead=True) == the_day(11, 29)
    assert parse_when("36h", in_tokyo, ahead=True).start.tzinfo is UTC


def test_only_a_day_is_one() -> None:
    assert parse_when("tomorrow", SUNDAY, ahead=True).is_day
    assert not parse_when("24h", SUNDAY, ahead=True).is_day


@pytest.mark.parametrize(
    "text", ["", "h", "5", "7 d", "1h1d", "-3h", "1.5d", "someday", "9" * 9999]
)
def test_an_unknown_form_is_refused_with_every_known_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"RFC 3339 time .*, a length such as 36h or 7d, today"):
        parse_when(text, SUNDAY, ahead=True)


@pytest.mark.parametrize("text", ["999999999w", "999999999d", "999999999h"])
@pytest.mark.parametrize("ahead", [True, False])
def test_a_length_beyond_the_calendar_is_refused_with_its_bounds(text: str, ahead: bool) -> None:
    with pytest.raises(ValueError, match="years 0001 to 9999"):
        parse_when(text, SUNDAY, ahead=ahead)


@given(MOMENTS, MOMENTS, st.booleans())
def test_a_full_time_means_the_same_whenever_it_is_read(
    moment: datetime, now: datetime, ahead: bool
) -> None:
    assert parse_when(format_time(moment), now, ahead=ahead) == WrittenTime(moment, moment)


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
