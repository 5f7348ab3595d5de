"""Dates of a fleet file: RFC 3339, or relative to the start of the simulator.

``+3d`` is three days ahead, ``-2h`` two hours ago, ``-1d12h`` a day and a half ago, ``now`` the
moment itself, and ``+1d@11:30`` is half past eleven UTC of tomorrow. Units: w, d, h, m, s.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_RELATIVE = re.compile(r"(?:now|([+-])((?:\d+[wdhms])+))(?:@(\d\d):(\d\d))?")
_DISTANCE = re.compile(r"(?:\d+[wdhms])+")
_STEP = re.compile(r"(\d+)([wdhms])")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def parse_date(text: str, now: datetime) -> datetime:
    """Parse a date, in UTC and whole milliseconds as in EC2. Raises ValueError."""
    relative = _RELATIVE.fullmatch(text)
    moment = _relative(relative, now) if relative else parse_absolute(text)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def parse_distance(text: str) -> timedelta:
    """Parse ``6h``, ``1d12h``, ``40m``. Raises ValueError."""
    try:
        if _DISTANCE.fullmatch(text):
            return _sum(text)
    except OverflowError:
        pass
    raise ValueError(f"{text!r} is not a duration: use 6h, 2d, 40m or 1d12h")


def _sum(steps: str) -> timedelta:
    found = _STEP.findall(steps)
    return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in found), timedelta())


def _relative(found: re.Match[str], now: datetime) -> datetime:
    sign, steps, hour, minute = found.groups()
    distance = _sum(steps or "")
    moment = now - distance if sign == "-" else now + distance
    if hour is None:
        return moment
    return moment.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)


def parse_absolute(text: str) -> datetime:
    """Parse RFC 3339, in UTC if it names no zone. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is not a date: use 2026-12-01T11:30:00Z, +3d, -2h or +1d@11:30"
        raise ValueError(message) from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def format_date(moment: datetime) -> str:
    """Format as EC2 does: UTC, with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
