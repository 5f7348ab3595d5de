"""The response of ``GET /fleets``: fleets as of each scope's last listing."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from lambdas.api.answers import Context, from_token, is_asked, to_token
from lambdas.store.fleets import StoredFleets
from truffle.core.codec import Json
from truffle.core.model import Scope
from truffle.core.organization import AllLabels, with_labels
from truffle.core.parameters import TOKEN_ALLOWED, BadParameter
from truffle.core.queries import Page
from truffle.core.status import NAMED_FAILURES, Judged
from truffle.core.times import format_time


def fleets(
    context: Context,
    stored: Mapping[Scope, StoredFleets],
    values: Mapping[str, list[Any]],
    page: Page,
    fingerprint: str,
) -> Json:
    """One page of the fleets that match, by region, account and id. ``unanswered`` has scopes whose
    request failed; their fleets are as of their ``last_success``."""
    requested = [
        (judged, stored[judged.scope])
        for judged in context.judged.scopes
        if judged.scope in stored and is_asked(judged.scope, values)
    ]
    states = values.get("state")
    found: dict[Mark, Callable[[], Json]] = {
        _mark(fleet): partial(dict, fleet)
        for judged, known in requested
        for fleet in _fleets(judged, known)
        if states is None or fleet["state"] in states
    }
    return one_page(context, found, page, fingerprint, _refusals(requested))


Mark = tuple[str, str, str]
"""The region, the account and the id of an item: its position in the list."""


def one_page(
    context: Context,
    found: Mapping[Mark, Callable[[], Json]],
    page: Page,
    fingerprint: str,
    refusals: Iterable[Refusal],
) -> Json:
    """A page of items in order, and the scopes whose request failed."""
    marks = sorted(found)
    rest = marks[_start(marks, page.next_token, fingerprint) :]
    part = rest[: page.limit]
    return {
        "items": [with_labels(found[mark](), context.labels) for mark in part],
        "next_token": to_token(fingerprint, part[-1]) if len(part) < len(rest) else None,
        "count": len(found),
        "unanswered": unanswered(refusals, context.labels),
        "collection": context.collection,
    }


def _start(marks: Sequence[Mark], token: str | None, fingerprint: str) -> int:
    if token is None:
        return 0
    try:
        return bisect_right(marks, tuple(from_token(token, fingerprint)))
    except TypeError:
        raise BadParameter("next_token", token, TOKEN_ALLOWED) from None


def _mark(fleet: Json) -> Mark:
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


@dataclass(frozen=True, slots=True)
class Refusal:
    """A scope whose request failed: the error's code, since when, and the last success."""

    scope: Scope
    code: str
    since: datetime
    last_success: datetime | None


def _refusals(requested: Iterable[tuple[Judged, StoredFleets]]) -> Iterator[Refusal]:
    for judged, stored in requested:
        if (error := stored.known.error) is not None:
            yield Refusal(judged.scope, error.code, error.since, error.last_success)


def unanswered(refusals: Iterable[Refusal], labels: AllLabels) -> Json:
    """Count the failed scopes by error, and name those that have failed the longest."""
    ordered = sorted(refusals, key=lambda it: (it.since, it.scope))
    named = [
        with_labels(
            {
                "account_id": it.scope.account_id,
                "region": it.scope.region,
                "error": it.code,
                "since": format_time(it.since),
                "last_success": it.last_success and format_time(it.last_success),
            },
            labels,
        )
        for it in ordered[:NAMED_FAILURES]
    ]
    by_code = dict(Counter(it.code for it in ordered))
    return {"total": len(ordered), "by_code": by_code, "scopes": named}
