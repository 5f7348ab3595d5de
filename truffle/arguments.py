"""Checks of the arguments of runs, blocks, workloads and events, before any call."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta

from truffle import clock
from truffle.core import parameters
from truffle.core.candidates import TrainingRequest
from truffle.core.kinds.registry import OTHER_IDS
from truffle.core.offerings import (
    MAX_COUNT,
    MAX_DAYS,
    MOST_TYPES,
    ULTRASERVERS,
    Wanted,
    sold_hours,
)
from truffle.core.parameters import MOST_DAYS, MOST_INSTANCES, BadParameter, Parameter
from truffle.core.queries import to_values
from truffle.core.recommendation import Purpose, Workload
from truffle.core.suggest import nearest
from truffle.core.times import format_time
from truffle.core.vocabulary import is_type_name, misspelt_type, types_of_family, types_with
from truffle.core.windows import lengths_between
from truffle.query import BadArgument, ListQuery, Several, moment_of

MOST_EVENTS = 10_000
"""A larger number is considered a typing error."""

RANGE = ".."
"""The separator between the two ends of a range, both included."""

_COUNT = f"It must be a whole number from 1 to {MOST_INSTANCES}."
_BLOCK_COUNT = f"It must be a whole number from 1 to {MAX_COUNT}: a block has no more instances."
_DAYS = f"It must be a number of days above 0 and up to {MOST_DAYS}."

_ULTRASERVER = re.compile(r"u-[a-z0-9-]+")


def moment(
    name: str, given: datetime | str | None, *, is_end: bool = False, ahead: bool = True
) -> datetime | None:
    """Parse a time; a day becomes its first second in UTC, or its last one as an end."""
    if given is None:
        return None
    when = moment_of(name, given, ahead=ahead)
    return when.end if is_end else when.start


def training_request(
    instance_type: str,
    count: int | str,
    days: float | str,
    start_by: datetime | str | None = None,
) -> TrainingRequest:
    """The run to validate. Raises BadArgument."""
    _check_type(instance_type)
    if server := ULTRASERVERS.get(instance_type):
        allowed = (
            f"It must be the instance type: {instance_type} is "
            f"{server.instances} × {server.instance_type}."
        )
        raise BadArgument("instance_type", instance_type, allowed)
    instances = _whole("count", count, MOST_INSTANCES, _COUNT)
    length = _number("days", days, MOST_DAYS, _DAYS)
    latest = moment("start_by", start_by, is_end=True)
    if latest is not None and latest < clock.now() - timedelta(minutes=1):
        raise BadArgument("start_by", str(start_by), "It must be in the future.")
    return TrainingRequest(instance_type, instances, length * 24, latest)


def wanted_block(
    instance_type: str,
    count: int | str,
    days: float | str | None,
    duration_hours: float | str | None,
    start_after: datetime | str | None,
    end_by: datetime | str | None,
    start: str | None = None,
) -> Wanted:
    """The block to search for, its duration rounded up to one that AWS sells.

    ``instance_type`` may be several types, comma-separated; ``days`` and ``start`` may be ranges
    (``5..10``, ``2026-12-05..2026-12-20``). Raises BadArgument.
    """
    first, *others = _block_types(instance_type)
    instances = _whole("count", count, MAX_COUNT, _BLOCK_COUNT)
    hours, *shorter = _lengths(days, duration_hours)
    if start is not None and start_after is not None:
        raise BadArgument("start", start, "Give either a start range or an earliest start.")
    earliest, start_by = _starts(start)
    start_time = earliest or moment("start_after", start_after)
    return _in_time(
        Wanted(
            instance_type=first,
            count=instances,
            duration_hours=hours,
            start_after=start_time,
            end_by=moment("end_by", end_by, is_end=True),
            start_by=start_by,
            shorter_hours=tuple(shorter),
            other_types=tuple(others),
        ),
        str(end_by),
    )


def _in_time(wanted: Wanted, end_by: str) -> Wanted:
    """The block without a start in the past. Raises BadArgument for an end in the past."""
    start, end, now = wanted.start_after, wanted.end_by, clock.now()
    if end is not None and end <= max(now, start or now):
        allowed = "It must be in the future and after the start."
        raise BadArgument("end_by", end_by, allowed)
    still_to_come = start if start is not None and start > now else None
    return replace(wanted, start_after=still_to_come)


def _starts(text: str | None) -> tuple[datetime | None, datetime | None]:
    """The earliest and the latest start. Raises BadArgument."""
    if text is None:
        return None, None
    first, separator, last = text.partition(RANGE)
    begin = moment_of("start", first)
    end = moment_of("start", last) if separator else begin
    if end.end < begin.start:
        raise BadArgument("start", text, "The range must not end before it starts.")
    if end.end <= clock.now():
        raise BadArgument("start", text, "The range must end in the future.")
    return begin.start, end.end


def _lengths(days: float | str | None, duration_hours: float | str | None) -> tuple[int, ...]:
    """The durations to search for, in hours, the longest first. Raises BadArgument."""
    if not isinstance(days, str) or RANGE not in days or duration_hours is not None:
        return (_sold(days, duration_hours),)
    allowed = f"It must be a range of days such as 5..10, above 0 and up to {MAX_DAYS}."
    first, _, last = days.partition(RANGE)
    fewest, most = (_number("days", part, MAX_DAYS, allowed) for part in (first, last))
    if most < fewest:
        raise BadArgument("days", days, allowed)
    return lengths_between(fewest, most)


def _sold(days: float | str | None, duration_hours: float | str | None) -> int:
    allowed = "It must be a number above 0 and up to {}: a block lasts at most 182 days."
    if days is not None and duration_hours is None:
        return sold_hours(_number("days", days, MAX_DAYS, allowed.format(MAX_DAYS)) * 24)
    if days is None and duration_hours is not None:
        most = MAX_DAYS * 24
        return sold_hours(_number("duration_hours", duration_hours, most, allowed.format(most)))
    given = "" if days is None else f"{days} days, {duration_hours} hours"
    raise BadArgument("days", given, "Give the duration either in days or in hours.")


def _whole(name: str, given: int | str, most: int, allowed: str) -> int:
    """A whole number from 1. Raises BadArgument."""
    text = str(given)
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise BadArgument(name, text, allowed)
    return int(text)


def _number(name: str, given: float | str, most: float, allowed: str) -> float:
    """A number above 0. Raises BadArgument, also if it is not a number."""
    try:
        value = float(given)
    except ValueError:
        value = 0
    if not 0 < value <= most:
        raise BadArgument(name, given if isinstance(given, str) else f"{given:g}", allowed)
    return value


def workload(
    purpose: str,
    days: float | str | None = None,
    start: date | str | None = None,
    instance_type: str | None = None,
    count: int | str | None = None,
) -> Workload:
    """The workload to recommend for. Raises BadArgument."""
    if purpose not in list(Purpose):
        allowed = f"It must be one of {', '.join(Purpose)}."
        raise BadArgument("purpose", purpose, allowed, nearest(purpose, Purpose))
    length = None if days is None else _number("days", days, MOST_DAYS, _DAYS)
    instances = None if count is None else _whole("count", count, MOST_INSTANCES, _COUNT)
    if instance_type is not None:
        _check_type(instance_type)
    day = _day(start)
    if day is not None and day < clock.now().date():
        raise BadArgument("start", day.isoformat(), "It must be today or later.")
    return Workload(Purpose(purpose), length, day, instance_type, instances)


def _day(given: date | str | None) -> date | None:
    if given is None or (isinstance(given, date) and not isinstance(given, datetime)):
        return given
    found = moment("start", given)
    return found.date() if found else None


def _block_types(text: str) -> list[str]:
    """The acceptable types, each once. Raises BadArgument."""
    types = list(dict.fromkeys(each.strip() for each in text.split(",")))
    for each in types:
        _check_type(each)
    if len(types) > MOST_TYPES:
        allowed = f"It must be at most {MOST_TYPES} types, the maximum for one EC2 request."
        raise BadArgument("instance_type", text, allowed)
    if len(types) > 1 and any(_ULTRASERVER.fullmatch(each) for each in types):
        allowed = "An UltraServer type cannot be combined with others."
        raise BadArgument("instance_type", text, allowed)
    return types


def _check_type(instance_type: str) -> None:
    """Check one type, or one of UltraServers (``u-p6e-gb200x72``); globs are not allowed."""
    if _ULTRASERVER.fullmatch(instance_type):
        return
    allowed = "It must be one instance type such as p5.48xlarge."
    if any(sign in instance_type for sign in "*?["):
        raise BadArgument("instance_type", instance_type, allowed)
    if members := types_of_family(instance_type):
        allowed = f"It must be one instance type: {instance_type} has {', '.join(members)}."
        raise BadArgument("instance_type", instance_type, allowed)
    if types := types_with(instance_type):
        allowed = f"{instance_type} is an accelerator. Its instance types are {', '.join(types)}."
        raise BadArgument("instance_type", instance_type, allowed)
    near = misspelt_type(instance_type)
    if near is not None or not is_type_name(instance_type):
        raise BadArgument("instance_type", instance_type, allowed, near)


def event_limit(given: int | str) -> int:
    """The maximum number of events. Raises BadArgument."""
    return _whole(
        "limit", given, MOST_EVENTS, f"It must be a whole number from 1 to {MOST_EVENTS}."
    )


def event_query(
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    types: Several | None = None,
    severities: Several | None = None,
    reservation_id: str | None = None,
    accounts: Several | None = None,
) -> list[tuple[str, str]]:
    """The parameters of ``GET /events``. Raises BadArgument."""
    start, end = moment("since", since, ahead=False), moment("until", until, ahead=False)
    query = [
        (name, format_time(value)) for name, value in (("since", start), ("until", end)) if value
    ]
    query += _choices("types", "type", types)
    query += _choices("severities", "severity", severities)
    query += _choices("reservation_id", "reservation_id", reservation_id)
    return query + account_query(accounts)


def account_query(accounts: Several | None) -> list[tuple[str, str]]:
    """The parameter of accounts by id, name, organizational unit or glob. Raises BadArgument."""
    return _choices("accounts", "account", accounts)


def republish_query(
    since: datetime | str, until: datetime | str | None = None
) -> list[tuple[str, str]]:
    """The parameters of ``POST /alerts/republish``; the end is fixed at the first call. Raises
    BadArgument."""
    start = moment_of("since", since, ahead=False).start
    end = moment("until", until, ahead=False) or clock.now()
    return [("since", format_time(start)), ("until", format_time(end))]


def explain_query(event_id: str, since: datetime | str | None = None) -> list[tuple[str, str]]:
    """The parameters of ``GET /alerts/explain``. Raises BadArgument."""
    check_event_id(event_id)
    first = moment_of("since", since, ahead=False).start if since is not None else None
    return [("event_id", event_id), *([("since", format_time(first))] if first else [])]


def usage_query(
    chosen: ListQuery,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    interval: str | None = None,
    by: Several | None = None,
) -> list[tuple[str, str]]:
    """The parameters of ``GET /usage``, with the filters of a query. Raises BadArgument."""
    start, end = past_period(since, until)
    query = [(name, format_time(at)) for name, at in (("since", start), ("until", end)) if at]
    for name, given in (("interval", interval), ("by", by)):
        texts = [given] if isinstance(given, str) else list(given or ())
        if texts:
            query.append((name, ",".join(_usage_values(name, texts))))
    types = sorted(chosen.filter.types)
    filters = to_values(chosen.filter, only="")
    return [*query, *([("type", ",".join(types))] if types else []), *filters]


def _usage_values(name: str, texts: list[str]) -> list[str]:
    parameter = next(it for it in parameters.USAGE if it.name == name)
    try:
        values: list[str] = parameter.values(texts)
    except BadParameter as error:
        raise BadArgument(name, error.value, error.allowed, error.nearest) from None
    return [value.replace("\\", "\\\\").replace(",", "\\,") for value in values]


def past_period(
    since: datetime | str | None, until: datetime | str | None
) -> tuple[datetime | None, datetime | None]:
    """The start and end of a past period. Raises BadArgument."""
    start, end = moment("since", since, ahead=False), moment("until", until, ahead=False)
    if start and end and end <= start:
        raise BadArgument("until", str(until), "It must be after since.")
    return start, end


def check_of_a_watch(**given: object) -> None:
    """Raises BadArgument for arguments that each watch sets itself."""
    for name, value in given.items():
        if value is not None:
            allowed = "It applies only to EC2 itself: the alerts file sets it for each watch."
            raise BadArgument(name, str(value), allowed)


TRAINING_PLANS = "training-plans"
"""The kinds of capacity to search beside capacity blocks."""


def included(given: Several | None) -> tuple[str, ...]:
    """The kinds to search beside capacity blocks. Raises BadArgument."""
    names = (given,) if isinstance(given, str) else tuple(given or ())
    for name in names:
        if name != TRAINING_PLANS:
            raise BadArgument("include", name, f"It must be {TRAINING_PLANS}.")
    return names


def check_of_a_stack(**given: object) -> None:
    """Raises BadArgument for arguments that require a deployed stack."""
    for name, value in given.items():
        if value is not None:
            allowed = "It requires a deployed stack: use --source api."
            raise BadArgument(name, str(value), allowed)


def as_of_query(given: datetime | str | None) -> list[tuple[str, str]]:
    """The parameter for a past time. Raises BadArgument."""
    moment_then = moment("as_of", given, ahead=False)
    return [("as_of", format_time(moment_then))] if moment_then else []


def _choices(argument: str, name: str, given: Several | None) -> list[tuple[str, str]]:
    texts = [given] if isinstance(given, str) else list(given or ())
    if not texts:
        return []
    try:
        values = _EVENTS[name].values(texts)
    except BadParameter as error:
        raise BadArgument(argument, error.value, error.allowed, error.nearest) from None
    return [(name, ",".join(values))]


_EVENTS: dict[str, Parameter] = {parameter.name: parameter for parameter in parameters.EVENTS}


def check_event_id(text: str) -> None:
    """Raises BadArgument for text that cannot be an event's id."""
    _check(parameters.EXPLAIN[0], text)


def check_route(name: str) -> None:
    """Raises BadArgument for text that cannot be the name of a route."""
    _check(parameters.TEST[0], name)


def _check(parameter: Parameter, text: str) -> None:
    try:
        parameter.value(text)
    except BadParameter as error:
        raise BadArgument(parameter.name, text, error.allowed) from None


def check_reservation_id(name: str, *, is_of_ec2: bool = False) -> None:
    """Raises BadArgument for text that cannot be the id of a reservation or a block.

    EC2's own are ``cr-`` or ``cb-`` and 17 hexadecimal digits, formerly 8 (EC2 User Guide, resource
    ids), so an id with another form need not be searched in every region.
    """
    form = "(cr|cb)-([0-9a-f]{17}|[0-9a-f]{8})" if is_of_ec2 else "(cr|cb)[a-z]*-[0-9A-Za-z-]+"
    if not re.fullmatch(f"{form}|{OTHER_IDS}", name):
        allowed = "It must be the id of a reservation or a block, such as cr-0123456789abcdef0."
        raise BadArgument("reservation_id", name, allowed)
