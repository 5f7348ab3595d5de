"""The responses of the routes as JSON, from an inventory and a query, without HTTP and AWS."""

from __future__ import annotations

import base64
import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lambdas.api.inventory import View
from truffle.core.codec import Json
from truffle.core.filters import Filter, matches_globs
from truffle.core.model import CLOSED_KINDS, Reservation, Scope
from truffle.core.order import Order
from truffle.core.organization import (
    AllLabels,
    Directory,
    discovery_to_json,
    event_with_labels,
    with_labels,
)
from truffle.core.parameters import TOKEN_ALLOWED, BadParameter, Params
from truffle.core.queries import Page, Query
from truffle.core.status import Judged, Judgement, totals_to_json
from truffle.core.times import parse_time

if TYPE_CHECKING:
    from truffle.core.candidates import TrainingRequest
    from truffle.core.pricing import PriceBook
    from truffle.core.runs import Run
    from truffle.core.validation import Validation


@dataclass(frozen=True, slots=True)
class Context:
    """The inventory, the moment of the request, and the state of every scope at that moment."""

    view: View
    now: datetime
    judged: Judgement
    labels: AllLabels = field(default_factory=dict)
    discovery: Directory | None = None

    @property
    def collection(self) -> Json:
        found = self.judged.collection
        failed = [with_labels(scope, self.labels) for scope in found["failed_scopes"]]
        return {**found, "failed_scopes": failed}


def fingerprint_of(route: str, given: Params) -> str:
    """A fingerprint of a route and its query, the same for every page."""
    requested = {name: list(texts) for name, texts in given.items() if name not in _PAGE_NAMES}
    return hashlib.sha256(json.dumps([route, requested], sort_keys=True).encode()).hexdigest()[:16]


_PAGE_NAMES = frozenset({"limit", "next_token"})


def to_token(fingerprint: str, mark: Any) -> str:
    """Encode the position at which a list continues; opaque to callers."""
    return base64.urlsafe_b64encode(json.dumps([fingerprint, mark]).encode()).decode()


def from_token(token: str, fingerprint: str) -> Any:
    """The position in a token. Raises BadParameter if the token belongs to another query."""
    try:
        requested, mark = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError, RecursionError):
        raise BadParameter("next_token", token, TOKEN_ALLOWED) from None
    if requested != fingerprint:
        raise BadParameter("next_token", token, TOKEN_ALLOWED)
    return mark


def reservations(context: Context, query: Query, fingerprint: str) -> str:
    """One page of the reservations that match, as JSON; ``count`` counts all of them."""
    ordered = context.view.sorted(query.order)
    matches = ordered.matches(query.filter)
    limit = query.page.limit
    start = _start(query.order, ordered.rows, query.page, fingerprint)
    rows = matches.first(limit + 1, start)
    has_more, rows = len(rows) > limit, rows[:limit]
    rest = {
        "next_token": to_token(fingerprint, query.order.mark(rows[-1])) if has_more else None,
        "count": len(matches),
        "warnings": [*query.warnings, *_silent_kinds(context, query.filter)],
        "collection": context.collection,
    }
    items = context.view.encoded_array(rows)
    return f'{{"items":{items},{json.dumps(rest, separators=(",", ":"))[1:]}'


def _silent_kinds(context: Context, chosen: Filter) -> list[str]:
    """Warnings about requested types that may be missing from the list."""
    silent = context.judged.silent_kinds
    return [text for name, text in silent.items() if not chosen.types or name in chosen.types]


def _start(order: Order, ordered: Sequence[Reservation], page: Page, fingerprint: str) -> int:
    if page.next_token is None:
        return 0
    mark = from_token(page.next_token, fingerprint)
    try:
        return order.after(ordered, mark)
    except (TypeError, ValueError):
        raise BadParameter("next_token", page.next_token, TOKEN_ALLOWED) from None


def summary(
    context: Context, chosen: Filter, prices: PriceBook, warnings: Sequence[str] = ()
) -> Json:
    totals = context.view.sorted(Order()).summarize(chosen, prices).to_json()
    return {**totals, "warnings": list(warnings), "collection": context.collection}


def prices(
    context: Context, chosen: Filter, known: PriceBook, warnings: Sequence[str] = ()
) -> Json:
    """The known prices of the reservations that match."""
    from truffle.core.pricing_json import to_json

    matches = context.view.sorted(Order()).matches(chosen)
    sources = to_json(known, matches.first(len(matches)))
    return {**sources, "warnings": list(warnings), "collection": context.collection}


def events(context: Context, found: list[tuple[str, Json]], page: Page, fingerprint: str) -> Json:
    """One page of events, the newest first; ``found`` has all that match, by sort key."""
    start = 0
    if page.next_token is not None:
        mark = str(from_token(page.next_token, fingerprint))
        start = next((n for n, (name, _) in enumerate(found) if name < mark), len(found))
    part = found[start : start + page.limit]
    has_more = start + len(part) < len(found)
    return {
        "items": [event_with_labels(message, context.labels) for _, message in part],
        "next_token": to_token(fingerprint, part[-1][0]) if has_more else None,
        "count": len(found),
        "collection": context.collection,
    }


def matching_events(
    found: list[tuple[str, Json]], values: Mapping[str, list[Any]]
) -> list[tuple[str, Json]]:
    """The events with one of the requested types, severities, reservations and accounts."""
    fields = {"account": "account_id", **{it: it for it in ("type", "severity", "reservation_id")}}
    requested = {fields[name]: frozenset(values[name]) for name in fields if name in values}
    return [
        (key, message)
        for key, message in found
        if all(message[name] in allowed for name, allowed in requested.items())
    ]


def status(
    context: Context, runs: list[Run], values: Mapping[str, list[Any]], page: Page, fingerprint: str
) -> Json:
    """One page of the scopes that match, in order, and totals of all scopes in the requested
    accounts and regions, whatever their state."""
    from truffle.core.runs import run_to_json

    everything: Sequence[Judged] = context.judged.scopes
    requested = everything
    if "account" in values or "region" in values:
        requested = [each for each in everything if is_asked(each.scope, values)]
    states = values.get("state")
    matches = requested if states is None else [each for each in requested if each.state in states]
    start = 0
    if page.next_token is not None:
        mark = str(from_token(page.next_token, fingerprint))
        start = bisect_right(matches, mark, key=lambda each: str(each.scope))
    part = matches[start : start + page.limit]
    has_more = start + len(part) < len(matches)
    return {
        "scopes": [with_labels(each.to_json(context.now), context.labels) for each in part],
        "next_token": to_token(fingerprint, str(part[-1].scope)) if has_more else None,
        "count": len(matches),
        "totals": context.judged.totals if requested is everything else totals_to_json(requested),
        "regions": context.judged.regions,
        "runs": [run_to_json(run) for run in runs],
        "discovery": context.discovery and discovery_to_json(context.discovery),
        "collection": context.collection,
    }


def is_asked(scope: Scope, values: Mapping[str, list[Any]]) -> bool:
    """Whether a scope is in the requested accounts and regions."""
    accounts, regions = values.get("account"), values.get("region")
    return (accounts is None or scope.account_id in accounts) and (
        regions is None or matches_globs(scope.region, regions)
    )


def validated(context: Context, request: TrainingRequest) -> Validation:
    """Validate a run against the inventory."""
    from truffle.core.validation import validate

    rows = context.view.of_instance_type(request.instance_type)
    return validate(rows, request, context.now, unknown_regions(context))


def validation(context: Context, validation: Validation, shown: int | None = None) -> Json:
    """The validation as JSON; ``candidates_left_out`` counts the worst ones, which are omitted."""
    answer = validation.to_json()
    candidates = answer["candidates"]
    return {
        **answer,
        "candidates": candidates[:shown],
        "candidates_left_out": len(candidates) - len(candidates[:shown]),
        "collection": context.collection,
    }


def unknown_regions(context: Context) -> list[str]:
    """The regions of scopes that were never listed, and may hold anything; a denied or disabled
    scope counts as known."""
    return [
        each.scope.region
        for each in context.judged.scopes
        if each.status.observed_at is None
        and each.error is not None
        and each.error.kind not in CLOSED_KINDS
    ]


def until(messages: list[Json], as_of: datetime | None) -> list[Json]:
    """The events up to a time; all of them for None."""
    if as_of is None:
        return messages
    return [it for it in messages if parse_time(it["observed_at"]) <= as_of]


def gone_by(known: Json, as_of: datetime) -> Json | None:
    """The history of a reservation that had vanished by a moment."""
    vanished = known.get("vanished_at")
    return known if vanished is not None and parse_time(vanished) <= as_of else None


def reservation(context: Context, row: Json, messages: list[Json], shown: int) -> Json:
    """One reservation with its newest events; ``events_left_out`` counts the older ones, and
    ``vanished_at`` is null if EC2 still lists it."""
    return {
        "vanished_at": None,
        **row,
        "events": [event_with_labels(it, context.labels) for it in messages[:shown]],
        "events_left_out": len(messages) - shown,
        "collection": context.collection,
    }
