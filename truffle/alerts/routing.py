"""Alert routing: which destinations get an event, and why; shared by the functions, the API and the
command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from math import prod
from typing import Any

from truffle.alerts.settings import (
    DEFAULT_FOR_PEOPLE,
    AlertSettings,
    Destination,
    DestinationKind,
    Mute,
    Route,
    Tags,
    When,
)
from truffle.core.events import Event, Severity
from truffle.core.filters import matches_globs
from truffle.core.incidents import ENDING_TYPES, incident_of
from truffle.core.model import Reservation
from truffle.core.offerings import Offering
from truffle.core.times import format_time


class RoutingOutcome(StrEnum):
    """The outcome for an event at a destination; ``no_incident`` applies only to pagers, which
    ignore an event that neither opens nor resolves an incident."""

    ROUTED = "routed"
    MUTED = "muted"
    NO_ROUTE = "no_route"
    NO_INCIDENT = "no_incident"


@dataclass(frozen=True, slots=True)
class RoutingDecision:
    """The decision about an event at one destination, with the matching ``routes``; ``why`` is a
    sentence."""

    destination: Destination
    outcome: RoutingOutcome
    routes: tuple[str, ...]
    why: str


def decide(event: Event, settings: AlertSettings) -> tuple[RoutingDecision, ...]:
    """One decision per destination, in the order of the settings.

    Mutes apply at the time of observation, so a late delivery and a later explanation agree. The
    end of an incident is not muted, because its start may not have been.
    """
    return tuple(_decide(event, destination, settings) for destination in settings.destinations)


def decision_for(event: Event, destination_name: str, settings: AlertSettings) -> RoutingDecision:
    """The decision of one destination. Raises KeyError for an unknown name."""
    return _decide(event, settings.destination(destination_name), settings)


def _decide(event: Event, destination: Destination, settings: AlertSettings) -> RoutingDecision:
    found = incident_of(event) if destination.kind.is_pager else None
    is_end = found is not None and found.is_end
    refusals = {
        route.name: _refusal(event, route, destination.kind, is_end)
        for route in settings.routes_to(destination.name)
    }
    matching = tuple(name for name, refusal in refusals.items() if refusal is None)
    if not matching:
        return RoutingDecision(destination, RoutingOutcome.NO_ROUTE, (), _no_route(refusals))
    routes = f"{'routes' if len(matching) > 1 else 'route'} {' and '.join(matching)}"
    if is_end:
        why = f"Matched by {routes}: it resolves an incident, so conditions do not apply."
        return RoutingDecision(destination, RoutingOutcome.ROUTED, matching, why)
    mute = _mute_of(event, settings.mutes)
    if mute is not None:
        why = (
            f"Muted until {format_time(mute.until)}: {mute.reason} (otherwise matched by {routes})."
        )
        return RoutingDecision(destination, RoutingOutcome.MUTED, matching, why)
    if destination.kind.is_pager and found is None:
        why = f"Matched by {routes}, but it neither opens nor resolves an incident."
        return RoutingDecision(destination, RoutingOutcome.NO_INCIDENT, matching, why)
    return RoutingDecision(destination, RoutingOutcome.ROUTED, matching, f"Matched by {routes}.")


def _no_route(refusals: Mapping[str, str | None]) -> str:
    if not refusals:
        return "No route has this destination: it receives only its daily summary."
    return "; ".join(f"Route {name}: {refusal}" for name, refusal in refusals.items()) + "."


# --- routes --------------------------------------------------------------------------------------


def _refusal(event: Event, route: Route, kind: DestinationKind, is_end: bool) -> str | None:
    """Why a route rejects an event for a kind of destination; None if it does not.

    The end of an incident goes where its start went, which had another severity, type and state.
    """
    alternatives = route.alternatives(kind)
    if is_end:
        alternatives = tuple(when.subject_only for when in alternatives)
    refusals = [_failed_condition(event, when) for when in alternatives]
    if None in refusals:
        return None
    if alternatives is DEFAULT_FOR_PEOPLE:
        return f"an ODCR's event below warning ({event.severity}), and the route has no `when`"
    return refusals[0]


def matches(event: Event, when: When) -> bool:
    """Whether an event meets all conditions."""
    return _failed_condition(event, when) is None


def _failed_condition(event: Event, when: When) -> str | None:
    """The first condition that an event does not meet, with the event's value; None if it meets
    all."""
    return next(_failed_conditions(event, when), None)


def _failed_conditions(event: Event, when: When) -> Iterator[str]:
    row = event.reservation
    for name, value, allowed in (
        ("type", event.type, when.types),
        ("severity", event.severity, when.severities),
        ("account", event.account_id, when.accounts),
    ):
        if allowed and value not in allowed:
            yield _mismatch(name, value, allowed)
    if when.regions and not matches_globs(event.region, when.regions):
        yield _mismatch("region", event.region, when.regions)
    for name, called, globs in (
        ("account_name", event.account_name, when.account_names),
        ("organizational_unit", event.organizational_unit, when.organizational_units),
    ):
        if globs and not (called and matches_globs(called, globs)):
            yield _mismatch(name, called or "unknown", globs)
    if row is not None:
        yield from _failed_row_conditions(row, when)
    elif event.offering is not None:
        yield from _failed_offering_conditions(event.offering, when)
    elif when.reservation_types or when.states or when.instance_types or when.tags:
        yield "the event concerns a scope, not a reservation"


def _failed_offering_conditions(offering: Offering, when: When) -> Iterator[str]:
    """One matching instance type of several suffices."""
    if when.reservation_types or when.states or when.tags:
        yield "the event concerns an offering, not a reservation"
    types = [part.instance_type for part in offering.parts]
    if when.instance_types and not any(matches_globs(it, when.instance_types) for it in types):
        yield _mismatch("instance_type", " and ".join(types), when.instance_types)


def _failed_row_conditions(row: Reservation, when: When) -> Iterator[str]:
    for name, value, allowed in (
        ("reservation_type", row.type, when.reservation_types),
        ("state", row.state, when.states),
    ):
        if allowed and value not in allowed:
            yield _mismatch(name, value, allowed)
    if when.instance_types and not matches_globs(row.instance_type, when.instance_types):
        yield _mismatch("instance_type", row.instance_type, when.instance_types)
    for key, values in when.tags.items():
        if row.tags.get(key) not in values:
            yield _mismatch(f"tag {key}", row.tags.get(key, "not set"), values)


def _mismatch(name: str, value: str, allowed: Iterable[str]) -> str:
    return f"{name} is {value}, not {' or '.join(allowed)}"


# --- mutes ---------------------------------------------------------------------------------------


def _mute_of(event: Event, mutes: Iterable[Mute]) -> Mute | None:
    """The mute that applies to an event; of several, the one that ends last."""
    holding = [mute for mute in mutes if _holds(event, mute)]
    return max(holding, key=_until, default=None)


def _until(mute: Mute) -> datetime:
    return mute.until


def _holds(event: Event, mute: Mute) -> bool:
    has_started = mute.since is None or event.observed_at >= mute.since
    return (
        has_started
        and event.observed_at < mute.until
        and (not mute.reservation_ids or not _ids(event).isdisjoint(mute.reservation_ids))
        and (not mute.tags or _has_tags(event, mute.tags))
        and (not mute.accounts or event.account_id in mute.accounts)
        and (not mute.regions or matches_globs(event.region, mute.regions))
    )


def _ids(event: Event) -> set[str]:
    row = event.reservation
    if row is None:
        return set()
    return {row.reservation_id, row.block_id or row.reservation_id}


def _has_tags(event: Event, tags: Tags) -> bool:
    row = event.reservation
    return row is not None and all(row.tags.get(key) in values for key, values in tags.items())


# --- subscriptions -------------------------------------------------------------------------------

MAX_FILTER_NAMES = 5
"""Attribute names of one filter policy (SNS Developer Guide, filter policy constraints)."""

MAX_FILTER_COMBINATIONS = 150
"""The product of the numbers of values in all arrays of a policy (the same page)."""

Policy = Mapping[str, Any]


def subscription_filter(settings: AlertSettings, destination: Destination) -> Policy | None:
    """The SNS filter policy that passes at least the events that ``decide`` sends to a destination.

    It is coarser if SNS cannot express a condition: only ``decide`` evaluates tags and mutes, and a
    glob becomes a prefix. None passes everything: if nothing can be filtered out, or the policy
    would exceed SNS's limits. A destination without a route needs no subscription.
    """
    branches: list[Policy] = []
    for route in settings.routes_to(destination.name):
        for when in _alternatives(route, destination.kind):
            branch = _policy(when)
            if branch not in branches:
                branches.append(branch)
    if not all(branches) or not _is_allowed(branches):
        return None
    return branches[0] if len(branches) == 1 else {"$or": branches}


def _alternatives(route: Route, kind: DestinationKind) -> Iterator[When]:
    """The events that can pass a route; for a pager also those that can resolve its incidents."""
    for when in route.alternatives(kind):
        yield when
        if kind.is_pager and when != when.subject_only:
            yield replace(when.subject_only, severities=(Severity.GOOD,))
            yield replace(when.subject_only, types=ENDING_TYPES)


def _policy(when: When) -> Policy:
    conditions: dict[str, Sequence[object]] = {
        "type": [str(kind) for kind in when.types],
        "severity": [str(severity) for severity in when.severities],
        "reservation_type": list(when.reservation_types),
        "state": list(when.states),
        "region": _glob_conditions(when.regions),
        "account_id": list(when.accounts),
        "instance_type": _glob_conditions(when.instance_types),
        "account_name": _glob_conditions(when.account_names),
        "organizational_unit": _glob_conditions(when.organizational_units),
    }
    return {name: values for name, values in conditions.items() if values}


def _glob_conditions(globs: Iterable[str]) -> list[object]:
    """Exact names, and prefixes for globs; empty if a glob has no prefix."""
    conditions = [_glob_condition(glob) for glob in globs]
    return [] if {"prefix": ""} in conditions else conditions


def _glob_condition(glob: str) -> object:
    prefix = glob
    for special in "*?[":
        prefix = prefix.partition(special)[0]
    return glob if prefix == glob else {"prefix": prefix}


def _is_allowed(branches: Sequence[Policy]) -> bool:
    """Whether SNS accepts the policy, counting every branch of an ``$or``."""
    names = {name for branch in branches for name in branch}
    sizes = [len(values) for branch in branches for values in branch.values()]
    return (
        bool(branches) and len(names) <= MAX_FILTER_NAMES and prod(sizes) <= MAX_FILTER_COMBINATIONS
    )


DEFAULT_POLICY: Policy = {"$or": [_policy(when) for when in DEFAULT_FOR_PEOPLE]}
"""The filter policy of what people get by default."""
