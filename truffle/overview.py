"""The data of a report, a calendar or metrics, gathered from either source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from truffle import clock
from truffle.core.market.finds import Market
from truffle.core.organization import Labels
from truffle.core.pricing import NO_PRICES, PriceBook
from truffle.core.status import State
from truffle.core.tag_text import TEAM_TAG
from truffle.core.timeline import PAST
from truffle.core.times import parse_time
from truffle.errors import TruffleError
from truffle.feeds.inputs import ScopeState
from truffle.prices import read_prices
from truffle.report.inputs import FailedScope, Inputs
from truffle.sources.listing import Listing, ScopeFailure

if TYPE_CHECKING:
    from truffle.client import Truffle
    from truffle.core.events import Event
    from truffle.query import ListQuery, Several
    from truffle.sources.listing import Progress

MOST_EVENTS = 10_000
"""The maximum number of events read from a stack, the newest."""

LIVE_NOTE = "Events are recorded by the deployed stack; this data comes from EC2 directly."


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewRequest:
    """The content of an overview: regions, accounts, the period of the timeline, the caller's own
    prices, the team's tag, and whether events are needed."""

    regions: Several | None = None
    accounts: Several | None = None
    since: datetime | None = None
    until: datetime | None = None
    prices: PriceBook = NO_PRICES
    team_tag: str = TEAM_TAG
    has_events: bool = True


def gather(
    client: Truffle, wanted: OverviewRequest, progress: Progress | None = None
) -> tuple[Inputs, Listing]:
    """Gather everything that the source has, and return it with the listing.

    Raises TruffleError if no scope has responded, since an empty report would be untrue.
    """
    query = _query(wanted)
    inventory = client.inventory(query, progress)
    if inventory.observed_at is None:
        raise _nothing_known(inventory)
    now = clock.now()
    events, note = _events(client, wanted, now)
    market, missing = _market(client, wanted)
    prices, problem = read_prices(client, wanted.prices)
    inputs = Inputs(
        rows=inventory.reservations,
        now=now,
        observed_at=inventory.observed_at,
        scopes=inventory.scopes,
        source=client.api_url or "EC2, queried directly",
        failed=[_failed(failure) for failure in inventory.failures],
        closed=len(inventory.closed),
        events=events,
        events_note=note,
        warnings=[*query.warnings, *inventory.warnings, *missing, *problem],
        since=wanted.since,
        until=wanted.until,
        prices=prices,
        team_tag=wanted.team_tag,
        market=market,
    )
    return inputs, inventory


def _query(wanted: OverviewRequest) -> ListQuery:
    from truffle.core.model import TYPES
    from truffle.query import list_query

    return list_query(
        reservation_type=list(TYPES),
        regions=wanted.regions,
        accounts=wanted.accounts,
        active_only=False,
    )


def scope_states(
    client: Truffle,
    inventory: Listing,
    answered: Mapping[str, bool],
    accounts: Several | None = None,
) -> list[ScopeState]:
    """The state of every queried scope, of a stack in ``accounts`` if given; if EC2 was queried
    directly, ``answered`` has the listed regions."""
    if client.api_url is not None:
        return [_state_of(scope) for scope in client.status(accounts)["scopes"]]
    known = [row.account_id for row in inventory.reservations if row.account_id]
    known += [failure.account_id for failure in inventory.failures if failure.account_id]
    account = known[0] if known else ""
    seen = inventory.observed_at
    return [
        ScopeState(account, region, is_listed, seen if is_listed else None)
        for region, is_listed in sorted(answered.items())
    ]


def _state_of(scope: Mapping[str, Any]) -> ScopeState:
    seen = scope["last_success"]
    is_listed = scope["state"] == State.CURRENT
    labels = Labels(scope.get("account_name"), scope.get("organizational_unit"))
    account_id, region = scope["account_id"], scope["region"]
    return ScopeState(account_id, region, is_listed, seen and parse_time(seen), labels)


def _events(
    client: Truffle, wanted: OverviewRequest, now: datetime
) -> tuple[list[Event], str | None]:
    """The events, or the reason why they are not available."""
    if client.api_url is None:
        return [], LIVE_NOTE
    if not wanted.has_events:
        return [], None
    try:
        since = wanted.since or now - PAST
        found = client.events(since=since, limit=MOST_EVENTS, accounts=wanted.accounts)
    except TruffleError as error:
        return [], f"Events could not be read: {error}"
    is_cut = len(found) == MOST_EVENTS
    return found, f"Only the newest {MOST_EVENTS:,} events were read." if is_cut else None


def _market(client: Truffle, wanted: OverviewRequest) -> tuple[Market, list[str]]:
    """The finds of a stack's watches, or the reason why they are unknown."""
    if client.api_url is None or not wanted.has_events:
        return Market(), []
    try:
        found = client.offerings(source="api", regions=wanted.regions)
    except TruffleError as error:
        return Market(), [f"Offerings could not be read: {error}"]
    return found.market, []


def _failed(failure: ScopeFailure) -> FailedScope:
    return FailedScope(
        failure.account_id,
        failure.region,
        failure.code,
        failure.message,
        failure.last_success,
        failure.account_name,
    )


def _nothing_known(inventory: Listing) -> TruffleError:
    reasons = "; ".join(map(str, inventory.failures[:20]))
    return TruffleError(f"No scope could be listed: {reasons}", inventory.failures)
