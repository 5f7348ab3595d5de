"""The schedule of runs and the time after which a missing run is overdue, in EventBridge
Scheduler's grammar.

Without CDK, and pure except for the day of synthesis. Source of the grammar: "Schedule types on
EventBridge Scheduler" in the EventBridge Scheduler User Guide. Source of the alarm's limits:
CloudWatch `PutMetricAlarm`.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime

from truffle.core.wording import counted

MAX_OVERDUE_MINUTES = 7 * 24 * 60
"""CloudWatch evaluates at most seven days (`Period` x `EvaluationPeriods` <= 604,800 s)."""

_MINUTES_OF_UNIT = {"minute": 1, "hour": 60, "day": 24 * 60}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((.*)\)")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True)
class Schedule:
    """A recurring schedule: EventBridge's expression and, for a rate, its period in minutes."""

    expression: str
    period_minutes: int | None


@dataclass(frozen=True)
class Window:
    """The window of a CloudWatch alarm: `periods` periods of `period_minutes` each."""

    period_minutes: int
    periods: int


@dataclass(frozen=True)
class _CronField:
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()
    special: str = ""

    def accepts(self, text: str) -> bool:
        """Whether each comma-separated part is a value, a range, a step or a special form."""
        return all(self._accepts_part(part) for part in text.upper().split(","))

    def _accepts_part(self, part: str) -> bool:
        if self.special and re.fullmatch(self.special, part):
            return all(self._number(number) is not None for number in re.findall(r"^\d+", part))
        base, slash, step = part.partition("/")
        if slash and not (step.isdecimal() and int(step) > 0):
            return False
        bounds = base.split("-")
        values = [self._number(bound) for bound in bounds]
        return base == "*" or (len(bounds) <= 2 and None not in values)

    def values(self, text: str) -> set[int]:
        """The numbers of an accepted text, without those of special forms."""
        return {number for part in text.upper().split(",") for number in self._values_of(part)}

    def _values_of(self, part: str) -> list[int]:
        base, slash, step = part.partition("/")
        first, dash, last = base.partition("-")
        start = self.lowest if base == "*" else self._number(first)
        if start is None:
            return []
        end = self._number(last) if dash else None
        is_open = base == "*" or (slash and not dash)
        last_one = end or (self.highest if is_open else start)
        if last_one < start:
            around = [*range(start, self.highest + 1), *range(self.lowest, last_one + 1)]
            return around[:: int(step or 1)]
        return list(range(start, last_one + 1, int(step or 1)))

    def _number(self, text: str) -> int | None:
        if text in self.names:
            return self.lowest + self.names.index(text)
        return int(text) if text.isdecimal() and self.lowest <= int(text) <= self.highest else None


_FIELDS = (
    _CronField("minutes", 0, 59),
    _CronField("hours", 0, 23),
    _CronField("day-of-month", 1, 31, special=r"\?|L|\d+W"),
    _CronField("month", 1, 12, names=_MONTHS),
    _CronField("day-of-week", 1, 7, names=_WEEKDAYS, special=r"\?|L|\dL|\d#[1-5]"),
    _CronField("year", 1970, 2199),
)


def parse_schedule(expression: str, today: date | None = None) -> Schedule:
    """Parse `rate(1 hour)` or `cron(0 * * * ? *)`; a cron must have a day from `today` on, by
    default the day of synthesis.

    Raises:
        ValueError: the problem of the expression, or why a one-time `at(...)` is rejected.
    """
    if rate := _RATE.fullmatch(expression):
        return Schedule(expression, _rate_minutes(int(rate[1]), rate[2], plural=bool(rate[3])))
    if cron := _CRON.fullmatch(expression):
        _check_cron(cron[1].split(), today or datetime.now(UTC).date())
        return Schedule(expression, None)
    if expression.startswith("at("):
        raise ValueError("at(...) runs only once; use a rate(...) or a cron(...)")
    raise ValueError("use rate(1 hour), rate(15 minutes), ... or cron(0 * * * ? *) with six fields")


def _rate_minutes(value: int, unit: str, *, plural: bool) -> int:
    if value == 0:
        raise ValueError("a rate is at least 1")
    if plural != (value > 1):
        right = f"rate({counted(str(value), unit)})"
        raise ValueError(f"1 requires the singular unit, other numbers the plural: {right}")
    return value * _MINUTES_OF_UNIT[unit]


def _check_cron(fields: list[str], today: date) -> None:
    if len(fields) != len(_FIELDS):
        names = " ".join(field.name for field in _FIELDS)
        raise ValueError(f"cron requires six fields ({names}), not {len(fields)}")
    for field, text in zip(_FIELDS, fields, strict=True):
        if not field.accepts(text):
            raise ValueError(
                f"{text!r} is not valid for {field.name} in a cron expression "
                f"({field.lowest}-{field.highest})"
            )
    if [fields[2], fields[4]].count("?") != 1:
        raise ValueError("exactly one of day-of-month and day-of-week must be ?")
    if not _has_a_day(fields[2], fields[3], fields[4], fields[5], today):
        day = f"day {fields[2]}" if fields[4] == "?" else f"weekday {fields[4]}"
        days = f"{day}, month {fields[3]}, year {fields[5]}"
        raise ValueError(f"it never runs: {days} is not a date on or after {today}")


def _has_a_day(days: str, months: str, weekdays: str, years: str, today: date) -> bool:
    """Whether one of these days is today or later."""
    month, year = _FIELDS[3], _FIELDS[5]
    for each_year in sorted(year.values(years)):
        for each_month in month.values(months):
            possible = (
                _days_by_number(days, each_year, each_month)
                if weekdays == "?"
                else _days_by_weekday(weekdays, each_year, each_month)
            )
            if any(date(each_year, each_month, day) >= today for day in possible):
                return True
    return False


def _days_by_number(text: str, year: int, month: int) -> set[int]:
    """The days of a month with one of these numbers; ``L`` is the last one."""
    last = monthrange(year, month)[1]
    numbers = _FIELDS[2].values(text.upper().replace("W", ""))
    return {day for day in numbers if day <= last} | ({last} if "L" in text.upper() else set())


def _days_by_weekday(text: str, year: int, month: int) -> set[int]:
    """The days of a month on one of these weekdays: ``2#5`` is its fifth Monday, ``6L`` its last
    Friday, ``L`` a Saturday."""
    last = monthrange(year, month)[1]
    weekday = {day: date(year, month, day).isoweekday() % 7 + 1 for day in range(1, last + 1)}
    numbers = _FIELDS[4].values(text)
    found = {day for day, number in weekday.items() if number in numbers}
    for part in text.upper().split(","):
        number, sign, which = part.partition("#")
        if sign:
            members = [day for day in weekday if weekday[day] == int(number)]
            found.update(members[int(which) - 1 : int(which)])
        elif part.endswith("L"):
            members = [day for day in weekday if weekday[day] == int(part[:-1] or 7)]
            found.update(members[-1:])
    return found


def overdue_window(minutes: int) -> Window:
    """The finest window that covers `minutes` (1 to MAX_OVERDUE_MINUTES), rounded up to a period.

    CloudWatch covers one day with periods below an hour and seven days with periods of an hour; a
    fine period makes the alarm fire close to `minutes` after the last run.
    """
    period = 1 if minutes <= 60 else 5 if minutes <= 24 * 60 else 60
    return Window(period, -(-minutes // period))
