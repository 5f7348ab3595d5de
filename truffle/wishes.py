"""What a person wants, checked before anything is asked: runs, blocks, workloads, events."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from truffle import clock
from truffle.core import parameters
from truffle.core.advice import TrainingRequest, parse_start_by
from truffle.core.events import EventType, Severity
from truffle.core.nearest import nearest
from truffle.core.offerings import MAX_COUNT, MAX_DAYS, Wanted, sold_hours
from truffle.core.parameters import BadParameter, Parameter
from truffle.core.recommendation import Purpose, Workload
from truffle.core.times import format_time, parse_time
from truffle.question import BadArgument, Several, check_types

_MOMENT = "It takes a date such as 2026-12-01, or an RFC 3339 time such as 2026-12-01T11:30:00Z."

MOST_INSTANCES = 100_000
MOST_DAYS = 100_000
"""Beyond these, a wish is a slip of the keyboard."""

_COUNT = f"It takes a whole number from 1 to {MOST_INSTANCES}."

_ULTRASERVER = re.compile(r"u-[a-z0-9-]+")


def moment(name: str, given: datetime | str | None, is_end: bool = False) -> datetime | None:
    """A time that was given; a date is its midnight in UTC, or its last second as an end."""
    if given is None:
        return None
    if isinstance(given, datetime):
        if given.tzinfo is None:
            allowed = "It takes a datetime with a time zone, such as datetime.now(UTC)."
            raise BadArgument(name, str(given), allowed)
        return given.astimezone(UTC)
    try:
        return parse_start_by(given) if is_end else parse_time(given)
    except ValueError:
        raise BadArgument(name, given, _MOMENT) from None


def training_request(
    instance_type: str, count: int, days: float, start_by: datetime | str | None = None
) -> TrainingRequest:
    """The run to validate. Raises BadArgument."""
    _check_type(instance_type)
    if not 1 <= count <= MOST_INSTANCES:
        raise BadArgument("count", str(count), _COUNT)
    _check_days(days)
    latest = moment("start_by", start_by, is_end=True)
    if latest is not None and latest < clock.now() - timedelta(minutes=1):
        raise BadArgument("start_by", format_time(latest), "It takes a time that is not over yet.")
    return TrainingRequest(instance_type, count, days * 24, latest)


def wanted_block(
    instance_type: str,
    count: int,
    days: float | None,
    duration_hours: float | None,
    start_after: datetime | str | None,
    end_by: datetime | str | None,
) -> Wanted:
    """The block to look for, its duration rounded up to one that AWS sells. Raises BadArgument."""
    _check_type(instance_type)
    if not 1 <= count <= MAX_COUNT:
        allowed = f"A block has from 1 to {MAX_COUNT} instances."
        raise BadArgument("count", str(count), allowed)
    hours = _sold(days, duration_hours)
    start, end = moment("start_after", start_after), moment("end_by", end_by, is_end=True)
    now = clock.now()
    if end is not None and end <= max(now, start or now):
        allowed = "It takes a time after now and after the start."
        raise BadArgument("end_by", format_time(end), allowed)
    still_to_come = start if start is not None and start > now else None
    return Wanted(instance_type, count, hours, still_to_come, end)


def _sold(days: float | None, duration_hours: float | None) -> int:
    if (days is None) == (duration_hours is None):
        given = "" if days is None else f"{days:g} days, {duration_hours:g} hours"
        raise BadArgument("days", given, "Give the duration in days or in hours, and only once.")
    name = "duration_hours" if days is None else "days"
    hours = duration_hours if days is None else days * 24
    try:
        return sold_hours(hours or 0)
    except ValueError:
        most = MAX_DAYS * 24 if days is None else MAX_DAYS
        value = duration_hours if days is None else days
        allowed = f"It takes a number above 0 and up to {most}: a block lasts at most 182 days."
        raise BadArgument(name, f"{value:g}", allowed) from None


def workload(
    purpose: str,
    days: float | None = None,
    start: date | str | None = None,
    instance_type: str | None = None,
    count: int | None = None,
) -> Workload:
    """The workload to recommend for. Raises BadArgument."""
    if purpose not in list(Purpose):
        allowed = f"It takes {', '.join(Purpose)}."
        raise BadArgument("purpose", purpose, allowed, nearest(purpose, Purpose))
    if days is not None:
        _check_days(days)
    if count is not None and not 1 <= count <= MOST_INSTANCES:
        raise BadArgument("count", str(count), _COUNT)
    if instance_type is not None:
        _check_type(instance_type)
    day = _day(start)
    if day is not None and day < clock.now().date():
        raise BadArgument("start", day.isoformat(), "It takes a day that is not over yet.")
    return Workload(Purpose(purpose), days, day, instance_type, count)


def _check_days(days: float) -> None:
    """Also refuses what is no number."""
    if not 0 < days <= MOST_DAYS:
        allowed = f"It takes a number of days above 0 and up to {MOST_DAYS}."
        raise BadArgument("days", f"{days:g}", allowed)


def _day(given: date | str | None) -> date | None:
    if given is None or (isinstance(given, date) and not isinstance(given, datetime)):
        return given
    found = moment("start", given)
    return found.date() if found else None


def _check_type(instance_type: str) -> None:
    """One type, or one of UltraServers (``u-p6e-gb200x72``); no glob."""
    if _ULTRASERVER.fullmatch(instance_type):
        return
    allowed = "It takes one instance type such as p5.48xlarge."
    if any(sign in instance_type for sign in "*?["):
        raise BadArgument("instance_type", instance_type, allowed)
    try:
        check_types([instance_type])
    except BadArgument as error:
        raise BadArgument("instance_type", instance_type, allowed, error.nearest) from None


def event_query(
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    types: Several | None = None,
    severities: Several | None = None,
    reservation_id: str | None = None,
) -> list[tuple[str, str]]:
    """The parameters of ``GET /events``. Raises BadArgument."""
    start, end = moment("since", since), moment("until", until)
    query = [
        (name, format_time(value)) for name, value in (("since", start), ("until", end)) if value
    ]
    query += _choices("types", "type", types, list(EventType))
    query += _choices("severities", "severity", severities, list(Severity))
    if reservation_id is not None:
        query += _checked("reservation_id", "reservation_id", [reservation_id], ())
    return query


def _choices(
    argument: str, name: str, given: Several | None, choices: Iterable[str]
) -> list[tuple[str, str]]:
    texts = [given] if isinstance(given, str) else list(given or ())
    return _checked(argument, name, texts, choices) if texts else []


def _checked(
    argument: str, name: str, texts: list[str], choices: Iterable[str]
) -> list[tuple[str, str]]:
    try:
        values = _EVENTS[name].values(texts)
    except BadParameter as error:
        near = nearest(error.value, choices)
        raise BadArgument(argument, error.value, error.allowed, near) from None
    return [(name, ",".join(values))]


_EVENTS: dict[str, Parameter] = {parameter.name: parameter for parameter in parameters.EVENTS}


def check_event_id(text: str) -> None:
    """Raises BadArgument for what can be no id of an event."""
    _check(parameters.EXPLAIN[0], text)


def check_route(name: str) -> None:
    """Raises BadArgument for what can be no name of a route."""
    _check(parameters.TEST[0], name)


def _check(parameter: Parameter, text: str) -> None:
    try:
        parameter.value(text)
    except BadParameter as error:
        raise BadArgument(parameter.name, text, error.allowed) from None


def check_reservation_id(name: str) -> None:
    """Raises BadArgument for what can be no id of a reservation or of a block."""
    if not re.fullmatch(r"(cr|cb)[a-z]*-[0-9A-Za-z-]+", name):
        allowed = "It takes the id of a reservation, such as cr-0123456789abcdef0."
        raise BadArgument("reservation_id", name, allowed)
