"""Parse the settings of alerts; every problem is reported at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, time
from functools import partial
from typing import Any

from truffle.alerts.settings import (
    UTC,
    AlertSettings,
    DailySummary,
    Destination,
    DestinationKind,
    Mute,
    Route,
    SettingsError,
    When,
)
from truffle.alerts.watch_parser import NAME, percent, watches
from truffle.core.codec import Json
from truffle.core.events import EventType, Severity
from truffle.core.model import TYPES, ReservationType
from truffle.core.thresholds import Thresholds
from truffle.core.validators import (
    EMAIL,
    SECRET_ARN,
    SECRET_ARN_FORM,
    Location,
    Parser,
    Values,
    account,
    any_text,
    choice,
    duration,
    end_of,
    fee,
    leaf,
    list_of,
    listed,
    mapping_of,
    moment,
    objects,
    price,
    probably,
    record,
    region_or_glob,
    start_of,
    text,
    time_of_day,
    time_zone,
    whole_number,
)
from truffle.core.vocabulary import misspelt_state

_SECRET_NAME = r"[A-Za-z0-9/_+=.@-]{1,512}"
_SECRET_ITSELF = re.compile(
    r"://|^xox|^[0-9a-fA-F]{32}$|^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$|hooks\.slack\.com"
    r"|\.office\.com|logic\.azure\.com|powerplatform\.com|pagerduty\.com|opsgenie\.com"
)
"""The form of a secret itself: a webhook's URL, a bot's token, the key of PagerDuty (hex) or of
Opsgenie (a UUID)."""
_QUEUE_ARN = r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}"
_BLOCK = text(r"c[br]-[a-z0-9]+", "ids of capacity blocks such as cb-0123456789abcdef0")
_GLOB = text(r"[a-z0-9*?\[\]!.-]+", "instance types such as p5.48xlarge, or globs such as p5*")
_STATE = text(r"[a-z][a-z-]*", "EC2's states such as active or payment-failed")


def _secret(place: Location, value: object) -> Any:
    """The name or the complete ARN of a secret; a value that looks like the secret itself is not
    shown."""
    if isinstance(value, str) and _SECRET_ITSELF.search(value):
        place.note(
            "this is the secret itself: a webhook URL or a token belongs in Secrets Manager; "
            "give the secret's name or its complete ARN"
        )
        return None
    if isinstance(value, str) and value.startswith("arn:"):
        return leaf(text(SECRET_ARN, SECRET_ARN_FORM))(place, value)
    return leaf(text(_SECRET_NAME, "a secret's name or its complete ARN"))(place, value)


def _daily_summary(place: Location, value: object) -> DailySummary:
    """Its time zone is the file's by default."""
    parsers = {"at": leaf(time_of_day), "time_zone": leaf(time_zone)}
    values = record(parsers, ["at"], "a daily summary")(place, value)
    return DailySummary(values.get("at") or time(), values.get("time_zone") or "")


_FOR_PEOPLE: Mapping[str, Parser] = {
    "digest_above": leaf(whole_number(1, 1000)),
    "daily_summary": _daily_summary,
}
_WITH_SECRET: Mapping[str, Parser] = {"secret": _secret}

DESTINATION_KEYS: Mapping[DestinationKind, Mapping[str, Parser]] = {
    DestinationKind.SLACK: {**_WITH_SECRET, **_FOR_PEOPLE},
    DestinationKind.TEAMS: {**_WITH_SECRET, **_FOR_PEOPLE},
    DestinationKind.AMAZON_Q: _FOR_PEOPLE,
    DestinationKind.EMAIL: {
        "addresses": list_of(leaf(text(EMAIL, "e-mail addresses"))),
        **_FOR_PEOPLE,
    },
    DestinationKind.SQS: {"queue_arn": leaf(text(_QUEUE_ARN, "the ARN of a standard SQS queue"))},
    DestinationKind.HTTPS: _WITH_SECRET,
    DestinationKind.PAGERDUTY: _WITH_SECRET,
    DestinationKind.OPSGENIE: _WITH_SECRET,
}
"""The keys of a destination besides its kind; those not for people are required."""


def _destination(place: Location, value: object) -> Json:
    kinds: Parser = leaf(choice(DestinationKind))
    if not isinstance(value, Mapping) or value.get("kind") not in list(DestinationKind):
        record({"kind": kinds}, ["kind"], "a destination")(place, _kind_alone(value))
        return {}
    keys = DESTINATION_KEYS[DestinationKind(value["kind"])]
    required = [name for name in keys if name not in _FOR_PEOPLE]
    what = f"a destination of kind {value['kind']}"
    values = record({"kind": kinds, **keys}, required, what)(place, value)
    return {**values, "kind": DestinationKind(value["kind"])}


def _kind_alone(value: object) -> object:
    """The keys of a destination with an invalid kind are unknown, so any are accepted."""
    if not isinstance(value, Mapping):
        return value
    return {name: part for name, part in value.items() if name == "kind"}


def _texts(read: Any) -> Parser:
    return list_of(leaf(read))


_tags = mapping_of(text("(?s).{1,128}", "keys of tags"), _texts(any_text))

_CALLED = text(r"(?s).*\S.*", "names, or globs such as research-*")

CONDITION_KEYS: Mapping[str, tuple[str, Parser]] = {
    "type": ("types", _texts(choice(EventType))),
    "severity": ("severities", _texts(choice(Severity))),
    "reservation_type": ("reservation_types", _texts(choice(TYPES))),
    "state": ("states", _texts(probably(_STATE, misspelt_state))),
    "account": ("accounts", _texts(account)),
    "account_name": ("account_names", _texts(_CALLED)),
    "organizational_unit": ("organizational_units", _texts(_CALLED)),
    "region": ("regions", _texts(region_or_glob)),
    "instance_type": ("instance_types", _texts(_GLOB)),
    "tag": ("tags", _tags),
}
"""The keys of a route's conditions, and the corresponding fields of When."""

MUTE_KEYS: Mapping[str, tuple[str, Parser]] = {
    "reason": ("reason", leaf(text(r"(?s).*\S.*", "a reason, in a few words"))),
    "until": ("until", leaf(moment)),
    "since": ("since", leaf(moment)),
    "reservation": (
        "reservation_ids",
        _texts(text("(cr|cb)-[0-9A-Za-z-]+", "ids such as cr-0abc or cb-0abc")),
    ),
    "tag": CONDITION_KEYS["tag"],
    "account": CONDITION_KEYS["account"],
    "region": CONDITION_KEYS["region"],
    "time_zone": ("time_zone", leaf(time_zone)),
}
_MUTED = ("reservation", "tag", "account", "region")


def _fields(
    keys: Mapping[str, tuple[str, Parser]],
    place: Location,
    value: object,
    required: Iterable[str],
    what: str,
) -> Json:
    """A record's values by the names of the corresponding fields."""
    values = record({key: parser for key, (_, parser) in keys.items()}, required, what)(
        place, value
    )
    return {keys[key][0]: part for key, part in values.items()}


def _when(place: Location, value: object) -> When:
    fields = _fields(CONDITION_KEYS, place, value, (), "a condition")
    for name, enum in (("types", EventType), ("severities", Severity)):
        if name in fields:
            fields[name] = tuple(enum(word) for word in fields[name] if word is not None)
    return When(**fields)


def _mute(place: Location, value: object, file_zone: str) -> Mute | None:
    fields = _fields(MUTE_KEYS, place, value, ("reason", "until"), "a mute")
    zone = fields.pop("time_zone", file_zone) or file_zone
    for name, moment_of in (("since", start_of), ("until", end_of)):
        if fields.get(name) is not None:
            fields[name] = leaf(partial(_in_zone, moment_of, zone))(place.key(name), fields[name])
    if isinstance(value, Mapping) and not any(value.get(name) for name in _MUTED):
        place.note(f"mutes nothing: give at least one of {listed(_MUTED)}")
    if fields.get("reason") is None or fields.get("until") is None:
        return None
    mute = Mute(**fields)
    if mute.since is not None and mute.since >= mute.until:
        place.key("since").note("must be before until")
    return mute


def _in_zone(moment_of: Callable[[Any, str], datetime], zone: str, value: Any) -> datetime:
    return moment_of(value, zone)


def _routes(destinations: Iterable[str]) -> Parser:
    names = list(destinations)
    known = choice(names) if names else text("(?!)", "a destination's name; there are none")
    keys: Mapping[str, Parser] = {"name": leaf(NAME), "to": list_of(leaf(known)), "when": _when}

    def route(place: Location, value: object) -> Route:
        values = record(keys, ("name", "to"), "a route")(place, value)
        return Route(values.get("name") or "", values.get("to", ()), values.get("when"))

    def routes(place: Location, value: object) -> tuple[Route, ...]:
        found: tuple[Route, ...] = objects(route)(place, value)
        for name, count in Counter(route.name for route in found).items():
            if name and count > 1:
                place.note(f"{count} routes have the name {name}: names must be unique")
        return found

    return routes


_DURATIONS = list_of(leaf(duration), may_be_empty=True)
PAYMENT_KEYS: Mapping[str, Parser] = {
    "after_purchase": leaf(duration),
    "before_start": leaf(duration),
}
IDLE_KEYS: Mapping[str, Parser] = {
    ReservationType.CAPACITY_BLOCKS: _DURATIONS,
    ReservationType.ODCR: _DURATIONS,
}
THRESHOLD_KEYS: Mapping[str, Parser] = {
    "starting_soon": _DURATIONS,
    "ending_soon": _DURATIONS,
    "payment_due": record(PAYMENT_KEYS, (), "payment_due"),
    "late_delivery": _DURATIONS,
    "idle": record(IDLE_KEYS, (), "idle"),
    "fleet_short": _DURATIONS,
    "scope_failing": leaf(whole_number(1, 1000)),
    "price_dropped": leaf(percent),
    "offering_quiet": leaf(duration),
}
IDLE_FIELDS = {ReservationType.CAPACITY_BLOCKS: "idle_blocks", ReservationType.ODCR: "idle_odcrs"}


def _threshold_fields(place: Location, value: object) -> Json:
    values = record(THRESHOLD_KEYS, (), "thresholds")(place, value)
    payment, idle = values.pop("payment_due", {}), values.pop("idle", {})
    return {
        **values,
        **{f"payment_due_{name}": length for name, length in payment.items()},
        **{IDLE_FIELDS[name]: lengths for name, lengths in idle.items()},
    }


FILE_KEYS: Mapping[str, Parser] = {
    "destinations": mapping_of(NAME, _destination),
    "routes": lambda place, value: (),
    "mutes": lambda place, value: (),
    "time_zone": leaf(time_zone),
    "thresholds": _threshold_fields,
    "prices": mapping_of(_GLOB, leaf(price)),
    "block_fees": mapping_of(_BLOCK, leaf(fee)),
    "watches": watches(UTC),
}


def parse_settings(raw: Values) -> AlertSettings:
    """Parse a file's content, from JSON or YAML; ``{}`` gives the defaults.

    Raises:
        SettingsError: all unknown keys and invalid values at once.
    """
    place = Location()
    names = raw.get("destinations") if isinstance(raw, Mapping) else None
    routes = _routes(map(str, names) if isinstance(names, Mapping) else ())
    zone = _zone(raw)
    mutes = objects(partial(_mute, file_zone=zone))
    parsers = {**FILE_KEYS, "routes": routes, "mutes": mutes, "watches": watches(zone)}
    values = record(parsers, (), "the file")(place, raw)
    destinations = values.get("destinations", {})
    found: tuple[Route, ...] = values.get("routes", ())
    _note_similar_names(place, destinations)
    if not any(problem.startswith("routes") for problem in place.problems):
        _note_unreached(place, destinations, found)
    if place.problems:
        raise SettingsError(place.problems)
    return AlertSettings(
        tuple(
            _in_file_zone(Destination(name=name, **it), zone) for name, it in destinations.items()
        ),
        found,
        values.get("mutes", ()),
        Thresholds(
            **values.get("thresholds", {}),
            prices=values.get("prices", {}),
            block_fees=values.get("block_fees", {}),
        ),
        values.get("watches", ()),
    )


def _zone(raw: Values) -> str:
    """The file's time zone; UTC if it names none, or an invalid one, which is noted elsewhere."""
    try:
        return time_zone(raw["time_zone"]) if isinstance(raw, Mapping) else UTC
    except (KeyError, ValueError):
        return UTC


def _in_file_zone(destination: Destination, zone: str) -> Destination:
    summary = destination.daily_summary
    if summary is None or summary.time_zone:
        return destination
    return replace(destination, daily_summary=replace(summary, time_zone=zone))


def _note_similar_names(place: Location, destinations: Iterable[str]) -> None:
    """Note names that differ only in hyphens, which the stack's names of alarms and outputs
    omit."""
    first: dict[str, str] = {}
    for name in destinations:
        other = first.setdefault(name.replace("-", ""), name)
        if other != name:
            place.key("destinations").key(name).note(f"differs from {other} only in hyphens")


def _note_unreached(
    place: Location, destinations: Mapping[str, Json], routes: Iterable[Route]
) -> None:
    """Note destinations that would never get a message."""
    reached = {name for route in routes for name in route.to}
    for name, fields in destinations.items():
        if name not in reached and "daily_summary" not in fields:
            place.key("destinations").key(name).note(f"no route has the destination {name}")
