"""The details of events that a listing lacks: the cost of idle capacity, whether a block can be
extended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from lambdas.observability import logger
from lambdas.scope_clients import ScopeEC2
from lambdas.store.documents import UNREADABLE
from truffle.core.events import Event, EventType
from truffle.core.model import DEADLINE_EXCEEDED, Scope
from truffle.core.pricing import PriceBook
from truffle.core.timed_events import extension_deadline, with_extension, with_idle_cost
from truffle.ec2.errors import FAILURES, error_code
from truffle.ec2.extensions import ExtensionCheck, ask_for_extension

ExtensionChecks = dict[str, ExtensionCheck]
"""EC2's responses about extensions during one visit, by block id."""


@dataclass(frozen=True, slots=True)
class EventDetails:
    """Adds details to events. ``deadline`` ends requests to EC2."""

    ec2_of: Callable[[Scope], ScopeEC2]
    clock: Callable[[], datetime]
    prices: Callable[[], PriceBook]
    deadline: datetime

    def added(self, event: Event, checks: ExtensionChecks) -> Event:
        """Add its details to an event; each block is requested once."""
        return self._extendable(self._priced(event), checks)

    def _priced(self, event: Event) -> Event:
        """Add the cost of idle instances. If the prices cannot be read, the event does not wait,
        and the cost is unknown."""
        if event.type is not EventType.IDLE:
            return event
        try:
            return with_idle_cost(event, self.prices())
        except (*UNREADABLE, ValueError):
            logger.exception("prices not read")
            return event

    def _extendable(self, event: Event, checks: ExtensionChecks) -> Event:
        """Add whether the ending block can be extended; only its owner can."""
        row, deadline = event.reservation, extension_deadline(event)
        if row is None or deadline is None or row.owner_id not in (None, event.account_id):
            return event
        if row.reservation_id not in checks:
            scope = Scope(event.account_id, event.region)
            checks[row.reservation_id] = self._ask(scope, row.reservation_id)
        answer = checks[row.reservation_id]
        return with_extension(event, answer.on_offer, answer.error)

    def _ask(self, scope: Scope, reservation_id: str) -> ExtensionCheck:
        """Request EC2's response; the call budget is small, and an event does not wait for its
        details."""
        if self.clock() >= self.deadline:
            return ExtensionCheck(None, DEADLINE_EXCEEDED)
        try:
            client = self.ec2_of(scope)
        except FAILURES as error:
            return ExtensionCheck(None, error_code(error))
        return ask_for_extension(client, reservation_id)
