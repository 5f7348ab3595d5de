"""Parsers of settings: JSON or YAML values are checked one by one, and all problems are collected.

A parser takes a location and a value, and returns the parsed value. It notes problems at the
location; the returned value is then meaningless.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from truffle.core.regions import REGION_FORM, REGION_GLOB, is_glob, misspelt_region
from truffle.core.suggest import nearest
from truffle.core.thresholds import parse_duration
from truffle.core.times import parse_time

Values = Mapping[str, Any]

_URL = re.compile(r"https?://[^\s\"']*", re.IGNORECASE)
SECRET_ARN = r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+-[A-Za-z0-9]{6}"
SECRET_ARN_FORM = "the complete ARN of a secret (it ends in a hyphen and six characters)"
EMAIL = r"[^@\s,]+@[^@\s,]+\.[^@\s,]+"

_LONGEST_SHOWN = 120
_LONGEST_READ = 10_000
_LONGEST_DURATION = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Location:
    """The location of a value in a file, and the file's list of problems."""

    path: str = ""
    problems: list[str] = field(default_factory=list)

    def key(self, name: object) -> Location:
        return Location(f"{self.path}.{name}" if self.path else str(name), self.problems)

    def item(self, number: int) -> Location:
        return Location(f"{self.path}[{number}]", self.problems)

    def wrong(self, value: object, allowed: str) -> None:
        """Note an invalid value, and what is allowed."""
        self.problems.append(f"{self.path or 'the file'} = {show(value)}: {allowed}")

    def note(self, text: str) -> None:
        """Note a problem without showing the value."""
        self.problems.append(f"{self.path or 'the file'}: {text}")


Parser = Callable[[Location, object], Any]


def show(value: object) -> str:
    """A value for a message; a URL is hidden, because it may be a webhook's secret one."""
    text = ""
    try:
        # Iteratively: with aliases, a short file can be a practically endless value.
        for piece in json.JSONEncoder(default=_json_of, ensure_ascii=False).iterencode(value):
            text += piece
            if len(text) > _LONGEST_READ:
                break
    except (ValueError, TypeError, RecursionError):
        text = "…"
    hidden = _URL.sub("https://…", text)
    return hidden if len(hidden) <= _LONGEST_SHOWN else hidden[: _LONGEST_SHOWN - 1] + "…"


def _json_of(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _use_text(value: object, allowed: str) -> str:
    """The allowed text, with a hint if YAML 1.1 reads unquoted text as another type: ``yes``,
    ``2026-12-01``, ``0123``."""
    kind = next((name for kind, name in _KINDS if isinstance(value, kind)), None)
    if kind is None:
        return f"use {allowed}"
    quotes = "" if "in quotes" in allowed else ", in quotes"
    return f"use {allowed}{quotes}: without them this is {kind}"


_KINDS = ((bool, "a boolean"), (int | float, "a number"), (datetime, "a time"), (date, "a date"))


def leaf(read: Callable[[object], Any]) -> Parser:
    """A parser of one value; ``read`` raises ValueError with the allowed values."""

    def parse(place: Location, value: object) -> Any:
        try:
            return read(value)
        except ValueError as error:
            place.wrong(value, str(error))
            return None

    return parse


def list_of(item: Parser, *, may_be_empty: bool = False) -> Parser:
    """A list as a tuple of its valid values, each once; a single text or number is a list of
    one."""

    def parse(place: Location, value: object) -> tuple[Any, ...]:
        if not isinstance(value, list | Mapping) and value is not None:
            return (item(place, value),)
        if not isinstance(value, list):
            place.wrong(value, "use a list")
            return ()
        if not value and not may_be_empty:
            place.note("an empty list matches nothing: name a value, or leave the key out")
        parts = [item(place.item(number), part) for number, part in enumerate(value)]
        return tuple(dict.fromkeys(part for part in parts if part is not None))

    return parse


def objects(item: Parser) -> Parser:
    """A list of objects, in order."""

    def parse(place: Location, value: object) -> tuple[Any, ...]:
        if not isinstance(value, list):
            place.wrong(value, "use a list")
            return ()
        return tuple(item(place.item(number), part) for number, part in enumerate(value))

    return parse


def mapping_of(key: Callable[[object], str], item: Parser) -> Parser:
    """An object with arbitrary keys; ``key`` raises ValueError with the allowed ones."""

    def parse(place: Location, value: object) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            place.wrong(value, "use an object")
            return {}
        for name in value:
            try:
                key(name)
            except ValueError as error:
                place.note(f"the key {show(name)}: {error}")
        return {str(name): item(place.key(name), part) for name, part in value.items()}

    return parse


def record(
    parsers: Mapping[str, Parser], required: Iterable[str] = (), what: str = "this"
) -> Parser:
    """An object with known keys, as a dictionary of the given ones."""

    def parse(place: Location, value: object) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            place.wrong(value, f"use an object with {listed(parsers)}")
            return {}
        for name in value:
            if name not in parsers:
                place.key(name).note(_unknown(name, parsers, what))
        for name in required:
            if name not in value:
                place.key(name).note("is required")
        return {
            name: parser(place.key(name), value[name])
            for name, parser in parsers.items()
            if name in value
        }

    return parse


def _unknown(name: object, known: Iterable[str], what: str) -> str:
    names = list(known)
    near = nearest(str(name), names)
    hint = f"did you mean {near}?" if near else f"use {listed(names)}"
    return f"{what} has no such key; {hint}"


def listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def text(pattern: str, allowed: str) -> Callable[[object], str]:
    """Text that matches a pattern."""

    def read(value: object) -> str:
        if isinstance(value, str) and re.fullmatch(pattern, value):
            return value
        raise ValueError(_use_text(value, allowed))

    return read


def any_text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(_use_text(value, "text"))


def choice(known: Iterable[str]) -> Callable[[object], str]:
    """One of these words."""
    names = list(known)

    def read(value: object) -> str:
        if isinstance(value, str) and value in names:
            return value
        near = nearest(value, names) if isinstance(value, str) else None
        hint = f"did you mean {near}? " if near else ""
        raise ValueError(f"{hint}{_use_text(value, listed(names))}")

    return read


def probably(
    read: Callable[[object], str], meant: Callable[[str], str | None]
) -> Callable[[object], str]:
    """Also accepts unknown words, unless ``meant`` recognises a misspelt one."""

    def checked(value: object) -> str:
        if isinstance(value, str) and (near := meant(value)):
            raise ValueError(f"did you mean {near}?")
        return read(value)

    return checked


region = probably(text(REGION_FORM, "region names such as us-east-1"), misspelt_region)
region_or_glob = probably(
    text(f"{REGION_FORM}|{REGION_GLOB}", "region names such as us-east-1, or globs such as us-*"),
    lambda name: None if is_glob(name) else misspelt_region(name),
)


def account(value: object) -> str:
    """12 digits. YAML reads digits without quotes as a number, in base 8 after a leading 0."""
    if isinstance(value, int) and not isinstance(value, bool) and len(str(value)) == 12:
        return str(value)
    return text(r"[0-9]{12}", 'account ids of 12 digits such as "123456789012"')(value)


def boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("use true or false")


def whole_number(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        raise ValueError(f"use a whole number from {least} to {most}")

    return read


def price(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6:
        return float(value)
    raise ValueError("use US dollars per instance and hour, a number above 0")


def fee(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9:
        return float(value)
    raise ValueError("use US dollars for the whole block, a number above 0")


def duration(value: object) -> timedelta:
    """A time span above zero."""
    try:
        length = parse_duration(value) if isinstance(value, str) else timedelta()
    except (ValueError, OverflowError):
        length = timedelta()
    if not timedelta() < length <= _LONGEST_DURATION:
        raise ValueError("use a duration such as 40m, 24h or 14d, above 0 and at most 400 days")
    return length


def moment(value: object) -> datetime | date:
    """A time with its offset, or a date; YAML parses both to objects."""
    try:
        if isinstance(value, datetime):
            return parse_time(value.isoformat())
        if isinstance(value, date):
            return value
        if isinstance(value, str):
            is_date = len(value) == len("2026-11-24")
            return date.fromisoformat(value) if is_date else parse_time(value)
    except ValueError:
        pass
    raise ValueError("use a time with its offset such as 2026-12-01T00:00:00Z, or a date")


def start_of(day: datetime | date, zone: str) -> datetime:
    """The moment itself, or the start of a date in a time zone. Raises ValueError."""
    if isinstance(day, datetime):
        return day
    try:
        midnight = datetime.combine(day, time(), UTC if zone == "UTC" else ZoneInfo(zone))
        return midnight.astimezone(UTC)
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError(
            f"this machine does not know the time zone {zone}; use a time with its offset"
        ) from None
    except OverflowError:
        raise ValueError("use a date within the years 1 to 9999") from None


def end_of(day: datetime | date, zone: str) -> datetime:
    """The moment itself, or the end of a date in a time zone. Raises ValueError."""
    if isinstance(day, datetime):
        return day
    try:
        return start_of(day + timedelta(days=1), zone)
    except OverflowError:
        raise ValueError("use a date within the years 1 to 9999") from None


def time_of_day(value: object) -> time:
    """``08:00``; YAML reads 10:30 without quotes as a number."""
    allowed = 'a time of the day from "00:00" to "23:59", in quotes'
    hours, minutes = text("([01][0-9]|2[0-3]):[0-5][0-9]", allowed)(value).split(":")
    return time(int(hours), int(minutes))


def time_zone(value: object) -> str:
    """An IANA name. If a machine has no time zone database, only the form is checked."""
    name = text(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", _ZONES)(value)
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        if not _has_time_zones():
            return name
        near = nearest(name, available_timezones())
        raise ValueError(f"{f'did you mean {near}? ' if near else ''}use {_ZONES}") from error


_ZONES = "an IANA time zone such as UTC or Europe/Berlin"


def _has_time_zones() -> bool:
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        return False
    return True
