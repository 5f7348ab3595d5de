"""The query parameters of the API, and the filter they make.

One table says which parameters exist, what each takes and what it means: parsing, error texts and
the OpenAPI description are made from it, and the command line checks its values against it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any

from truffle.core.events import EventType, Severity
from truffle.core.filters import Filter, tags_by_key
from truffle.core.model import TYPES
from truffle.core.order import SORT_FIELDS, Order
from truffle.core.regions import REGION_FORM
from truffle.core.times import parse_time

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000

Params = Mapping[str, Sequence[str]]
"""Each parameter's values as they came, in their order."""

Schema = Mapping[str, Any]


class BadParameter(ValueError):
    """A parameter that cannot be used: its name, the value, and what is allowed instead."""

    def __init__(self, name: str, value: str, allowed: str) -> None:
        super().__init__(f"{name}: {value!r} is not allowed. {allowed}")
        self.name = name
        self.value = value
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter.

    ``read`` makes a value from text, or raises ValueError; ``allowed`` tells people what it takes,
    ``schema`` tells programs. A ``many`` parameter takes several values, comma-separated or
    repeated; a comma inside a value is written ``\\,``.
    """

    name: str
    description: str
    allowed: str
    schema: Schema
    read: Callable[[str], Any]
    many: bool = False
    required: bool = False

    def values(self, given: Sequence[str]) -> list[Any]:
        """The values of all texts given. Raises BadParameter for the first that is no use."""
        texts = [part for text in given for part in self._parts(text)]
        if not texts or (len(texts) > 1 and not self.many):
            raise BadParameter(self.name, ",".join(given), f"{self.allowed} Give one value.")
        return [self.value(text) for text in texts]

    def value(self, text: str) -> Any:
        """One value. Raises BadParameter."""
        try:
            return self.read(text)
        except ValueError:
            raise BadParameter(self.name, text, self.allowed) from None

    def _parts(self, text: str) -> list[str]:
        if not self.many:
            return [text]
        parts = re.split(r"(?<!\\),", text)
        return [part.strip().replace("\\,", ",") for part in parts if part.strip()]


def _matching(pattern: str) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def read(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(text)
        return text

    return read


def _one_of(choices: Iterable[str]) -> Callable[[str], str]:
    return _matching("|".join(map(re.escape, choices)))


def _boolean(text: str) -> bool:
    return _one_of(("true", "false"))(text.lower()) == "true"


def _integer(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(_matching("[0-9]{1,18}")(text))
        if not least <= number <= most:
            raise ValueError(text)
        return number

    return read


def _positive(text: str) -> float:
    number = float(_matching(r"[0-9]{1,6}(\.[0-9]{1,6})?")(text))
    if number <= 0:
        raise ValueError(text)
    return number


def _tag(text: str) -> tuple[str, str]:
    """``key:value``. The keys of AWS's own tags have two colons (``aws:service:name``); any other
    colon in a key is written ``\\:``."""
    key = r"aws:[^:]+:[^:]+|(?:[^:\\]|\\.)+"
    match = re.fullmatch(rf"({key}):(.*)", text, re.DOTALL)
    if not match:
        raise ValueError(text)
    return match[1].replace("\\:", ":"), match[2]


_TEXT: Schema = {"type": "string"}
_BOOLEAN: Schema = {"type": "boolean"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_TIME_ALLOWED = "It takes an RFC 3339 time such as 2026-11-24T11:30:00Z, or a date."
_TYPE_PATTERN = r"[a-z0-9*?\[\]!-]+(\.[a-z0-9*?\[\]!-]+)?"


def _texts(name: str, description: str, allowed: str, pattern: str) -> Parameter:
    schema = {"type": "string", "pattern": f"^({pattern})$"}
    return Parameter(name, description, allowed, schema, _matching(pattern), many=True)


def _choices(name: str, description: str, choices: Sequence[str]) -> Parameter:
    allowed = f"It takes {' or '.join(choices)}."
    schema = {"type": "string", "enum": list(choices)}
    return Parameter(name, description, allowed, schema, _one_of(choices), many=True)


def _flag(name: str, description: str) -> Parameter:
    return Parameter(name, description, "It takes true or false.", _BOOLEAN, _boolean)


_TIME_PATTERN = r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d))?"


def _moment(text: str) -> datetime:
    return parse_time(_matching(_TIME_PATTERN)(text).upper())


def _time(name: str, description: str) -> Parameter:
    return Parameter(name, description, _TIME_ALLOWED, _TIME, _moment)


def _number(name: str, description: str, least: int, most: int) -> Parameter:
    allowed = f"It takes a whole number from {least} to {most}."
    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Parameter(name, description, allowed, schema, _integer(least, most))


def _sort(text: str) -> Order:
    return Order(text)


_REGION = _texts(
    "region",
    "The AWS region.",
    "It takes region names such as us-east-1.",
    REGION_FORM,
)
_INSTANCE_TYPE = _texts(
    "instance_type",
    "The instance type; globs are allowed.",
    "It takes instance types such as p5.48xlarge, or globs such as p5*.",
    _TYPE_PATTERN,
)

FILTERS: tuple[Parameter, ...] = (
    _choices("type", "The type of reservation.", TYPES),
    _INSTANCE_TYPE,
    _REGION,
    _texts(
        "availability_zone",
        "The availability zone, by name.",
        "It takes zone names such as us-east-1a.",
        rf"{REGION_FORM}((-[a-z]+-[0-9]+)?[a-z]|(-[a-z0-9]+)+-wlz-[0-9]+)",
    ),
    _texts("account", "Any account that sees the reservation.", "It takes 12 digits.", "[0-9]{12}"),
    _texts("owner", "The account that owns it.", "It takes 12 digits.", "[0-9]{12}"),
    _texts(
        "state",
        "EC2's state.",
        "It takes states such as active, scheduled or payment-failed.",
        "[A-Za-z0-9][A-Za-z0-9_-]*",
    ),
    _flag("gpu_only", "Only instance types with an accelerator."),
    _flag("available_only", "Only reservations with available instances."),
    _flag("active_only", "Only active ODCRs, and active or scheduled blocks."),
    _number("min_capacity", "The least instances: available of an ODCR, all of a block.", 0, 10**9),
    Parameter(
        "tag",
        "A tag; AND between keys, OR between the values of one key.",
        "It takes key:value; write a colon in a key as \\: and a comma as \\,.",
        _TEXT,
        _tag,
        many=True,
    ),
    _time("starts_before", "The start is before this."),
    _time("starts_after", "The start is at or after this."),
    _time("ends_before", "The end is before this; no end never is."),
    _time("ends_after", "The end is at or after this, or there is none."),
)
"""What every route that answers reservations can be filtered by."""

PAGE: tuple[Parameter, ...] = (
    _number("limit", "The most items of one answer.", 1, MAX_LIMIT),
    Parameter(
        "next_token",
        "Continues a list: the next_token of the answer before, with the same parameters.",
        "It takes the next_token of an answer to the same question.",
        _TEXT,
        str,
    ),
)

LIST: tuple[Parameter, ...] = (
    *FILTERS,
    Parameter(
        "sort",
        "A field of a reservation; -field for descending.",
        f"It takes one of {', '.join(SORT_FIELDS)}, with - before it for descending.",
        {"type": "string", "enum": [sign + name for name in SORT_FIELDS for sign in ("", "-")]},
        _sort,
    ),
    *PAGE,
)
"""What the routes take that list reservations."""

EVENTS: tuple[Parameter, ...] = (
    _time("since", "Only events observed at or after this; the default is 7 days ago."),
    _time("until", "Only events observed before this."),
    _choices("type", "The type of event.", [kind.value for kind in EventType]),
    _choices("severity", "The severity.", [severity.value for severity in Severity]),
    _texts(
        "reservation_id", "The reservation.", "It takes ids such as cr-0abc.", "cr-[0-9a-zA-Z-]+"
    ),
    *PAGE,
)
"""What the list of events takes."""

VALIDATE: tuple[Parameter, ...] = (
    Parameter(
        "instance_type",
        "The instance type to train on.",
        "It takes one instance type such as p5.48xlarge.",
        {"type": "string"},
        _matching(r"[a-z0-9-]+\.[a-z0-9-]+"),
        required=True,
    ),
    Parameter(
        "count",
        "How many instances.",
        "It takes a whole number from 1 to 100000.",
        {"type": "integer", "minimum": 1},
        _integer(1, 100_000),
        required=True,
    ),
    Parameter(
        "days",
        "How long, in days; a fraction is allowed.",
        "It takes a number of days above 0.",
        {"type": "number", "exclusiveMinimum": 0},
        _positive,
        required=True,
    ),
    _time("start_by", "The latest start; a date means its whole day. The default is any start."),
)
"""What the validation of a training run takes."""


EXPLAIN: tuple[Parameter, ...] = (
    Parameter(
        "event_id",
        "The event.",
        "It takes the event_id of an event: 32 hexadecimal digits.",
        {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        _matching("[0-9a-f]{32}"),
        required=True,
    ),
)
"""What the explanation of an alert takes."""

TEST: tuple[Parameter, ...] = (
    Parameter(
        "route",
        "The route to whose destinations a sample is sent.",
        "It takes the name of a route.",
        {"type": "string", "pattern": "^[a-z0-9-]{1,40}$"},
        _matching("[a-z0-9-]{1,40}"),
        required=True,
    ),
)
"""What the test of a route takes."""

REPUBLISH: tuple[Parameter, ...] = (
    replace(
        _time("since", "Only events observed at or after this, at most 7 days ago."), required=True
    ),
    _time("until", "Only events observed before this; the default is now."),
    replace(
        EXPLAIN[0],
        name="after",
        description="With since from next of an earlier answer: the event to go on after.",
        required=False,
    ),
)
"""What publishing events again takes."""

REPUBLISHED = timedelta(days=7)
"""How far back events are published again: for so long it is known what was published."""


def parse(given: Params, parameters: Iterable[Parameter]) -> dict[str, list[Any]]:
    """The values by parameter. Raises BadParameter, also for a name that is none of these."""
    known = {parameter.name: parameter for parameter in parameters}
    for name, texts in given.items():
        if name not in known:
            raise BadParameter(name, ",".join(texts), _known_names(name, known))
    missing = [
        name for name, parameter in known.items() if parameter.required and name not in given
    ]
    if missing:
        raise BadParameter(missing[0], "", f"It is required. {known[missing[0]].allowed}")
    return {name: known[name].values(texts) for name, texts in given.items()}


def _known_names(name: str, known: Mapping[str, Parameter]) -> str:
    near = get_close_matches(name, known, 1)
    hint = f"There is no such parameter. Did you mean {near[0]}? " if near else ""
    return f"{hint or 'There is no such parameter. '}The parameters are {', '.join(known)}."


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    limit: int = DEFAULT_LIMIT
    next_token: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A list of reservations that is asked for."""

    filter: Filter
    order: Order
    page: Page


def parse_list(given: Params) -> Query:
    """The question of ``GET /reservations``. Raises BadParameter."""
    values = parse(given, LIST)
    order = values["sort"][0] if "sort" in values else Order()
    return Query(to_filter(values), order, to_page(values))


def parse_filter(given: Params) -> Filter:
    """The filter of routes that take no order and no page. Raises BadParameter."""
    return to_filter(parse(given, FILTERS))


def to_page(values: Mapping[str, list[Any]]) -> Page:
    limit = values.get("limit", [DEFAULT_LIMIT])[0]
    return Page(limit, values.get("next_token", [None])[0])


def to_filter(values: Mapping[str, list[Any]]) -> Filter:
    """Parsed values as a Filter."""

    def several(name: str) -> frozenset[str]:
        return frozenset(values.get(name, ()))

    def one(name: str) -> Any:
        return values.get(name, [None])[0]

    return Filter(
        types=several("type"),
        instance_types=several("instance_type"),
        regions=several("region"),
        availability_zones=several("availability_zone"),
        accounts=several("account"),
        owners=several("owner"),
        states=several("state"),
        gpu_only=bool(one("gpu_only")),
        available_only=bool(one("available_only")),
        active_only=frozenset(TYPES) if one("active_only") else frozenset(),
        min_capacity=one("min_capacity"),
        tags=tags_by_key(values.get("tag", ())),
        starts_before=one("starts_before"),
        starts_after=one("starts_after"),
        ends_before=one("ends_before"),
        ends_after=one("ends_after"),
    )
