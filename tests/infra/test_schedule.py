"""EventBridge Scheduler's grammar."""

from __future__ import annotations

from datetime import date

import pytest

from infra.schedule import parse_schedule


@pytest.mark.parametrize(
    ("expression", "minutes"),
    [
        ("rate(1 minute)", 1),
        ("rate(15 minutes)", 15),
        ("rate(1 hour)", 60),
        ("rate(6 hours)", 360),
        ("rate(1 day)", 1440),
        ("rate(2 days)", 2880),
    ],
)
def test_a_rate_has_a_period(expression: str, minutes: int) -> None:
    schedule = parse_schedule(expression)
    assert (schedule.expression, schedule.period_minutes) == (expression, minutes)


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 * * * ? *)",
        "cron(*/5 * * * ? *)",
        "cron(0 9 ? * MON-FRI *)",
        "cron(0 9 ? * mon,wed,FRI *)",
        "cron(15,45 8-18/2 1 JAN-MAR ? 2026-2030)",
        "cron(0 0 L * ? *)",
        "cron(0 0 15W * ? *)",
        "cron(0 0 ? * 6L *)",
        "cron(0 0 ? * 3#2 *)",
    ],
)
def test_a_cron_has_none(expression: str) -> None:
    schedule = parse_schedule(expression)
    assert (schedule.expression, schedule.period_minutes) == (expression, None)


@pytest.mark.parametrize(
    "expression",
    [
        *("cron(0 0 31 2 ? *)", "cron(0 0 30,31 FEB ? *)", "cron(0 0 31 4,6,9,NOV ? *)"),
        *("cron(0 0 31W 2 ? *)", "cron(0 0 29 2 ? 2027)", "cron(0 0 29 2 ? 2029-2031)"),
        *("cron(0 0 * * ? 2025)", "cron(0 0 ? * MON 1970-2025)", "cron(0 0 L 1-10 ? 2026)"),
        *("cron(0 0 28 11 ? 2026)", "cron(0 0 ? 10 2 2026)"),
        *("cron(0 0 ? 2 2#5 2027)", "cron(0 0 ? 11 SAT 2026)", "cron(0 0 ? 11 6L 2026)"),
    ],
)
def test_what_never_runs_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="it never runs"):
        parse_schedule(expression, date(2026, 11, 29))


@pytest.mark.parametrize(
    "expression",
    [
        *("cron(0 0 29 2 ? *)", "cron(0 0 29 2 ? 2027,2028)", "cron(0 0 31 2,3 ? *)"),
        *("cron(0 0 31,L 2 ? *)", "cron(0 0 29 11 ? 2026)", "cron(0 0 ? 11 MON 2026)"),
        *("cron(0 0 ? 2 3#5 2028)", "cron(0 0 ? 11 FRI-MON 2026)", "cron(0 0 ? NOV-FEB 2L *)"),
        *("cron(0 0 1/10 2 ? *)", "cron(0 0 28-31 2 ? *)", "cron(0 0 L 2 ? 2026/1)"),
    ],
)
def test_what_runs_once_is_enough(expression: str) -> None:
    assert parse_schedule(expression, date(2026, 11, 29)).expression == expression


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("hourly", "use rate"),
        ("", "use rate"),
        ("rate(1hour)", "use rate"),
        ("rate(1.5 hours)", "use rate"),
        ("rate(1 week)", "use rate"),
        ("rate(1 hour) ", "use rate"),
        ("rate(0 minutes)", "at least 1"),
        ("rate(1 hours)", r"rate\(1 hour\)"),
        ("rate(2 hour)", r"rate\(2 hours\)"),
        ("at(2026-12-01T00:00:00)", "only once"),
        ("cron(0 * * * ?)", "six fields .*, not 5"),
        ("cron()", "six fields .*, not 0"),
        ("cron(60 * * * ? *)", "'60' is not valid for minutes in a cron"),
        ("cron(0 24 * * ? *)", "'24' is not valid for hours"),
        ("cron(0 0 0 * ? *)", "'0' is not valid for day-of-month"),
        ("cron(0 0 32W * ? *)", "'32W' is not valid for day-of-month"),
        ("cron(0 0 1 13 ? *)", "'13' is not valid for month"),
        ("cron(0 0 1 JANUARY ? *)", "'JANUARY' is not valid for month"),
        ("cron(0 0 ? * 8 *)", "'8' is not valid for day-of-week"),
        ("cron(0 0 ? * MON#6 *)", "'MON#6' is not valid for day-of-week"),
        ("cron(0 0 * * ? 1969)", "'1969' is not valid for year"),
        ("cron(*/0 * * * ? *)", r"'\*/0' is not valid for minutes"),
        ("cron(1-2-3 * * * ? *)", "'1-2-3' is not valid for minutes"),
        ("cron(, * * * ? *)", "',' is not valid for minutes"),
        ("cron(? * * * ? *)", r"'\?' is not valid for minutes"),
        ("cron(0 9 * * MON *)", "exactly one of"),
        ("cron(0 9 ? * ? *)", "exactly one of"),
    ],
)
def test_what_aws_would_refuse_is_refused_here(expression: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_schedule(expression)
