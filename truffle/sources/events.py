"""Events of the deployed stack: its ``GET /events``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from truffle.core.codec import Json
from truffle.core.parameters import MAX_LIMIT
from truffle.core.times import parse_time
from truffle.sources.api import Api, Parameters


@dataclass(frozen=True, slots=True)
class EventList:
    """Events of ``GET /events``, the newest first: ``count`` is the number of matches,
    ``observed_at`` the time of the inventory."""

    items: list[Json]
    count: int
    observed_at: datetime | None


def list_events(api: Api, query: Parameters, limit: int | None) -> EventList:
    """List the events that match, up to a limit."""
    size = min(limit or MAX_LIMIT, MAX_LIMIT)
    events: list[Json] = []
    page: Json = {}
    for page in api.pages("/events", [*query, ("limit", str(size))]):
        events += page["items"]
        if limit is not None and len(events) >= limit:
            break
    with api.understood():
        observed_at = page["collection"]["observed_at"]
        seen = parse_time(observed_at) if observed_at else None
        return EventList(events[:limit], page["count"], seen)
