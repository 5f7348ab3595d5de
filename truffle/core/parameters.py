"""The query parameters of the API, and the filter they make.

One table says which parameters exist, what each takes and what it means: parsing, error texts and
the OpenAPI description are made from it, and the command line checks its values against it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from truffle.core.declared_filters import (
    ACCOUNT_ALLOWED,
    ACCOUNT_FORM,
    DECLARED,
    DeclaredFilter,
    Kind,
)
from truffle.core.events import EventType, Severity
from truffle.core.model import TYPES
from truffle.core.order import SORT_FIELDS, Order
from truffle.core.status import State
from truffle.core.suggest import misspelt, nearest
from truffle.core.tag_text import parse_tag, unescaped
from truffle.core.times import TIME_FORMS, TIME_PATTERN, parse_time, parse_written
from truffle.core.vocabulary import MISSPELT, Meant

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MOST_INSTANCES = 100_000
MOST_DAYS = 100_000
"""Instances and days of a training run: more is a slip of the keyboard."""

RESERVATION_ID = "[A-Za-z0-9-]{1,100}"
"""What the path of one reservation takes as its id; EC2's are ``cr-`` and 17 hexadecimal digits."""

Params = Mapping[str, Sequence[str]]
"""Each parameter's values as they came, in their order."""

Schema = Mapping[str, Any]


class BadParameter(ValueError):
    """A parameter that cannot be used: its name, the value, what is allowed, the nearest match."""

    def __init__(self, name: str, value: str, allowed: str, near: str | None = None) -> None:
        hint = f"Did you mean {near}? " if near else ""
        super().__init__(f"{name}: invalid value {value!r}. {hint}{allowed}")
        self.name = name
        self.value = value
        self.allowed = allowed
        self.nearest = near


def _nothing(text: str) -> None:
    """No value is a misspelling of another."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter.

    ``read`` makes a value from text, or raises ValueError; ``allowed`` tells people what it takes,
    ``schema`` tells programs: every value of the schema can be read. A ``many`` parameter takes
    several values, comma-separated or repeated; a comma inside a value is written ``\\,``. A value
    for which ``meant`` gives a word is that word misspelt.
    """

    name: str
    description: str
    allowed: str
    schema: Schema
    read: Callable[[str], Any]
    many: bool = False
    required: bool = False
    meant: Meant = _nothing

    def values(self, given: Sequence[str]) -> list[Any]:
        """The values of all texts given. Raises BadParameter for the first that is no use."""
        texts = [part for text in given for part in self._parts(text)]
        if not texts or (len(texts) > 1 and not self.many):
            raise BadParameter(self.name, ",".join(given), f"{self.allowed} Give one value.")
        return [self.value(text) for text in texts]

    def value(self, text: str) -> Any:
        """One value. Raises BadParameter."""
        near = self.meant(text.strip(" "))
        try:
            value = self.read(text)
        except ValueError:
            raise BadParameter(self.name, text, self.allowed, near) from None
        if near is not None:
            raise BadParameter(self.name, text, self.allowed, near)
        return value

    def _parts(self, text: str) -> list[str]:
        if not self.many:
            return [text]
        parts = [""]
        for token in re.findall(r",|\\.|[^\\,]+|\\", text, re.DOTALL):
            if token == ",":
                parts.append("")
            else:
                parts[-1] += token
        return parts


def _matching(pattern: str) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def read(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(text)
        return text

    return read


def _one_of(choices: Iterable[str]) -> Callable[[str], str]:
    return _matching("|".join(map(re.escape, choices)))


def _spaced(pattern: str) -> Callable[[str], str]:
    """The same with spaces around it, as people put them behind commas."""
    read = _matching(pattern)
    return lambda text: read(text.strip(" "))


def _boolean(text: str) -> bool:
    return _one_of(("true", "false"))(text.lower()) == "true"


def _integer(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(_matching("[0-9]{1,18}")(text))
        if not least <= number <= most:
            raise ValueError(text)
        return number

    return read


def _days(text: str) -> float:
    """A JSON number: ``7``, ``0.5``, ``1e-3``."""
    number = float(_matching(r"[0-9]{1,20}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")(text))
    if not 0 < number <= MOST_DAYS:
        raise ValueError(text)
    return number


_BOOLEAN: Schema = {"type": "boolean"}
_TIME_ALLOWED = f"It must be {TIME_FORMS}; in a URL, + is written %2B."
_TAG_PATTERN = r"([^:\\,]|\\[\s\S])+:([^\\,]|\\[\s\S])*"


def _described(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^({pattern})$"}


def _texts(name: str, description: str, allowed: str, pattern: str) -> Parameter:
    schema = _described(f" *({pattern}) *")
    meant = MISSPELT.get(name, _nothing)
    return Parameter(name, description, allowed, schema, _spaced(pattern), many=True, meant=meant)


def _one(name: str, description: str, allowed: str, pattern: str) -> Parameter:
    """One text, which is required."""
    schema = _described(pattern)
    return Parameter(name, description, allowed, schema, _matching(pattern), required=True)


def _choices(name: str, description: str, choices: Sequence[str]) -> Parameter:
    allowed = f"It must be {' or '.join(choices)}."
    schema = {"type": "string", "enum": list(choices)}
    read = _spaced("|".join(map(re.escape, choices)))
    meant = partial(misspelt, known=choices)
    return Parameter(name, description, allowed, schema, read, many=True, meant=meant)


def _flag(name: str, description: str) -> Parameter:
    return Parameter(name, description, "It must be true or false.", _BOOLEAN, _boolean)


def _time(name: str, description: str, read: Callable[[str], datetime] = parse_time) -> Parameter:
    return Parameter(name, description, _TIME_ALLOWED, _described(TIME_PATTERN), read)


def _day_end(text: str) -> datetime:
    return parse_written(text).end


def _number(name: str, description: str, least: int, most: int) -> Parameter:
    allowed = f"It must be a whole number from {least} to {most}."
    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Parameter(name, description, allowed, schema, _integer(least, most))


def _type(*choices: str) -> Parameter:
    return _choices("type", "The type of reservation.", choices)


def _account(name: str, description: str) -> Parameter:
    return _texts(name, description, "It must be 12 digits.", "[0-9]{12}")


def _declared(declared: DeclaredFilter) -> Parameter:
    name, description = declared.parameter, declared.description
    match declared.kind:
        case Kind.TYPES:
            return _type(*TYPES)
        case Kind.FLAG | Kind.ACTIVE:
            return _flag(name, description)
        case Kind.COUNT:
            return _number(name, description, 0, 10**9)
        case Kind.TIME:
            return _time(name, description)
        case Kind.TAGS:
            return Parameter(
                name, description, _TAG_ALLOWED, _described(_TAG_PATTERN), parse_tag, many=True
            )
        case Kind.NAMES:
            made = _texts(name, description, declared.allowed, declared.pattern)
            return replace(made, read=lambda text: unescaped(made.read(text)))
        case Kind.TEXTS:
            return _texts(name, description, declared.allowed, declared.pattern)


_TAG_ALLOWED = (
    "It must be key:value, with a backslash before a backslash, a comma and a colon of the key."
)

FILTERS: tuple[Parameter, ...] = tuple(map(_declared, DECLARED))
"""What every route that answers reservations can be filtered by."""

_REGION = next(parameter for parameter in FILTERS if parameter.name == "region")

TOKEN_ALLOWED = "It must be the next_token of an answer to the same request."

PAGE: tuple[Parameter, ...] = (
    _number("limit", "The most items of one answer.", 1, MAX_LIMIT),
    Parameter(
        "next_token",
        "Continues a list: the next_token of the answer before, with the same parameters.",
        TOKEN_ALLOWED,
        {"type": "string", "pattern": "^[A-Za-z0-9_-]+={0,2}$"},
        _matching("[A-Za-z0-9_-]+={0,2}"),
    ),
)

_SORTS = [sign + name for name in SORT_FIELDS for sign in ("", "-")]

SORT = Parameter(
    "sort",
    "A field of a reservation; -field for descending.",
    f"It must be one of {', '.join(SORT_FIELDS)}, with - before it for descending.",
    {"type": "string", "enum": _SORTS},
    Order,
    meant=partial(misspelt, known=_SORTS),
)

LIST: tuple[Parameter, ...] = (*FILTERS, SORT, *PAGE)
"""What ``GET /reservations`` takes."""


def list_of(only: str) -> tuple[Parameter, ...]:
    """What a route takes that lists reservations of one type."""
    return tuple(_type(only) if each.name == "type" else each for each in LIST)


EVENTS: tuple[Parameter, ...] = (
    _time("since", "Only events observed at or after this; the default is 7 days ago."),
    _time("until", "Only events observed before this."),
    _choices("type", "The type of event.", [kind.value for kind in EventType]),
    _choices("severity", "The severity.", [severity.value for severity in Severity]),
    _texts(
        "reservation_id",
        "The reservation.",
        "It must be an id such as cr-0abc.",
        "cr-[0-9a-zA-Z-]+",
    ),
    *PAGE,
)
"""What the list of events takes."""

STATUS: tuple[Parameter, ...] = (
    _texts(
        "account",
        "The account of the scope, by id or name; globs are allowed.",
        ACCOUNT_ALLOWED,
        ACCOUNT_FORM,
    ),
    _REGION,
    _choices("state", "How well the scope is known.", [state.value for state in State]),
    *PAGE,
)
"""What the status of the scopes takes."""

METRICS: tuple[Parameter, ...] = (
    *FILTERS,
    _choices("by", "Samples of each reservation, labelled with its id.", ("reservation",)),
)
"""What the metrics take."""

VALIDATE: tuple[Parameter, ...] = (
    _one(
        "instance_type",
        "The instance type to train on.",
        "It must be one instance type such as p5.48xlarge.",
        r"[a-z0-9-]+\.[a-z0-9-]+",
    ),
    replace(_number("count", "How many instances.", 1, MOST_INSTANCES), required=True),
    Parameter(
        "days",
        "How long, in days; a fraction is allowed.",
        f"It must be a number above 0 and up to {MOST_DAYS}.",
        {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_DAYS},
        _days,
        required=True,
    ),
    _time(
        "start_by",
        "The latest start; a date means its whole day. The default is any start.",
        _day_end,
    ),
)
"""What the validation of a training run takes."""

EXPLAINED = timedelta(days=31)
"""How far back an event is looked for by default: records of deliveries are kept for 30 days."""

EXPLAIN: tuple[Parameter, ...] = (
    _one(
        "event_id",
        "The event: its id, or the beginning of it where no other event has the same.",
        "It must be the event_id of an event, or the beginning of one: 4 to 32 hexadecimal digits.",
        "[0-9a-f]{4,32}",
    ),
    _time("since", f"Only events of this day or later; the default is {EXPLAINED.days} days ago."),
)
"""What the explanation of an alert takes."""

TEST: tuple[Parameter, ...] = (
    _one(
        "route",
        "The route to whose destinations a sample is sent.",
        "It must be the name of a route.",
        "[a-z0-9-]{1,40}",
    ),
)
"""What the test of a route takes."""

REPUBLISH: tuple[Parameter, ...] = (
    replace(
        _time("since", "Only events observed at or after this, at most 7 days ago."), required=True
    ),
    _time("until", "Only events observed before this; the default is now."),
    replace(
        _one(
            "after",
            "With since from next of an earlier response: the event to go on after.",
            "It must be the event_id of an event: 32 hexadecimal digits.",
            "[0-9a-f]{32}",
        ),
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
    near = nearest(name, known)
    hint = f"There is no such parameter. Did you mean {near}? " if near else ""
    return f"{hint or 'There is no such parameter. '}The parameters are {', '.join(known)}."
