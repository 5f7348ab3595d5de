"""Numbers, times and durations in tables and sentences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from truffle.core.times import span


def minute(moment: datetime | None) -> str:
    """``2026-11-25 11:30``, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else "-"


def day(moment: datetime | None) -> str:
    """``2026-11-25``, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}" if moment else "-"


def short_day(moment: datetime | None) -> str:
    """``Nov 25``, in UTC."""
    return f"{moment.astimezone(UTC):%b} {moment.astimezone(UTC).day}" if moment else "-"


def short_minute(moment: datetime | None) -> str:
    """``Nov 25 11:30``, in UTC."""
    return f"{short_day(moment)} {moment.astimezone(UTC):%H:%M}" if moment else "-"


def duration(hours: float | None) -> str:
    """``6 d 14 h``, ``26 h``."""
    return "-" if hours is None else span(timedelta(hours=hours))


def number(value: float | None) -> str:
    """A number with up to three decimals, without trailing zeros; ``-`` for none."""
    if value is None:
        return "-"
    return f"{value:.3f}".rstrip("0").rstrip(".")


def money(amount: float | None, currency: str | None) -> str:
    """``$1,234.50``, ``98.00 CNY``; ``-`` if unknown."""
    if amount is None:
        return "-"
    return f"${amount:,.2f}" if currency == "USD" else f"{amount:,.2f} {currency}"


def percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.1f}%"


def days(value: float) -> str:
    """Hours as days, to a tenth."""
    return f"{round(value / 24, 1):g}"


def length(seconds: float) -> str:
    """``45 s``, ``12 min``, ``3 h``, ``2 days``: in the largest sufficiently precise unit."""
    for size, name in ((172800, "days"), (7200, "h"), (120, "min")):
        if seconds >= size:
            unit = {"days": 86400, "h": 3600, "min": 60}[name]
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


_TOLERATED = 60.0
"""Seconds by which two clocks may differ without a note."""


def ago(seconds: float) -> str:
    """``12 min ago``; a future time means that a clock is wrong."""
    if seconds < -_TOLERATED:
        return f"{length(-seconds)} in the future by this machine's clock, which is behind"
    return f"{length(max(0.0, seconds))} ago"


def age(observed_at: datetime, now: datetime) -> str:
    """``as of 2026-11-24 08:48 UTC, 12 min ago.``"""
    return f"as of {minute(observed_at)} UTC, {ago((now - observed_at).total_seconds())}."
