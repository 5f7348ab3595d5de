"""Times, durations and amounts as text for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from truffle.core import times, wording

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

MINUTE = timedelta(minutes=1)


def moment(at: datetime) -> str:
    """``Tue 24 Nov 2026, 11:00 UTC``."""
    at = at.astimezone(UTC)
    day = f"{_DAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]} {at.year}"
    return f"{day}, {at.hour:02}:{at.minute:02} UTC"


def moment_from(at: datetime, now: datetime) -> str:
    """``Tue 24 Nov 2026, 11:00 UTC (in 23 h 12 min)``, or ``(1 h 3 min ago)``."""
    if abs(at - now) < MINUTE:
        return f"{moment(at)} (now)"
    return f"{moment(at)} ({f'in {span(at - now)}' if at > now else f'{span(now - at)} ago'})"


span = times.span
counted = wording.counted


def usd(amount: float) -> str:
    """``440 USD``, ``1,760 USD``; with cents below ten dollars."""
    return f"{amount:,.2f} USD" if abs(amount) < 10 else f"{amount:,.0f} USD"


def of_instances(number: object, total: int | None) -> str:
    """``2 of 16 instances``, ``1 of 1 instance``; the total may be unknown."""
    return f"{number} of {'? instances' if total is None else counted(total, 'instance')}"
