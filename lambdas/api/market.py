"""The responses of ``GET /offerings`` and ``GET /offerings/history``."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from lambdas.api.answers import from_token, to_token
from truffle.core.codec import Json
from truffle.core.market.finds import Market, position, sorted_finds
from truffle.core.market.history import Point, place
from truffle.core.market.queries import MarketQuery
from truffle.core.parameters import TOKEN_ALLOWED, BadParameter
from truffle.core.queries import Page

Row = TypeVar("Row")


def offerings(market: Market, query: MarketQuery, fingerprint: str) -> Json:
    """One page of the finds that match; ``answers`` has each region's answer to each watch."""
    chosen = query.chosen.apply(market)
    finds = sorted_finds(chosen.finds, query.sort)
    part, token = _part(finds, lambda it: position(it, query.sort), query.page, fingerprint)
    return {
        "items": [it.to_json() for it in part],
        "next_token": token,
        "count": len(finds),
        "answers": [it.to_json() for it in chosen.standings],
    }


def history(found: Sequence[Point], page: Page, fingerprint: str) -> Json:
    """One page of points, in the order of their places."""
    part, token = _part(found, place, page, fingerprint)
    return {"items": [it.to_json() for it in part], "next_token": token, "count": len(found)}


def _part(
    rows: Sequence[Row], key: Callable[[Row], list[Any]], page: Page, fingerprint: str
) -> tuple[Sequence[Row], str | None]:
    """The rows after the token's, and the token of the next ones."""
    start = 0
    if page.next_token is not None:
        try:
            start = bisect_right(rows, from_token(page.next_token, fingerprint), key=key)
        except TypeError:
            raise BadParameter("next_token", page.next_token, TOKEN_ALLOWED) from None
    part = rows[start : start + page.limit]
    has_more = start + len(part) < len(rows)
    return part, to_token(fingerprint, key(part[-1])) if has_more and part else None
