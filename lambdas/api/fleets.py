"""The answer of ``GET /fleets``: fleets as each scope's last listing found them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lambdas.api.answers import Context, from_token, is_asked, to_token
from lambdas.store.fleets import StoredFleets
from truffle.core.codec import Json
from truffle.core.model import Scope
from truffle.core.organization import with_labels
from truffle.core.queries import Page
from truffle.core.status import NAMED_FAILURES, Judged
from truffle.core.times import format_time


def fleets(
    context: Context,
    stored: Mapping[Scope, StoredFleets],
    values: Mapping[str, list[Any]],
    page: Page,
    question: str,
) -> Json:
    """One page of the fleets that match, by region, account and id. ``unanswered`` are scopes whose
    fleets could not be asked: what is shown of them is of their ``last_success``."""
    asked = [
        (judged, stored[judged.scope])
        for judged in context.judged.scopes
        if judged.scope in stored and is_asked(judged.scope, values)
    ]
    states = values.get("state")
    found = sorted(
        (_mark(fleet), fleet)
        for judged, known in asked
        for fleet in _fleets(judged, known)
        if states is None or fleet["state"] in states
    )
    if page.next_token is not None:
        mark = from_token(page.next_token, question)
        found = [each for each in found if list(each[0]) > list(mark)]
    part = found[: page.limit]
    return {
        "items": [with_labels(fleet, context.labels) for _, fleet in part],
        "next_token": to_token(question, part[-1][0]) if len(part) < len(found) else None,
        "count": len(found),
        "unanswered": _unanswered(asked, context),
        "collection": context.collection,
    }


def _mark(fleet: Json) -> tuple[str, str, str]:
    return fleet["region"], fleet["account_id"] or "", fleet["fleet_id"]


def _fleets(judged: Judged, stored: StoredFleets) -> Iterator[Json]:
    known, seen = stored.known, judged.status.observed_at
    if known.error is not None:
        seen = known.error.last_success
    for fleet in known.fleets:
        shortfall = known.shortfalls.get(fleet.fleet_id)
        yield {
            **fleet.to_json(),
            "short_since": shortfall and format_time(shortfall.since),
            "observed_at": seen and format_time(seen),
        }


def _unanswered(asked: Iterable[tuple[Judged, StoredFleets]], context: Context) -> Json:
    errors = [(judged.scope, it.known.error) for judged, it in asked if it.known.error is not None]
    named = [
        with_labels(
            {
                "account_id": scope.account_id,
                "region": scope.region,
                "error": error.code,
                "since": format_time(error.since),
                "last_success": error.last_success and format_time(error.last_success),
            },
            context.labels,
        )
        for scope, error in sorted(errors, key=lambda it: (it[1].since, it[0]))[:NAMED_FAILURES]
    ]
    by_code = dict(Counter(error.code for _, error in errors))
    return {"total": len(errors), "by_code": by_code, "scopes": named}
