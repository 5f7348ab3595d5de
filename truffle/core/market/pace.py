"""The pace of the watches: when each last ran in each region, and when it is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from truffle.core.codec import Json
from truffle.core.market.answers import Outcome
from truffle.core.market.budget import Turn, really_every
from truffle.core.market.states import WatchState
from truffle.core.market.watches import Watch
from truffle.core.times import format_time

States = Mapping[tuple[str, str], WatchState]
"""By region and watch."""


def pace_to_json(watches: Sequence[Watch], states: States, now: datetime) -> list[Json]:
    """Each watch with its regions: the last answer, its time, and when the next one is due."""
    return [
        {
            "name": watch.name,
            **watch.question.to_json(),
            "every_seconds": int(watch.every.total_seconds()),
            "really_every_seconds": int(really_every(watch, watches, now).total_seconds()),
            "is_over": watch.question.is_over(now),
            "regions": [
                _region_to_json(watch, region, states.get((region, watch.name)), now)
                for region in watch.regions
            ],
        }
        for watch in watches
    ]


def _region_to_json(watch: Watch, region: str, state: WatchState | None, now: datetime) -> Json:
    """A state of a different question than the watch's counts as no answer."""
    if state is not None and state.last.question != watch.question:
        state = None
    last, known = (state.last, state.known) if state else (None, None)
    requested = known if last is not None and last.outcome is Outcome.NOT_ASKED else last
    due = None if watch.question.is_over(now) else Turn(watch, last, known).due_at or now
    offerings = known.offerings if known else ()
    within = [it for it in offerings if watch.question.is_within_limit(it)]
    return {
        "region": region,
        "outcome": last and last.outcome.value,
        "code": last and last.code,
        "message": last and last.message,
        "asked_at": requested and format_time(requested.observed_at),
        "answered_at": known and format_time(known.observed_at),
        "due_at": due and format_time(due),
        "offerings": len(offerings) if known else None,
        "within_limit": len(within) if known else None,
    }
