"""Times: the written form of every interface, and the forms that people may use.

Written times are RFC 3339 in UTC with a trailing ``Z``. ``parse_time`` reads RFC 3339 and dates:
the grammar of the API, of files and of stored data. ``parse_when`` also reads what people type:
lengths, days and weekdays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

TIME_FORMS = "a date such as 2026-12-01 or an RFC 3339 time such as 2026-12-01T11:30:00Z"
"""The form that ``parse_time`` reads, for error messages."""

WHEN_FORMS = (
    f"{TIME_FORMS.replace(' or', ',')}, a length such as 36h or 7d, today, tomorrow or a weekday"
)
"""The forms that ``parse_when`` reads, for error messages."""

_YEARS = "in the years 0001 to 9999 in UTC"


def format_time(moment: datetime) -> str:
    """``2026-11-24T11:30:00Z``; fractions of a second appear only where there are any."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    text = moment.isoformat().removesuffix("+00:00")
    return (text.rstrip("0") if "." in text else text) + "Z"


def to_utc(moment: datetime) -> datetime:
    """The same moment in UTC. Raises ValueError, with what is allowed, for a datetime without a
    time zone or outside of the years 1 to 9999 in UTC."""
    if moment.tzinfo is None:
        raise ValueError("must have a time zone, as datetime.now(UTC) has")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"must be {_YEARS}") from None


def sortable_time(moment: datetime) -> str:
    """RFC 3339 of fixed width, including microseconds: text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# --- RFC 3339 ------------------------------------------------------------------------------------

_RFC_3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}:[0-9]{2}):([0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-5][0-9]))?"
)

_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_DATE = (
    "(?!0000)(?:[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    "|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    f"|{_LEAP_YEAR}-02-29)"
)
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_UTC_TIME = rf"(?:{_CLOCK}:[0-5][0-9]|23:59:60)(?:\.[0-9]+)?(?:[Zz]|[+-]00:00)"
_LOCAL_TIME = rf"{_CLOCK}:[0-5][0-9](?:\.[0-9]+)?[+-]{_CLOCK}"
_EDGES = "0001-01-01|9999-12-31"

TIME_PATTERN = (
    f"(?!9999-12-31.23:59:60){_DATE}(?:[Tt ]{_UTC_TIME})?|(?!{_EDGES}){_DATE}[Tt ]{_LOCAL_TIME}"
)
"""A regular expression for descriptions of interfaces; ``parse_time`` accepts every match.

``parse_time`` accepts two more kinds, which no short pattern can express: a leap second that is
written with an offset, and an offset on the first or the last day that leads to no other year.
"""


@dataclass(frozen=True, slots=True)
class WrittenTime:
    """A given time: a moment, or a whole day in UTC.

    ``start`` and ``end`` are the first and the last second of a day, or both the moment itself:
    "after" counts from the start, "by" up to the end.
    """

    start: datetime
    end: datetime

    @property
    def is_day(self) -> bool:
        return self.start != self.end


def parse_time(text: str) -> datetime:
    """Parse a date (its midnight in UTC) or an RFC 3339 time to an aware UTC datetime.

    Raises ValueError as ``parse_written`` does.
    """
    return parse_written(text).start


def parse_written(text: str, forms: str = TIME_FORMS) -> WrittenTime:
    """Parse a date or an RFC 3339 time.

    ``t``, ``z`` and a space in place of the ``T`` are accepted (RFC 3339, section 5.6), as is the
    leap second 23:59:60 UTC, which becomes the first second of the next day. Digits beyond
    microseconds are dropped. Raises ValueError, with what is allowed, for everything else.
    """
    match = _RFC_3339.fullmatch(text)
    if match is None:
        raise ValueError(f"must be {forms}")
    day, clock, seconds, fraction, offset = match.groups()
    is_leap = seconds == "60"
    try:
        if clock is None:
            return _whole_day(date.fromisoformat(day))
        second = f"{'59' if is_leap else seconds}{(fraction or '')[:7]}"
        local = datetime.fromisoformat(f"{day}T{clock}:{second}{offset.upper()}")
    except ValueError:
        raise ValueError(f"must be a date and a time that exist: {forms}") from None
    moment = to_utc(local)
    if is_leap:
        moment = _after_leap_second(moment)
    return WrittenTime(moment, moment)


def _after_leap_second(moment: datetime) -> datetime:
    """Raises ValueError if there is no leap second at that time."""
    if (moment.hour, moment.minute) != (23, 59):
        raise ValueError("must be 23:59:60 in UTC where it is a leap second")
    if moment.date() == date.max:
        raise ValueError(f"must be {_YEARS}")
    return moment + timedelta(seconds=1)


def _whole_day(day: date) -> WrittenTime:
    start = datetime.combine(day, time(), UTC)
    return WrittenTime(start, start + timedelta(hours=23, minutes=59, seconds=59))


# --- what people type ----------------------------------------------------------------------------

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LENGTH = re.compile(
    "(?=[0-9])(?:([0-9]{1,9})w)?(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?"
)


def parse_when(text: str, now: datetime, *, ahead: bool) -> WrittenTime:
    """Parse a time as people write it, in upper or lower case: the forms of ``WHEN_FORMS``, all in
    UTC.

    Lengths (weeks, days, hours, minutes: ``36h``, ``7d``, ``1d12h``) and weekdays are counted from
    ``now``, forwards if ``ahead`` and backwards otherwise: a weekday is the next one, or the last
    one, and never today. ``now``, ``today``, ``yesterday`` and ``tomorrow`` do not depend on that.
    Raises ValueError, with what is allowed, for everything else.
    """
    word, today = text.strip().lower(), now.astimezone(UTC).date()
    try:
        days = _days_from(word, today, ahead)
        if days is not None:
            return _whole_day(today + timedelta(days=days))
        length = _length(word)
        if length is not None:
            moment = now.astimezone(UTC) + (length if ahead else -length)
            return WrittenTime(moment, moment)
    except OverflowError:
        raise ValueError(f"must be {_YEARS}") from None
    return parse_written(text.strip(), WHEN_FORMS)


def _days_from(word: str, today: date, ahead: bool) -> int | None:
    """The number of days from today to a named day; None for any other word."""
    near = {"yesterday": -1, "today": 0, "tomorrow": 1}
    if word in near:
        return near[word]
    named = [n for n, name in enumerate(_WEEKDAYS) if word in (name, name[:3])]
    if not named:
        return None
    days = (named[0] - today.weekday()) % 7 or 7
    return days if ahead else days - 7 or -7


def _length(word: str) -> timedelta | None:
    """Raises OverflowError for a length beyond the calendar."""
    match = _LENGTH.fullmatch("0m" if word == "now" else word)
    if match is None:
        return None
    weeks, days, hours, minutes = (int(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)


# --- lengths -------------------------------------------------------------------------------------


def hours_between(start: datetime, end: datetime) -> float:
    """Hours from ``start`` to ``end``, exact; an int where the number is whole."""
    return whole((end - start) / timedelta(hours=1))


def whole(number: float) -> float:
    """``number``, as an int if it is whole: 168 hours print as 168, not as 168.0."""
    return int(number) if number == int(number) else number


def span(length: timedelta) -> str:
    """``40 min``, ``23 h 12 min``, ``6 d 23 h``; days from two on."""
    minutes = length // timedelta(minutes=1)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"
