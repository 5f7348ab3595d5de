"""Parse the watches of the settings of alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from truffle.core.market.budget import PERIODS
from truffle.core.market.watches import HOURLY, Question, Watch
from truffle.core.offerings import DAY_STEPS, MAX_COUNT, MAX_DAYS, sold_hours
from truffle.core.regions import DEFAULT_REGIONS, expanded
from truffle.core.validators import (
    Location,
    Parser,
    duration,
    end_of,
    leaf,
    list_of,
    moment,
    objects,
    record,
    region_or_glob,
    start_of,
    text,
    whole_number,
)

MOST_WATCHES = 50

NAME = text(r"[a-z0-9-]{1,40}", "lower-case letters, digits and hyphens, at most 40")
"""The name of an entry of the file: a destination, a route, a watch."""

_TYPE = text(
    r"[a-z0-9-]+\.[a-z0-9-]+|u-[a-z0-9-]+",
    "an instance type such as p5.48xlarge, or an UltraServer type such as u-p6e-gb200x72",
)
_SOLD = f"AWS sells 1 to {DAY_STEPS} days, then whole weeks up to {MAX_DAYS} days"


def _sold_days(value: object) -> int:
    return _sold(whole_number(1, MAX_DAYS)(value) * 24)


def _sold_hours(value: object) -> int:
    return _sold(whole_number(1, MAX_DAYS * 24)(value))


def _sold(hours: int) -> int:
    """Parse a length. Raises ValueError if AWS does not sell it."""
    longer = sold_hours(hours)
    if longer != hours:
        raise ValueError(f"{_SOLD}; the next one is {longer // 24} days ({longer} hours)")
    return hours


def _limit(value: object) -> Decimal:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6:
        return Decimal(str(value))
    raise ValueError("use a price per accelerator-hour, a number above 0")


def _every(value: object) -> timedelta:
    shortest = timedelta(minutes=PERIODS[-1])
    length = duration(value)
    if length < shortest:
        raise ValueError(f"use a duration of at least {shortest // timedelta(minutes=1)}m")
    return length


def percent(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 100:
        return value
    raise ValueError("use a percentage above 0 and below 100")


WATCH_KEYS: Mapping[str, Parser] = {
    "name": leaf(NAME),
    "instance_type": leaf(_TYPE),
    "count": leaf(whole_number(1, MAX_COUNT)),
    "days": leaf(_sold_days),
    "duration_hours": leaf(_sold_hours),
    "start_after": leaf(moment),
    "end_by": leaf(moment),
    "regions": list_of(leaf(region_or_glob)),
    "max_accelerator_hour_price": leaf(_limit),
    "every": leaf(_every),
}
_REQUIRED = ("name", "instance_type", "count")


def _watch(place: Location, value: object, zone: str) -> Watch | None:
    values = record(WATCH_KEYS, _REQUIRED, "a watch")(place, value)
    hours = _hours(place, values)
    start = _moment(place.key("start_after"), values.get("start_after"), start_of, zone)
    end = _moment(place.key("end_by"), values.get("end_by"), end_of, zone)
    if start and end and end <= start:
        place.key("end_by").note("must be after start_after")
    regions = _regions(place.key("regions"), values.get("regions", ("*",)))
    if hours is None or any(values.get(name) is None for name in _REQUIRED):
        return None
    question = Question(
        values["instance_type"],
        values["count"],
        hours,
        start,
        end,
        values.get("max_accelerator_hour_price"),
    )
    return Watch(values["name"], question, regions, values.get("every") or HOURLY)


def _regions(place: Location, names: Sequence[str] | None) -> tuple[str, ...]:
    """The regions of names and globs. A glob matches regions that every account has enabled."""
    for name in names or ():
        if not expanded([name], DEFAULT_REGIONS):
            known = ", ".join(DEFAULT_REGIONS)
            place.note(
                f"{name} matches no region that every account has enabled ({known}): name others "
                "in full"
            )
    return tuple(expanded(names or (), DEFAULT_REGIONS))


def _hours(place: Location, values: Mapping[str, Any]) -> int | None:
    given = [name for name in ("days", "duration_hours") if name in values]
    if len(given) != 1:
        place.note(
            "give either days or duration_hours"
            if not given
            else "give only one of days and duration_hours"
        )
        return None
    return values[given[0]]  # type: ignore[no-any-return]


def _moment(place: Location, value: Any, moment_of: Any, zone: str) -> Any:
    return None if value is None else leaf(partial(_in_zone, moment_of, zone))(place, value)


def _in_zone(moment_of: Any, zone: str, value: Any) -> Any:
    return moment_of(value, zone)


def watches(zone: str) -> Parser:
    """A parser of all watches; dates are days in the file's time zone."""

    def parse(place: Location, value: object) -> tuple[Watch, ...]:
        found = [it for it in objects(partial(_watch, zone=zone))(place, value) if it is not None]
        for name, count in Counter(watch.name for watch in found).items():
            if count > 1:
                place.note(f"{count} watches have the name {name}: names must be unique")
        if len(found) > MOST_WATCHES:
            place.note(f"there are {len(found)} watches: use at most {MOST_WATCHES}")
        return tuple(found)

    return parse
