"""Validators of settings, at their bounds: what each reads, and how each problem reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from truffle.core import validators
from truffle.core.validators import Location, Parser, leaf

DAY = date(2026, 11, 24)
MOMENT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def parsed(parser: Parser, value: object) -> tuple[Any, list[str]]:
    """The result of a parser at ``settings``, and its problems."""
    place = Location("settings")
    return parser(place, value), place.problems


VALID = [
    (validators.boolean, False, False),
    (validators.whole_number(1, 5), 1, 1),
    (validators.whole_number(1, 5), 5, 5),
    (validators.price, 0.01, 0.01),
    (validators.price, 999_999, 999_999.0),
    (validators.fee, 999_999_999, 999_999_999.0),
    (validators.account, "000000000001", "000000000001"),
    (validators.account, 123456789012, "123456789012"),
    (validators.duration, "1m", timedelta(minutes=1)),
    (validators.duration, "400d", timedelta(days=400)),
    (validators.moment, "2026-11-24", DAY),
    (validators.moment, DAY, DAY),
    (validators.moment, "2026-11-24T13:00:00+01:00", MOMENT),
    (validators.moment, MOMENT, MOMENT),
    (validators.time_of_day, "00:00", time(0, 0)),
    (validators.time_of_day, "23:59", time(23, 59)),
    (validators.time_zone, "Europe/Berlin", "Europe/Berlin"),
    (validators.any_text, "", ""),
    (validators.region, "us-east-1", "us-east-1"),
    (validators.region_or_glob, "us-*", "us-*"),
    (validators.choice(["info", "good"]), "good", "good"),
]


@pytest.mark.parametrize(("read", "value", "result"), VALID)
def test_valid_values(read: Any, value: object, result: object) -> None:
    found, problems = parsed(leaf(read), value)
    assert (found, type(found), problems) == (result, type(result), [])


_WHOLE = "use a whole number from 1 to 5"
_PRICE = "use US dollars per instance and hour, a number above 0"
_FEE = "use US dollars for the whole block, a number above 0"
_DURATION = "use a duration such as 40m, 24h or 14d, above 0 and at most 400 days"
_MOMENT = "use a time with its offset such as 2026-12-01T00:00:00Z, or a date"
_ACCOUNT = 'use account ids of 12 digits such as "123456789012"'
_OF_DAY = 'use a time of the day from "00:00" to "23:59", in quotes'
_ZONE = "use an IANA time zone such as UTC or Europe/Berlin"

INVALID = [
    (validators.boolean, "true", 'settings = "true": use true or false'),
    (validators.boolean, 1, "settings = 1: use true or false"),
    (validators.whole_number(1, 5), 0, f"settings = 0: {_WHOLE}"),
    (validators.whole_number(1, 5), 6, f"settings = 6: {_WHOLE}"),
    (validators.whole_number(1, 5), True, f"settings = true: {_WHOLE}"),
    (validators.whole_number(1, 5), 2.0, f"settings = 2.0: {_WHOLE}"),
    (validators.price, 0, f"settings = 0: {_PRICE}"),
    (validators.price, 1_000_000, f"settings = 1000000: {_PRICE}"),
    (validators.price, True, f"settings = true: {_PRICE}"),
    (validators.fee, 0, f"settings = 0: {_FEE}"),
    (validators.fee, 10**9, f"settings = 1000000000: {_FEE}"),
    (validators.fee, True, f"settings = true: {_FEE}"),
    (validators.account, "12345678901", f'settings = "12345678901": {_ACCOUNT}'),
    (
        validators.account,
        12345678901,
        f"settings = 12345678901: {_ACCOUNT}, in quotes: without them this is a number",
    ),
    (validators.duration, "0m", f'settings = "0m": {_DURATION}'),
    (validators.duration, "9601h", f'settings = "9601h": {_DURATION}'),
    (validators.duration, 24, f"settings = 24: {_DURATION}"),
    (validators.moment, "2026-11-31", f'settings = "2026-11-31": {_MOMENT}'),
    (validators.moment, "2026-11-24T12:00:00", f'settings = "2026-11-24T12:00:00": {_MOMENT}'),
    (validators.moment, 1, f"settings = 1: {_MOMENT}"),
    (validators.time_of_day, "24:00", f'settings = "24:00": {_OF_DAY}'),
    (validators.time_of_day, "00:60", f'settings = "00:60": {_OF_DAY}'),
    (
        validators.time_of_day,
        630,
        f"settings = 630: {_OF_DAY}: without them this is a number",
    ),
    (
        validators.time_zone,
        "Europe/Berlim",
        f'settings = "Europe/Berlim": did you mean Europe/Berlin? {_ZONE}',
    ),
    (
        validators.any_text,
        True,
        "settings = true: use text, in quotes: without them this is a boolean",
    ),
    (validators.any_text, None, "settings = null: use text"),
    (validators.any_text, DAY, 'settings = "2026-11-24": use text, in quotes: '
     "without them this is a date"),
    (validators.any_text, MOMENT, 'settings = "2026-11-24T12:00:00+00:00": use text, in quotes: '
     "without them this is a time"),
    (validators.region, "us-eats-1", 'settings = "us-eats-1": did you mean us-east-1?'),
    (validators.region, "us-*", 'settings = "us-*": use region names such as us-east-1'),
    (
        validators.choice(["info", "warning"]),
        "warnin",
        'settings = "warnin": did you mean warning? use info, warning',
    ),
    (validators.choice(["info"]), "xyz", 'settings = "xyz": use info'),
]  # fmt: skip


@pytest.mark.parametrize(("read", "value", "problem"), INVALID)
def test_invalid_values(read: Any, value: object, problem: str) -> None:
    assert parsed(leaf(read), value) == (None, [problem])


_NUMBER = leaf(validators.whole_number(1, 5))
_RECORD = validators.record({"count": _NUMBER, "name": leaf(validators.any_text)}, ["name"], "it")


def key(name: object) -> str:
    if name == "bad":
        raise ValueError("use good keys")
    return str(name)


@pytest.mark.parametrize(
    ("parser", "value", "result", "problems"),
    [
        (validators.list_of(_NUMBER), [2, 1, 2], (2, 1), []),
        (validators.list_of(_NUMBER), 3, (3,), []),
        (
            validators.list_of(_NUMBER),
            [1, 9],
            (1,),
            [f"settings[1] = 9: {_WHOLE}"],
        ),
        (validators.list_of(_NUMBER), None, (), ["settings = null: use a list"]),
        (validators.list_of(_NUMBER), {}, (), ["settings = {}: use a list"]),
        (
            validators.list_of(_NUMBER),
            [],
            (),
            ["settings: an empty list matches nothing: name a value, or leave the key out"],
        ),
        (validators.list_of(_NUMBER, may_be_empty=True), [], (), []),
        (validators.objects(_NUMBER), [2, 2], (2, 2), []),
        (validators.objects(_NUMBER), 2, (), ["settings = 2: use a list"]),
        (validators.mapping_of(key, _NUMBER), {"a": 1}, {"a": 1}, []),
        (
            validators.mapping_of(key, _NUMBER),
            {"bad": 9},
            {"bad": None},
            ['settings: the key "bad": use good keys', f"settings.bad = 9: {_WHOLE}"],
        ),
        (validators.mapping_of(key, _NUMBER), [], {}, ["settings = []: use an object"]),
        (_RECORD, {"name": "x", "count": 1}, {"name": "x", "count": 1}, []),
        (_RECORD, {"count": 1}, {"count": 1}, ["settings.name: is required"]),
        (
            _RECORD,
            {"name": "x", "cuont": 1},
            {"name": "x"},
            ["settings.cuont: it has no such key; did you mean count?"],
        ),
        (
            _RECORD,
            {"name": "x", "zzz": 1},
            {"name": "x"},
            ["settings.zzz: it has no such key; use count, name"],
        ),
        (_RECORD, None, {}, ["settings = null: use an object with count, name"]),
    ],
)
def test_lists_and_objects(
    parser: Parser, value: object, result: object, problems: list[str]
) -> None:
    assert parsed(parser, value) == (result, problems)


@pytest.mark.parametrize(
    ("day", "zone", "start", "end"),
    [
        (DAY, "UTC", datetime(2026, 11, 24, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC)),
        (
            DAY,
            "Europe/Berlin",
            datetime(2026, 11, 23, 23, tzinfo=UTC),
            datetime(2026, 11, 24, 23, tzinfo=UTC),
        ),
        (MOMENT, "Europe/Berlin", MOMENT, MOMENT),
    ],
)
def test_a_date_is_a_day_of_its_time_zone(
    day: datetime | date, zone: str, start: datetime, end: datetime
) -> None:
    assert (validators.start_of(day, zone), validators.end_of(day, zone)) == (start, end)


@pytest.mark.parametrize(
    ("function", "day", "zone"),
    [
        (validators.end_of, date.max, "UTC"),
        (validators.start_of, date.min, "Asia/Tokyo"),
    ],
)
def test_a_day_outside_of_the_calendar(function: Any, day: date, zone: str) -> None:
    with pytest.raises(ValueError, match=r"^use a date within the years 1 to 9999$"):
        function(day, zone)


_SHOWN: Mapping[str, tuple[object, str]] = {
    "a URL": ("https://hooks.example/T0/B0", '"https://…"'),
    "120 characters": ("x" * 118, f'"{"x" * 118}"'),
    "more": ("x" * 119, f'"{"x" * 118}…'),
    "not JSON": ({(1, 2): 3}, "…"),
}


@pytest.mark.parametrize("name", _SHOWN)
def test_values_in_messages(name: str) -> None:
    value, shown = _SHOWN[name]
    assert validators.show(value) == shown


def test_the_file_itself_has_no_path() -> None:
    place = Location()
    place.wrong([], "use an object")
    place.note("is empty")
    place.key("a").item(2).key("b").note("is required")

    assert place.problems == [
        "the file = []: use an object",
        "the file: is empty",
        "a[2].b: is required",
    ]
