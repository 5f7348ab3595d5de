"""The response of ``GET /stranded``: findings with their cost, and the scopes that did not
respond."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lambdas.api.answers import Context
from lambdas.store.stranded import StrandedResult
from truffle.core.codec import Json
from truffle.core.filters import Filter
from truffle.core.order import Order
from truffle.core.organization import with_labels
from truffle.core.pricing import MICRO, PriceBook
from truffle.core.stranded import with_advice
from truffle.core.times import format_time


def answer(
    context: Context,
    chosen: Filter,
    results: Iterable[StrandedResult],
    prices: PriceBook,
    warnings: Sequence[str] = (),
) -> Json:
    """The findings beside reservations that match, the most expensive first.

    ``unanswered`` has scopes with idle capacity whose instances could not be listed and are
    unknown. ``usd_per_hour`` is the sum of all known prices, ``unpriced_instances`` counts the
    instances without one.
    """
    known = list(results)
    matches = context.view.sorted(Order()).matches(chosen)
    rows = {row.reservation_id for row in matches.first(len(matches))}
    items = [
        {
            **with_labels(with_advice(finding, prices), context.labels),
            "observed_at": format_time(it.asked_at),
        }
        for it in known
        for finding in it.findings
        if finding.reservation_id in rows
    ]
    priced = [round(it["usd_per_hour"] * MICRO) for it in items if it["usd_per_hour"] is not None]
    unpriced = sum(it["instances"] for it in items if it["usd_per_hour"] is None)
    return {
        "items": sorted(items, key=_dearest_first),
        "count": len(items),
        "usd_per_hour": None if unpriced and not priced else sum(priced) / MICRO,
        "unpriced_instances": unpriced,
        "unanswered": [_unanswered(it) for it in known if it.error is not None],
        "warnings": list(warnings),
        "collection": context.collection,
    }


def _dearest_first(item: Json) -> tuple[Any, ...]:
    return -(item["usd_per_hour"] or 0), item["reservation_id"], item["reason"]


def _unanswered(result: StrandedResult) -> Json:
    return {
        "account_id": result.scope.account_id,
        "region": result.scope.region,
        "error": result.error,
        "message": result.message,
        "asked_at": format_time(result.asked_at),
    }
