"""The response of ``GET /topology``, and the network nodes of a reservation that fits a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lambdas.api.answers import Context, is_asked
from lambdas.api.fleets import Mark, Refusal, one_page
from lambdas.store.placements import ScopePlacements
from truffle.core.codec import Json
from truffle.core.filters import matches_globs
from truffle.core.model import Reservation, Scope
from truffle.core.queries import Page
from truffle.core.topology import Placement


def topology(
    context: Context,
    stored: Mapping[Scope, ScopePlacements],
    values: Mapping[str, list[Any]],
    page: Page,
    fingerprint: str,
) -> Json:
    """One page of the placements that match, by region, account and id. ``unanswered`` has scopes
    whose request failed or was incomplete; their placements are as of their ``last_success``."""
    requested = {
        judged.scope: stored[judged.scope]
        for judged in context.judged.scopes
        if judged.scope in stored and is_asked(judged.scope, values)
    }
    types = values.get("instance_type")
    found = {
        _mark(item): item.to_json
        for known in requested.values()
        for item in known.placements
        if types is None or matches_globs(item.instance_type or "", types)
    }
    return one_page(context, found, page, fingerprint, _refusals(requested))


def _mark(item: Placement) -> Mark:
    return item.region, item.account_id or "", item.reservation_id


def _refusals(requested: Mapping[Scope, ScopePlacements]) -> Iterator[Refusal]:
    for scope, known in requested.items():
        if known.error is not None and known.failing_since is not None:
            yield Refusal(scope, known.error, known.failing_since, known.asked_at)


def placements_of(
    rows: Iterable[Reservation], known: ScopePlacements | None
) -> Sequence[Placement] | None:
    """The placements of reservations of one scope; None if one of them is unknown."""
    found = {it.reservation_id: it for it in known.placements} if known is not None else {}
    names = [row.reservation_id for row in rows]
    return [found[name] for name in names] if found.keys() >= set(names) else None
