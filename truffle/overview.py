"""What a report, a calendar or metrics are made from, gathered from either source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from truffle import clock
from truffle.core.timeline import PAST
from truffle.errors import TruffleError
from truffle.report.inputs import TEAM_TAG, FailedScope, Inputs
from truffle.sources.listing import Inventory, ScopeFailure

if TYPE_CHECKING:
    from truffle.client import Truffle
    from truffle.core.events import Event
    from truffle.query import Several
    from truffle.sources.listing import Progress

LIVE_NOTE = "Events are recorded by the deployed stack; this data was asked of EC2 directly."


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to gather: the period of the timeline, prices by instance type, and the team's tag."""

    regions: Several | None = None
    since: datetime | None = None
    until: datetime | None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    team_tag: str = TEAM_TAG


def gather(
    client: Truffle, wanted: Wanted, progress: Progress | None = None
) -> tuple[Inputs, Inventory]:
    """Everything that the source holds, and the inventory that it came from.

    Raises TruffleError where no scope has answered, since an empty report would then be untrue.
    """
    from truffle.core.model import TYPES
    from truffle.query import ask

    question = ask(reservation_type=list(TYPES), regions=wanted.regions, active_only=False)
    inventory = client.inventory(question, progress)
    if inventory.observed_at is None:
        raise _nothing_known(inventory)
    now = clock.now()
    events, note = _events(client, wanted.since or now - PAST)
    inputs = Inputs(
        rows=inventory.reservations,
        now=now,
        observed_at=inventory.observed_at,
        scopes=inventory.scopes,
        source=client.api_url or "EC2, asked directly",
        failed=[_failed(failure) for failure in inventory.failures],
        closed=len(inventory.closed),
        events=events,
        events_note=note,
        warnings=[*question.warnings, *inventory.warnings],
        since=wanted.since,
        until=wanted.until,
        prices=wanted.prices,
        team_tag=wanted.team_tag,
    )
    return inputs, inventory


def _events(client: Truffle, since: datetime) -> tuple[list[Event], str | None]:
    """The events, and why there are none where they cannot be had."""
    if client.api_url is None:
        return [], LIVE_NOTE
    try:
        return client.events(since=since), None
    except TruffleError as error:
        return [], f"Events could not be read: {error}"


def _failed(failure: ScopeFailure) -> FailedScope:
    return FailedScope(
        failure.account_id, failure.region, failure.code, failure.message, failure.last_success
    )


def _nothing_known(inventory: Inventory) -> TruffleError:
    reasons = "; ".join(map(str, inventory.failures[:20]))
    return TruffleError(f"No scope could be listed: {reasons}", inventory.failures)
