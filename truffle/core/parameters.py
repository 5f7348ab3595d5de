"""The query parameters of the API, and the filter built from them.

One table declares the parameters, their allowed values and their meaning. Parsing, error texts and
the OpenAPI description follow from it, and the command line checks its values against it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from truffle.core.declared_filters import (
    ACCOUNT_ALLOWED,
    ACCOUNT_FORM,
    DECLARED,
    DeclaredFilter,
    ValueKind,
)
from truffle.core.events import EventType, Severity
from truffle.core.fleets import FLEET_STATES
from truffle.core.kinds.registry import OTHER_IDS
from truffle.core.model import TYPES
from truffle.core.order import SORT_FIELDS, Order
from truffle.core.parameter import (
    BadParameter,
    Parameter,
    Params,
    choices_parameter,
    described,
    flag_parameter,
    matching,
    number_parameter,
    one_parameter,
    parse,
    texts_parameter,
    time_parameter,
)
from truffle.core.status import State
from truffle.core.suggest import misspelt
from truffle.core.tag_text import parse_tag, unescaped
from truffle.core.times import parse_written
from truffle.core.usage_axes import FIELDS, Interval

__all__ = ["BadParameter", "Parameter", "Params", "parse"]

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MOST_INSTANCES = 100_000
MOST_DAYS = 100_000
"""The maximum number of instances and days of a training run: more is a typing error."""

RESERVATION_ID = "[A-Za-z0-9-]{1,100}"
"""The id in the path of one reservation; EC2's ids are ``cr-`` and 17 hexadecimal digits."""


def _days(text: str) -> float:
    """A JSON number: ``7``, ``0.5``, ``1e-3``."""
    number = float(matching(r"[0-9]{1,20}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")(text))
    if not 0 < number <= MOST_DAYS:
        raise ValueError(text)
    return number


_TAG_PATTERN = r"([^:\\,]|\\[\s\S])+:([^\\,]|\\[\s\S])*"


def _day_end(text: str) -> datetime:
    return parse_written(text).end


def _type(*choices: str) -> Parameter:
    return choices_parameter("type", "The type of reservation.", choices)


def _declared(declared: DeclaredFilter) -> Parameter:
    name, description = declared.parameter, declared.description
    match declared.kind:
        case ValueKind.TYPES:
            return _type(*TYPES)
        case ValueKind.FLAG | ValueKind.ACTIVE:
            return flag_parameter(name, description)
        case ValueKind.COUNT:
            return number_parameter(name, description, 0, 10**9)
        case ValueKind.TIME:
            return time_parameter(name, description)
        case ValueKind.TAGS:
            return Parameter(
                name=name,
                description=description,
                allowed=_TAG_ALLOWED,
                schema=described(_TAG_PATTERN),
                read=parse_tag,
                many=True,
            )
        case ValueKind.NAMES:
            made = texts_parameter(name, description, declared.allowed, declared.pattern)
            return replace(made, read=lambda text: unescaped(made.read(text)))
        case ValueKind.TEXTS:
            return texts_parameter(name, description, declared.allowed, declared.pattern)


_TAG_ALLOWED = (
    "It must be key:value, with backslashes, commas and colons of the key escaped by a backslash."
)

FILTERS: tuple[Parameter, ...] = tuple(map(_declared, DECLARED))
"""The filters of every route of reservations."""

_REGION = next(parameter for parameter in FILTERS if parameter.name == "region")

TOKEN_ALLOWED = "It must be the next_token of a response to the same request."

PAGE: tuple[Parameter, ...] = (
    number_parameter("limit", "The maximum number of items in one response.", 1, MAX_LIMIT),
    Parameter(
        name="next_token",
        description="Continues a list: the next_token of the previous response, with the same "
        "parameters.",
        allowed=TOKEN_ALLOWED,
        schema={"type": "string", "pattern": "^[A-Za-z0-9_-]+={0,2}$"},
        read=matching("[A-Za-z0-9_-]+={0,2}"),
    ),
)

_SORTS = [sign + name for name in SORT_FIELDS for sign in ("", "-")]

SORT = Parameter(
    name="sort",
    description="A field of a reservation; -field for descending.",
    allowed=f"It must be one of {', '.join(SORT_FIELDS)}, with - before it for descending.",
    schema={"type": "string", "enum": _SORTS},
    read=Order,
    meant=partial(misspelt, known=_SORTS),
)

AS_OF = time_parameter("as_of", "What was held at this time, instead of now.")

ONE: tuple[Parameter, ...] = (AS_OF,)
"""The parameters of ``GET /reservations/{id}``."""

SUMMARY: tuple[Parameter, ...] = (*FILTERS, AS_OF)
"""The parameters of ``GET /summary``."""

PRICES: tuple[Parameter, ...] = FILTERS
"""The parameters of ``GET /prices``."""

STRANDED: tuple[Parameter, ...] = FILTERS
"""The parameters of ``GET /stranded``: filters of the idle reservations."""

LIST: tuple[Parameter, ...] = (*FILTERS, SORT, *PAGE, AS_OF)
"""The parameters of ``GET /reservations``."""


def list_of(only: str) -> tuple[Parameter, ...]:
    """The parameters of a route that lists reservations of one type."""
    return tuple(_type(only) if each.name == "type" else each for each in LIST)


_SCOPE_ACCOUNT = texts_parameter(
    "account",
    "The account of the scope, by id or name; globs are allowed.",
    ACCOUNT_ALLOWED,
    ACCOUNT_FORM,
)

DEFAULT_EVENTS = timedelta(days=7)
"""How far back the list of events goes by default."""

EVENTS: tuple[Parameter, ...] = (
    time_parameter(
        "since",
        "Only events observed at or after this time; the default is "
        f"{DEFAULT_EVENTS.days} days ago.",
    ),
    time_parameter("until", "Only events observed before this time."),
    choices_parameter("type", "The type of event.", [kind.value for kind in EventType]),
    choices_parameter("severity", "The severity.", [severity.value for severity in Severity]),
    texts_parameter(
        "reservation_id",
        "The reservation.",
        "It must be an id such as cr-0abc.",
        f"cr-[0-9a-zA-Z-]+|{OTHER_IDS}",
    ),
    _SCOPE_ACCOUNT,
    *PAGE,
)
"""The parameters of the list of events."""

STATUS: tuple[Parameter, ...] = (
    _SCOPE_ACCOUNT,
    _REGION,
    choices_parameter(
        "state", "How current the data of the scope is.", [state.value for state in State]
    ),
    *PAGE,
    AS_OF,
)
"""The parameters of the status of scopes."""

FLEETS: tuple[Parameter, ...] = (
    _SCOPE_ACCOUNT,
    _REGION,
    choices_parameter("state", "The fleet's state.", FLEET_STATES),
    *PAGE,
)
"""The parameters of the list of fleets."""

TOPOLOGY: tuple[Parameter, ...] = (
    _SCOPE_ACCOUNT,
    _REGION,
    next(parameter for parameter in FILTERS if parameter.name == "instance_type"),
    *PAGE,
)
"""The parameters of the network nodes."""

CALENDAR_FEED: tuple[Parameter, ...] = (
    one_parameter(
        "token",
        "The secret of the calendar feed.",
        "It must be the feed's secret.",
        "[A-Za-z0-9_-]{1,200}",
    ),
    *FILTERS,
)
"""The parameters of the calendar's unsigned route."""

METRICS: tuple[Parameter, ...] = (
    *FILTERS,
    choices_parameter(
        "by", "Include samples of each reservation, labelled with its id.", ("reservation",)
    ),
)
"""The parameters of the metrics."""

USAGE: tuple[Parameter, ...] = (
    time_parameter("since", "The start of the period; the default is 7 days before its end."),
    time_parameter("until", "The end of the period; the default is the last midnight."),
    replace(
        choices_parameter("interval", "The length of a row; the default is day.", list(Interval)),
        many=False,
    ),
    Parameter(
        name="by",
        description="What the rows are grouped by; the default is type.",
        allowed=f"It must be one of {', '.join(FIELDS)}, or tag: and the key of a tag.",
        schema={"type": "string", "pattern": f"^({'|'.join(FIELDS)}|tag:[^,\\\\]+)$"},
        read=matching(f"{'|'.join(FIELDS)}|tag:.+"),
        many=True,
        meant=partial(misspelt, known=list(FIELDS)),
    ),
    *FILTERS,
)
"""The parameters of usage."""

VALIDATE: tuple[Parameter, ...] = (
    one_parameter(
        "instance_type",
        "The instance type to train on.",
        "It must be one instance type such as p5.48xlarge.",
        r"[a-z0-9-]+\.[a-z0-9-]+",
    ),
    replace(number_parameter("count", "How many instances.", 1, MOST_INSTANCES), required=True),
    Parameter(
        name="days",
        description="How long, in days; a fraction is allowed.",
        allowed=f"It must be a number above 0 and up to {MOST_DAYS}.",
        schema={"type": "number", "exclusiveMinimum": 0, "maximum": MOST_DAYS},
        read=_days,
        required=True,
    ),
    time_parameter(
        "start_by",
        "The latest start; a date means its whole day. The default is any start.",
        _day_end,
    ),
)
"""The parameters of the validation of a training run."""

EXPLAINED = timedelta(days=31)
"""How far back an event is searched by default: records of deliveries are kept for 30 days."""

EXPLAIN: tuple[Parameter, ...] = (
    one_parameter(
        "event_id",
        "The event: its id, or a prefix that no other event's id has.",
        "It must be the event_id of an event, or the beginning of one: 4 to 32 hexadecimal digits.",
        "[0-9a-f]{4,32}",
    ),
    time_parameter(
        "since", f"Only events from this day on; the default is {EXPLAINED.days} days ago."
    ),
)
"""The parameters of the explanation of an alert."""

TEST: tuple[Parameter, ...] = (
    one_parameter(
        "route",
        "The route; a sample is sent to its destinations.",
        "It must be the name of a route.",
        "[a-z0-9-]{1,40}",
    ),
)
"""The parameters of the test of a route."""

REPUBLISHED = timedelta(days=7)
"""How far back events can be published again: for this long, publications are remembered."""

REPUBLISH: tuple[Parameter, ...] = (
    replace(
        time_parameter(
            "since",
            f"Only events observed at or after this time, at most {REPUBLISHED.days} days ago.",
        ),
        required=True,
    ),
    time_parameter("until", "Only events observed before this time; the default is now."),
    replace(
        one_parameter(
            "after",
            "With since, both from next of an earlier response: the event to continue after.",
            "It must be the event_id of an event: 32 hexadecimal digits.",
            "[0-9a-f]{32}",
        ),
        required=False,
    ),
)
"""The parameters of publishing events again."""
