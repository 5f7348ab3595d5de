"""Times as every interface of truffle writes them: RFC 3339 in UTC with a trailing ``Z``."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta


def format_time(moment: datetime) -> str:
    """``2026-11-24T11:30:00Z``; fractions of a second appear only where there are any."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    text = moment.isoformat().removesuffix("+00:00")
    return (text.rstrip("0") if "." in text else text) + "Z"


def sortable_time(moment: datetime) -> str:
    """RFC 3339 of fixed width, microseconds included, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """An RFC 3339 time, or a date (its midnight in UTC), as an aware UTC datetime.

    Raises ValueError for anything else, including a time without an offset.
    """
    if len(text) == len("2026-11-24"):
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no offset: write it in UTC with a trailing Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text} is outside of the years 1 to 9999") from None


def hours_between(start: datetime, end: datetime) -> float:
    """Hours from ``start`` to ``end``, exact; an int where the number is whole."""
    return whole((end - start) / timedelta(hours=1))


def whole(number: float) -> float:
    """``number``, as an int where it is one, so that 168 hours print as 168 and not as 168.0."""
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
