"""The input of a report, a calendar and metrics, from the stack's own table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.history.exceptions import TooLarge
from lambdas.history.usage import UsageReader
from lambdas.observability import logger
from lambdas.store.archive import Unreadable
from lambdas.store.events import EventStore
from truffle.core.codec import Json
from truffle.core.events import Event, from_message
from truffle.core.market.finds import Market
from truffle.core.model import Reservation
from truffle.core.organization import AllLabels, labels_of
from truffle.core.pricing import PriceBook
from truffle.core.status import FAILING_STATES, Judged, State
from truffle.core.timeline import PAST
from truffle.feeds.inputs import ScopeState
from truffle.messages.wording import counted
from truffle.report.inputs import NO_MARKET, FailedScope, Inputs, Use
from truffle.report.use import use_over_time

MOST_EVENTS = 2_000
"""The maximum number of events read, the newest: a large organization has thousands a day."""


@dataclass(frozen=True, slots=True)
class Recent:
    """The newest events of the last days and, if some are missing, the reason."""

    events: Sequence[Event]
    note: str | None = None


def recent_events(store: EventStore, now: datetime, kept: timedelta) -> Recent:
    """The events in the period of a timeline, at most those that the table keeps (``kept``). Raises
    what DynamoDB does."""
    messages = store.newest(now - min(PAST, kept), now + timedelta(seconds=1), MOST_EVENTS)
    events = [event for event in map(_event, messages) if event is not None]
    notes = []
    if len(messages) == MOST_EVENTS:
        notes.append(f"Only the newest {MOST_EVENTS:,} events were read.")
    if len(events) < len(messages):
        notes.append(f"{counted(len(messages) - len(events), 'event')} could not be read.")
    return Recent(events, " ".join(notes) or None)


def _event(message: Json) -> Event | None:
    """Decode an event; None for a damaged item, which must not hide the others."""
    try:
        return from_message(message)
    except (ValueError, KeyError, TypeError) as error:
        facts = {"event_id": message.get("event_id"), "error": repr(error)}
        logger.error("unreadable event", extra=facts)
        return None


@dataclass(frozen=True, slots=True)
class PastUse:
    """The usage of reservations by id and, if it is unknown, the reason."""

    use: Mapping[str, Sequence[Use]] = field(default_factory=dict)
    note: str | None = None


NOTHING_KNOWN = PastUse()


def past_use(reader: UsageReader, now: datetime) -> PastUse:
    """The usage in the period of a report, from the ledgers of its days."""
    try:
        return PastUse(use_over_time(reader.recorded(now - PAST, now)))
    except (TooLarge, Unreadable, ClientError, BotoCoreError) as error:
        logger.warning("use over time not read", extra={"error": str(error)})
        return PastUse(note=f"Use over time is not available: {error}.")


def report_inputs(
    rows: Sequence[Reservation],
    scopes: Sequence[Judged],
    recent: Recent,
    now: datetime,
    *,
    source: str,
    prices: PriceBook,
    past: PastUse = NOTHING_KNOWN,
    market: Market = NO_MARKET,
    warnings: Sequence[str] = (),
    most_rows: int | None = None,
    labels: AllLabels | None = None,
) -> Inputs:
    """The inputs of a report; ``scopes`` has all that are collected."""
    open_scopes = [each for each in scopes if each.state is not State.CLOSED]
    seen = [each.status.observed_at for each in open_scopes if each.status.observed_at]
    return Inputs(
        rows=rows,
        now=now,
        observed_at=min(seen, default=None),
        scopes=len(open_scopes),
        source=source,
        failed=[_failed(each) for each in scopes if each.state in FAILING_STATES],
        closed=len(scopes) - len(open_scopes),
        events=recent.events,
        events_note=recent.note,
        warnings=[*warnings, *([past.note] if past.note else [])],
        use=past.use,
        market=market,
        prices=prices,
        most_rows=most_rows,
        labels=labels or {},
    )


def _failed(scope: Judged) -> FailedScope:
    assert scope.error is not None
    return FailedScope(
        scope.scope.account_id,
        scope.scope.region,
        scope.error.code,
        scope.error.message,
        scope.status.observed_at,
    )


def scope_states(scopes: Sequence[Judged], labels: AllLabels) -> list[ScopeState]:
    """The states of scopes, for metrics."""
    return [
        ScopeState(
            each.scope.account_id,
            each.scope.region,
            each.state is State.CURRENT,
            each.status.observed_at,
            labels_of(each.scope.account_id, labels),
        )
        for each in scopes
        if each.state is not State.CLOSED
    ]
