"""Deliver the messages of the destinations' queues: once each, with retries and dead letters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit

from lambdas.delivery.channels import Alert, Channels, Refused
from lambdas.delivery.digests import CHECK_INTERVAL, Digests, NotYet
from lambdas.delivery.idempotency import Claimed, Once
from lambdas.delivery.messages import (
    DeliverEvent,
    DeliverSample,
    DeliverSummary,
    Flush,
    InvalidMessage,
    Task,
    due_at,
    flush_body,
    parse_task,
    pause,
)
from lambdas.delivery.queue_message import QueueMessage, Queues
from lambdas.errors import reason_of
from lambdas.observability import logger, metrics
from lambdas.store.deliveries import DeliveryStore
from lambdas.store.digest_buffer import DigestBatch
from lambdas.store.events import EventStore
from truffle.alerts.explanation import DeliveryStatus, ExplainedDelivery
from truffle.alerts.routing import RoutingOutcome, decision_for
from truffle.alerts.settings import AlertSettings, Destination
from truffle.core.codec import Json
from truffle.core.daily import DAY, day
from truffle.core.events import Event, Severity, from_message
from truffle.core.times import format_time
from truffle.messages.card import digest_card, summary_card

if TYPE_CHECKING:
    from lambdas.api.inventory import Inventory
    from truffle.core.expected import ExpectedDenials
    from truffle.core.pricing import PriceBook

GIVE_UP_AFTER = timedelta(hours=24)
GIVE_UP_REFUSED_AFTER = timedelta(hours=1)
"""For a response after which a retry cannot succeed: enough time to correct a secret."""
LONGEST_WAIT = {
    Severity.CRITICAL: timedelta(minutes=5),
    Severity.WARNING: timedelta(minutes=30),
    Severity.GOOD: timedelta(hours=2),
    Severity.INFO: timedelta(hours=2),
}
"""The longest ``Retry-After`` that is respected, by the severity of the message."""
LATE_AFTER = timedelta(minutes=15)
LONGEST_BATCH_SECONDS = 30
"""How much of its minute the function spends on the single events of a batch; the rest follows with
the message's next delivery."""


class Undeliverable(Exception):
    """A message that no retry will deliver; the text is the reason."""


@dataclass(frozen=True, kw_only=True)
class Deliverer:
    """Delivers the messages of the destinations' queues.

    ``destinations`` maps the names of queues to those of destinations; a scope is late if its last
    listing is older than ``allowed_age``, unless its denial is ``expected``; ``report_url`` is
    where the report is published, None if it is not; ``inventory`` and ``prices`` are read only for
    summaries.
    """

    alerts: AlertSettings
    destinations: Mapping[str, str]
    report_url: str | None
    allowed_age: timedelta
    expected: ExpectedDenials
    channels: Channels
    queues: Queues
    deliveries: DeliveryStore
    digests: Digests
    events: EventStore
    inventory: Callable[[], Inventory]
    prices: Callable[[], PriceBook]
    once: Once
    clock: Callable[[], datetime]

    def handle(self, message: QueueMessage) -> bool:
        """Deliver a message; True if it is done. An unfinished message returns to its queue: soon
        if another invocation is working on it, and with increasing delay if its destination
        fails."""
        try:
            task, destination = parse_task(message.body), self._destination(message)
        except (InvalidMessage, Undeliverable) as error:
            self._give_up(message, str(error))
            return True
        try:
            self._perform(task, destination, message)
        except (NotYet, Claimed):
            self.queues.hide(message, CHECK_INTERVAL)
            return False
        except Exception as error:
            metrics.add_metric("DeliveriesFailed", MetricUnit.Count, 1)
            logger.exception("not delivered", extra={"destination": destination.name})
            return self._handle_failure(task, destination, message, error)
        return True

    def _destination(self, message: QueueMessage) -> Destination:
        """The destination of the message's queue. Raises Undeliverable."""
        name = self.destinations.get(message.queue_name)
        if name is None:
            raise Undeliverable(f"no destination has the queue {message.queue_name}")
        try:
            return self.alerts.destination(name)
        except KeyError:
            raise Undeliverable(f"destination {name} no longer exists") from None

    def _perform(self, task: Task, destination: Destination, message: QueueMessage) -> None:
        """Raises what the channel raises, Claimed, or NotYet."""
        match task:
            case DeliverEvent():
                self._route(task, destination, message)
            case DeliverSample():
                alert = Alert(task.event, task.message, test=True)
                deliver = partial(self.channels.deliver, destination, alert)
                self._once(destination, f"test#{message.message_id}", deliver)
            case DeliverSummary():
                key = f"daily_summary#{format_time(task.scheduled_at or message.sent_at)}"
                self._once(destination, key, partial(self._deliver_summary, destination))
            case Flush():
                deliver_batch = partial(self._deliver_batch, destination, task.run_id)
                self.digests.flush(destination, task.run_id, deliver_batch)

    def _route(self, task: DeliverEvent, destination: Destination, message: QueueMessage) -> None:
        """Deliver an event now, or buffer it until its run is over."""
        event = task.event
        decision = decision_for(event, destination.name, self.alerts)
        if decision.outcome is not RoutingOutcome.ROUTED:
            extra = {"event_id": event.event_id, "why": decision.why}
            logger.info(
                "not for this destination", extra={"destination": destination.name, **extra}
            )
            return
        send_flush = partial(self._send_flush, message.queue_arn)
        run_id = self.digests.add(destination, task.message, send_flush)
        if run_id is None:
            self._deliver_single(destination, event, task.message)
        else:
            self.deliveries.note_waiting(destination.name, event.event_id, run_id, self.clock())

    def _send_flush(self, queue_arn: str, run_id: str) -> None:
        self.queues.send(queue_arn, flush_body(run_id), CHECK_INTERVAL)

    def _deliver_single(self, destination: Destination, event: Event, message: Json) -> None:
        alert = Alert(event, message, self._lateness(event))
        deliver = partial(self.channels.deliver, destination, alert)
        is_sent = self._once(destination, event.event_id, deliver)
        status = DeliveryStatus.DELIVERED if is_sent else DeliveryStatus.SKIPPED
        detail = None if is_sent else "A later event has already resolved the incident."
        delivery = ExplainedDelivery(status, self.clock(), detail=detail)
        self.deliveries.note(destination.name, [event.event_id], delivery)

    def _deliver_batch(self, destination: Destination, run_id: str, batch: DigestBatch) -> None:
        """Send one digest if there are more events than the destination accepts one by one."""
        events = [from_message(message) for message in batch.messages]
        counts = [destination.most_single_messages(event.type) or len(events) for event in events]
        if len(events) > max(counts):
            key = f"digest#{run_id}#{batch.number}"
            self._once(destination, key, partial(self._deliver_digest, destination, events))
            detail = f"In a digest of {len(events):,} events."
            delivered = ExplainedDelivery(DeliveryStatus.DELIVERED, self.clock(), detail=detail)
            event_ids = [event.event_id for event in events]
            self.deliveries.note(destination.name, event_ids, delivered)
            return
        began = monotonic()
        for event, message in zip(events, batch.messages, strict=True):
            if monotonic() - began > LONGEST_BATCH_SECONDS:
                raise NotYet
            self._deliver_single(destination, event, message)

    def _deliver_digest(self, destination: Destination, events: list[Event]) -> bool:
        late = self._lateness(max(events, key=lambda event: event.observed_at))
        return self.channels.show(
            destination, digest_card(events, report_url=self.report_url, late=late)
        )

    def _deliver_summary(self, destination: Destination) -> bool:
        now = self.clock()
        view = self.inventory().view()
        messages = self.events.between(now - DAY, now)
        events = [from_message(message) for _, message in messages]
        rows, prices = view.observed(view.rows), self.prices()
        age, expected = self.allowed_age, self.expected
        facts = day(rows, view.statuses, events, now, age, prices, expected)
        return self.channels.show(destination, summary_card(facts, report_url=self.report_url))

    def _lateness(self, event: Event) -> timedelta | None:
        """The age of an event that is old enough to be marked as late."""
        age = self.clock() - event.observed_at
        return age if age > LATE_AFTER else None

    def _once(self, destination: Destination, key: str, action: Callable[[], bool]) -> bool:
        def run() -> bool:
            is_sent = action()
            metrics.add_metric("AlertsDelivered", MetricUnit.Count, is_sent)
            extra = {"destination": destination.name, "key": key}
            logger.info("delivered" if is_sent else "nothing to deliver", extra=extra)
            return is_sent

        return self.once.run(f"{destination.name}#{key}", run)

    def _handle_failure(
        self, task: Task, destination: Destination, message: QueueMessage, error: Exception
    ) -> bool:
        """Retry a failed message later, or make it a dead letter; True if it is done."""
        reason, now = reason_of(error), self.clock()
        if self._is_out_of_time(task, message, error):
            failed = ExplainedDelivery(DeliveryStatus.DEAD_LETTER, now, message.receives, reason)
            self._note_failure(task, destination, failed)
            self._give_up(message, reason)
            return True
        wait = _wait(task, message, error)
        self.queues.hide(message, wait)
        now = self.clock()
        retrying = ExplainedDelivery(
            DeliveryStatus.RETRYING, now, message.receives, reason, now + wait
        )
        self._note_failure(task, destination, retrying)
        return False

    def _is_out_of_time(self, task: Task, message: QueueMessage, error: Exception) -> bool:
        """Whether to give up: a day after the observation, or sooner if a retry cannot succeed. A
        dead letter that is put back gets the same time again."""
        first = self.digests.started_at(task.run_id) if isinstance(task, Flush) else due_at(task)
        is_final = isinstance(error, Refused) and error.is_final
        age = self.clock() - max(first or message.sent_at, message.sent_at)
        return age >= (GIVE_UP_REFUSED_AFTER if is_final else GIVE_UP_AFTER)

    def _note_failure(
        self, task: Task, destination: Destination, failed: ExplainedDelivery
    ) -> None:
        match task:
            case DeliverEvent(event):
                self.deliveries.note(destination.name, [event.event_id], failed)
            case Flush(run_id):
                self.deliveries.note_run(destination.name, run_id, failed)

    def _give_up(self, message: QueueMessage, reason: str) -> None:
        logger.error("given up", extra={"queue": message.queue_name, "reason": reason})
        self.queues.set_aside(message, reason)


def _wait(task: Task, message: QueueMessage, error: Exception) -> timedelta:
    """How long a failed message waits: the usual pause, or what the destination requests, within
    limits."""
    retry_after = error.retry_after if isinstance(error, Refused) else None
    severity = Severity.WARNING
    if isinstance(task, DeliverEvent | DeliverSample):
        severity = task.event.severity
    return max(pause(message.receives), min(retry_after or timedelta(), LONGEST_WAIT[severity]))
