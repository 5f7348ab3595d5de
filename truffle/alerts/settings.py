"""The settings of alerts: destinations, routes, mutes and thresholds, from one validated file.

The file is YAML on disk (``truffle.alerts.yaml_file`` reads it) and canonical JSON beside the
functions' code; ``docs/alerts.md`` explains every key.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from enum import StrEnum
from functools import partial
from typing import Any

from truffle.core.events import EventType, Severity
from truffle.core.model import TYPES, ReservationType
from truffle.core.thresholds import Thresholds, format_duration
from truffle.core.times import format_time
from truffle.core.validators import (
    EMAIL,
    SECRET_ARN,
    SECRET_ARN_FORM,
    Parser,
    Place,
    Values,
    account,
    any_text,
    choice,
    duration,
    end_of,
    leaf,
    list_of,
    listed,
    mapping_of,
    moment,
    objects,
    price,
    probably,
    record,
    region,
    start_of,
    text,
    time_of_day,
    time_zone,
    whole_number,
)
from truffle.core.vocabulary import misspelt_state

Json = dict[str, Any]

UTC = "UTC"
"""The time zone of a file that names none."""


class Kind(StrEnum):
    """Where a destination is."""

    SLACK = "slack"
    TEAMS = "teams"
    AMAZON_Q = "amazon-q"
    EMAIL = "email"
    SQS = "sqs"
    HTTPS = "https"
    PAGERDUTY = "pagerduty"
    OPSGENIE = "opsgenie"

    @property
    def is_for_people(self) -> bool:
        """Whether people read there, who want digests, summaries and less noise."""
        return self in (Kind.SLACK, Kind.TEAMS, Kind.AMAZON_Q, Kind.EMAIL)

    @property
    def is_pager(self) -> bool:
        """Whether it is told of incidents alone: of what opens one, and of what ends it."""
        return self in (Kind.PAGERDUTY, Kind.OPSGENIE)


@dataclass(frozen=True, slots=True)
class DailySummary:
    """When a destination gets the day's summary: a time of the day in an IANA time zone."""

    at: time
    time_zone: str = UTC


@dataclass(frozen=True, slots=True)
class Destination:
    """One place that gets alerts.

    ``secret`` is the name or the complete ARN of a secret in Secrets Manager; ``queue_arn`` is of
    an SQS queue; ``digest_above`` is the most single messages of one run.
    """

    name: str
    kind: Kind
    secret: str | None = None
    queue_arn: str | None = None
    addresses: tuple[str, ...] = ()
    digest_above: int | None = None
    daily_summary: DailySummary | None = None


Tags = Mapping[str, tuple[str, ...]]
"""Allowed values by key: AND between keys, OR between values."""


@dataclass(frozen=True, slots=True)
class When:
    """What an event must be: OR between the values of one field, AND between fields.

    An empty field allows everything. ``instance_types`` are globs.
    """

    types: tuple[EventType, ...] = ()
    severities: tuple[Severity, ...] = ()
    reservation_types: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    instance_types: tuple[str, ...] = ()
    tags: Tags = field(default_factory=dict)

    @property
    def of_whom(self) -> When:
        """The conditions on whom it is about, without those on what happened."""
        return replace(self, types=(), severities=(), states=())


EVERYTHING = When()

DEFAULT_FOR_PEOPLE = (
    When(reservation_types=(ReservationType.CAPACITY_BLOCKS,)),
    When(severities=(Severity.WARNING, Severity.CRITICAL)),
    When(types=(EventType.SCOPE_FAILING, EventType.SCOPE_RECOVERED)),
)
"""Any of these: every event of blocks and of scopes, and of ODCRs what is a warning or worse."""


@dataclass(frozen=True, slots=True)
class Route:
    """Which events go to which destinations; without ``when``, what each kind gets by default."""

    name: str
    to: tuple[str, ...]
    when: When | None = None

    def alternatives(self, kind: Kind) -> tuple[When, ...]:
        """The conditions of which any lets an event through to a destination of this kind."""
        if self.when is not None:
            return (self.when,)
        return DEFAULT_FOR_PEOPLE if kind.is_for_people else (EVERYTHING,)


@dataclass(frozen=True, slots=True)
class Mute:
    """What nobody wants to hear of for a while, and why; all that is given must match.

    It holds for events observed at or after ``since`` and before ``until``; a date in the file
    includes its whole day. ``reservation_ids`` are ids of reservations or of blocks.
    """

    reason: str
    until: datetime
    since: datetime | None = None
    reservation_ids: tuple[str, ...] = ()
    tags: Tags = field(default_factory=dict)
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Who gets which alert; the default is nobody, with the default thresholds."""

    destinations: tuple[Destination, ...] = ()
    routes: tuple[Route, ...] = ()
    mutes: tuple[Mute, ...] = ()
    thresholds: Thresholds = field(default_factory=Thresholds)

    def destination(self, name: str) -> Destination:
        """Raises KeyError for an unknown name."""
        return {destination.name: destination for destination in self.destinations}[name]

    def routes_to(self, name: str) -> tuple[Route, ...]:
        """The routes that lead to a destination; none where it only gets its daily summary."""
        return tuple(route for route in self.routes if name in route.to)


class SettingsError(ValueError):
    """The settings are wrong; ``problems`` names every wrong value and what is allowed."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


# --- the parsers of each part --------------------------------------------------------------------

_NAME = text(r"[a-z0-9-]{1,40}", "lower-case letters, digits and hyphens, at most 40")
_SECRET_NAME = r"[A-Za-z0-9/_+=.@-]{1,512}"
_SECRET_ITSELF = re.compile(
    r"://|^xox|^[0-9a-fA-F]{32}$|^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$|hooks\.slack\.com"
    r"|\.office\.com|logic\.azure\.com|powerplatform\.com|pagerduty\.com|opsgenie\.com"
)
"""A webhook's URL, a bot's token, the key of PagerDuty (hex) or of Opsgenie (a UUID)."""
_QUEUE_ARN = r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}"
_GLOB = text(r"[a-z0-9*?\[\]!.-]+", "instance types such as p5.48xlarge, or globs such as p5*")
_STATE = text(r"[a-z][a-z-]*", "EC2's states such as active or payment-failed")


def _secret(place: Place, value: object) -> Any:
    """The name or the complete ARN of a secret; what looks like the secret itself is not shown."""
    if isinstance(value, str) and _SECRET_ITSELF.search(value):
        place.note(
            "this is the secret itself: a webhook URL or a token belongs into Secrets Manager; "
            "give the secret's name or its complete ARN"
        )
        return None
    if isinstance(value, str) and value.startswith("arn:"):
        return leaf(text(SECRET_ARN, SECRET_ARN_FORM))(place, value)
    return leaf(text(_SECRET_NAME, "a secret's name or its complete ARN"))(place, value)


def _daily_summary(place: Place, value: object) -> DailySummary:
    """Its time zone is the file's where it names none."""
    parsers = {"at": leaf(time_of_day), "time_zone": leaf(time_zone)}
    values = record(parsers, ["at"], "a daily summary")(place, value)
    return DailySummary(values.get("at") or time(), values.get("time_zone") or "")


_FOR_PEOPLE: Mapping[str, Parser] = {
    "digest_above": leaf(whole_number(1, 1000)),
    "daily_summary": _daily_summary,
}
_WITH_SECRET: Mapping[str, Parser] = {"secret": _secret}

_KEYS: Mapping[Kind, Mapping[str, Parser]] = {
    Kind.SLACK: {**_WITH_SECRET, **_FOR_PEOPLE},
    Kind.TEAMS: {**_WITH_SECRET, **_FOR_PEOPLE},
    Kind.AMAZON_Q: _FOR_PEOPLE,
    Kind.EMAIL: {
        "addresses": list_of(leaf(text(EMAIL, "e-mail addresses"))),
        **_FOR_PEOPLE,
    },
    Kind.SQS: {"queue_arn": leaf(text(_QUEUE_ARN, "the ARN of an SQS queue that is not FIFO"))},
    Kind.HTTPS: _WITH_SECRET,
    Kind.PAGERDUTY: _WITH_SECRET,
    Kind.OPSGENIE: _WITH_SECRET,
}
"""What a destination takes beside its kind; what is not for people is required."""


def _destination(place: Place, value: object) -> Json:
    kinds: Parser = leaf(choice(Kind))
    if not isinstance(value, Mapping) or value.get("kind") not in list(Kind):
        record({"kind": kinds}, ["kind"], "a destination")(place, _kind_alone(value))
        return {}
    keys = _KEYS[Kind(value["kind"])]
    required = [name for name in keys if name not in _FOR_PEOPLE]
    what = f"a destination of kind {value['kind']}"
    values = record({"kind": kinds, **keys}, required, what)(place, value)
    return {**values, "kind": Kind(value["kind"])}


def _kind_alone(value: object) -> object:
    """Nobody knows which other keys a destination may have whose kind is wrong."""
    if not isinstance(value, Mapping):
        return value
    return {name: part for name, part in value.items() if name == "kind"}


def _texts(read: Any) -> Parser:
    return list_of(leaf(read))


_tags = mapping_of(text("(?s).{1,128}", "keys of tags"), _texts(any_text))

_WHEN: Mapping[str, tuple[str, Parser]] = {
    "type": ("types", _texts(choice(EventType))),
    "severity": ("severities", _texts(choice(Severity))),
    "reservation_type": ("reservation_types", _texts(choice(TYPES))),
    "state": ("states", _texts(probably(_STATE, misspelt_state))),
    "account": ("accounts", _texts(account)),
    "region": ("regions", _texts(region)),
    "instance_type": ("instance_types", _texts(_GLOB)),
    "tag": ("tags", _tags),
}
"""The keys of a route's conditions, and the fields of When that they fill."""

_MUTE: Mapping[str, tuple[str, Parser]] = {
    "reason": ("reason", leaf(text(r"(?s).*\S.*", "a reason, in a few words"))),
    "until": ("until", leaf(moment)),
    "since": ("since", leaf(moment)),
    "reservation": (
        "reservation_ids",
        _texts(text("(cr|cb)-[0-9A-Za-z-]+", "ids such as cr-0abc or cb-0abc")),
    ),
    "tag": _WHEN["tag"],
    "account": _WHEN["account"],
    "region": _WHEN["region"],
    "time_zone": ("time_zone", leaf(time_zone)),
}
_MUTED = ("reservation", "tag", "account", "region")


def _fields(
    keys: Mapping[str, tuple[str, Parser]],
    place: Place,
    value: object,
    required: Iterable[str],
    what: str,
) -> Json:
    """A record's values by the names of the fields that they fill."""
    values = record({key: parser for key, (_, parser) in keys.items()}, required, what)(
        place, value
    )
    return {keys[key][0]: part for key, part in values.items()}


def _when(place: Place, value: object) -> When:
    fields = _fields(_WHEN, place, value, (), "a condition")
    for name, enum in (("types", EventType), ("severities", Severity)):
        if name in fields:
            fields[name] = tuple(enum(word) for word in fields[name] if word is not None)
    return When(**fields)


def _mute(place: Place, value: object, file_zone: str) -> Mute | None:
    fields = _fields(_MUTE, place, value, ("reason", "until"), "a mute")
    zone = fields.pop("time_zone", file_zone) or file_zone
    for name, moment_of in (("since", start_of), ("until", end_of)):
        if fields.get(name) is not None:
            fields[name] = leaf(partial(_in_zone, moment_of, zone))(place.key(name), fields[name])
    if isinstance(value, Mapping) and not any(value.get(name) for name in _MUTED):
        place.note(f"says nothing that it mutes; give at least one of {listed(_MUTED)}")
    if fields.get("reason") is None or fields.get("until") is None:
        return None
    mute = Mute(**fields)
    if mute.since is not None and mute.since >= mute.until:
        place.key("since").note("is not before until")
    return mute


def _in_zone(moment_of: Callable[[Any, str], datetime], zone: str, value: Any) -> datetime:
    return moment_of(value, zone)


def _routes(destinations: Iterable[str]) -> Parser:
    names = list(destinations)
    known = choice(names) if names else text("(?!)", "a destination's name; there are none")
    keys: Mapping[str, Parser] = {"name": leaf(_NAME), "to": list_of(leaf(known)), "when": _when}

    def route(place: Place, value: object) -> Route:
        values = record(keys, ("name", "to"), "a route")(place, value)
        return Route(values.get("name") or "", values.get("to", ()), values.get("when"))

    def routes(place: Place, value: object) -> tuple[Route, ...]:
        found: tuple[Route, ...] = objects(route)(place, value)
        for name, count in Counter(route.name for route in found).items():
            if name and count > 1:
                place.note(f"{count} routes are called {name}: give each a name of its own")
        return found

    return routes


_DURATIONS = list_of(leaf(duration), may_be_empty=True)
_PAYMENT_DUE: Mapping[str, Parser] = {
    "after_purchase": leaf(duration),
    "before_start": leaf(duration),
}
_IDLE: Mapping[str, Parser] = {
    ReservationType.CAPACITY_BLOCKS: _DURATIONS,
    ReservationType.ODCR: _DURATIONS,
}
_THRESHOLDS: Mapping[str, Parser] = {
    "starting_soon": _DURATIONS,
    "ending_soon": _DURATIONS,
    "payment_due": record(_PAYMENT_DUE, (), "payment_due"),
    "late_delivery": _DURATIONS,
    "idle": record(_IDLE, (), "idle"),
    "scope_failing": leaf(whole_number(1, 1000)),
}
_IDLE_FIELDS = {ReservationType.CAPACITY_BLOCKS: "idle_blocks", ReservationType.ODCR: "idle_odcrs"}


def _threshold_fields(place: Place, value: object) -> Json:
    values = record(_THRESHOLDS, (), "thresholds")(place, value)
    payment, idle = values.pop("payment_due", {}), values.pop("idle", {})
    return {
        **values,
        **{f"payment_due_{name}": length for name, length in payment.items()},
        **{_IDLE_FIELDS[name]: lengths for name, lengths in idle.items()},
    }


_FILE: Mapping[str, Parser] = {
    "destinations": mapping_of(_NAME, _destination),
    "routes": lambda place, value: (),
    "mutes": lambda place, value: (),
    "time_zone": leaf(time_zone),
    "thresholds": _threshold_fields,
    "prices": mapping_of(_GLOB, leaf(price)),
}


def parse_settings(raw: Values) -> AlertSettings:
    """The settings of a file's content, JSON or what YAML made of it; ``{}`` are the defaults.

    Raises:
        SettingsError: keys that are unknown or values that are not allowed, all of them at once.
    """
    place = Place()
    names = raw.get("destinations") if isinstance(raw, Mapping) else None
    routes = _routes(map(str, names) if isinstance(names, Mapping) else ())
    zone = _zone(raw)
    mutes = objects(partial(_mute, file_zone=zone))
    values = record({**_FILE, "routes": routes, "mutes": mutes}, (), "the file")(place, raw)
    destinations = values.get("destinations", {})
    found: tuple[Route, ...] = values.get("routes", ())
    _note_twins(place, destinations)
    if not any(problem.startswith("routes") for problem in place.problems):
        _note_unreached(place, destinations, found)
    if place.problems:
        raise SettingsError(place.problems)
    return AlertSettings(
        tuple(_in_file_zone(Destination(name, **it), zone) for name, it in destinations.items()),
        found,
        values.get("mutes", ()),
        Thresholds(**values.get("thresholds", {}), prices=values.get("prices", {})),
    )


def _zone(raw: Values) -> str:
    """The file's time zone; UTC where it names none, or a wrong one, which is noted elsewhere."""
    try:
        return time_zone(raw["time_zone"]) if isinstance(raw, Mapping) else UTC
    except (KeyError, ValueError):
        return UTC


def _in_file_zone(destination: Destination, zone: str) -> Destination:
    summary = destination.daily_summary
    if summary is None or summary.time_zone:
        return destination
    return replace(destination, daily_summary=replace(summary, time_zone=zone))


def _note_twins(place: Place, destinations: Iterable[str]) -> None:
    """The stack's own names, of alarms and outputs, know no hyphens."""
    first: dict[str, str] = {}
    for name in destinations:
        twin = first.setdefault(name.replace("-", ""), name)
        if twin != name:
            place.key("destinations").key(name).note(f"differs from {twin} by hyphens alone")


def _note_unreached(
    place: Place, destinations: Mapping[str, Json], routes: Iterable[Route]
) -> None:
    """A destination that nothing is ever sent to is a mistake."""
    reached = {name for route in routes for name in route.to}
    for name, fields in destinations.items():
        if name not in reached and "daily_summary" not in fields:
            place.key("destinations").key(name).note(f"no route leads to {name}")


# --- as JSON -------------------------------------------------------------------------------------


def settings_to_json(settings: AlertSettings) -> Json:
    """The settings as canonical JSON, which ``parse_settings`` reads back to the same."""
    return {
        "destinations": {
            destination.name: _destination_to_json(destination)
            for destination in settings.destinations
        },
        "routes": [_route_to_json(route) for route in settings.routes],
        "mutes": [_mute_to_json(mute) for mute in settings.mutes],
        "thresholds": _thresholds_to_json(settings.thresholds),
        "prices": dict(settings.thresholds.prices),
    }


def _destination_to_json(destination: Destination) -> Json:
    summary = destination.daily_summary
    return _given(
        kind=destination.kind.value,
        secret=destination.secret,
        queue_arn=destination.queue_arn,
        addresses=list(destination.addresses),
        digest_above=destination.digest_above,
        daily_summary=summary and {"at": f"{summary.at:%H:%M}", "time_zone": summary.time_zone},
    )


def _route_to_json(route: Route) -> Json:
    told: Json = {"name": route.name, "to": list(route.to)}
    return told if route.when is None else {**told, "when": _when_to_json(route.when)}


def _when_to_json(when: When) -> Json:
    values = {key: getattr(when, name) for key, (name, _) in _WHEN.items() if key != "tag"}
    return _given(
        **{key: [str(word) for word in words] for key, words in values.items()},
        tag=_tags_to_json(when.tags),
    )


def _mute_to_json(mute: Mute) -> Json:
    return _given(
        reason=mute.reason,
        until=format_time(mute.until),
        since=mute.since and format_time(mute.since),
        reservation=list(mute.reservation_ids),
        tag=_tags_to_json(mute.tags),
        account=list(mute.accounts),
        region=list(mute.regions),
    )


def _tags_to_json(tags: Tags) -> Json:
    return {key: list(values) for key, values in tags.items()}


def _thresholds_to_json(thresholds: Thresholds) -> Json:
    def lengths(name: str) -> list[str]:
        return [format_duration(length) for length in getattr(thresholds, name)]

    return {
        "starting_soon": lengths("starting_soon"),
        "ending_soon": lengths("ending_soon"),
        "payment_due": {
            name: format_duration(getattr(thresholds, f"payment_due_{name}"))
            for name in _PAYMENT_DUE
        },
        "late_delivery": lengths("late_delivery"),
        "idle": {name: lengths(field) for name, field in _IDLE_FIELDS.items()},
        "scope_failing": thresholds.scope_failing,
    }


def _given(**values: Any) -> Json:
    """The values without those that say nothing."""
    return {name: value for name, value in values.items() if value}
