"""``deliver``: takes alerts off the destinations' queues and tells each where it goes, once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from time import monotonic
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.alert_settings import load
from lambdas.api.inventory import Inventory
from lambdas.clients import now, service
from lambdas.delivery.channels import Alert, Channels, Refused
from lambdas.delivery.digests import LOOK_AGAIN, Digests, NotYet
from lambdas.delivery.idempotency import Claimed, once, register
from lambdas.delivery.messages import (
    Flush,
    Job,
    Sample,
    Summarize,
    Tell,
    Unreadable,
    begun,
    flush_body,
    pause,
    read_job,
)
from lambdas.delivery.queue_message import Mail, send
from lambdas.errors import reason_of
from lambdas.observability import logger, metrics
from lambdas.settings import DeliverSettings, comma_separated
from lambdas.store.deliveries import DeliveryStore
from lambdas.store.digest_buffer import PendingStore, Round
from lambdas.store.events import EventStore
from lambdas.store.resolutions import ResolutionStore
from lambdas.store.runs import RunStore
from lambdas.store.scopes import ScopeStore
from lambdas.store.threads import ThreadStore
from truffle.alerts.explanation import Delivery, DeliveryStatus
from truffle.alerts.routing import Outcome, decision_for
from truffle.alerts.settings import AlertSettings, Destination
from truffle.core.daily import DAY, day
from truffle.core.events import Event, Severity, from_message
from truffle.core.expected import expected_denials
from truffle.core.times import format_time
from truffle.messages.card import digest_card, summary_card

GIVE_UP_AFTER = timedelta(hours=24)
GIVE_UP_REFUSED_AFTER = timedelta(hours=1)
"""Where the response says that a retry is of no use: enough time to correct a secret."""
LONGEST_WAIT = {
    Severity.CRITICAL: timedelta(minutes=5),
    Severity.WARNING: timedelta(minutes=30),
    Severity.GOOD: timedelta(hours=2),
    Severity.INFO: timedelta(hours=2),
}
"""The most of a ``Retry-After`` that is respected, by what a message is about."""
LATE_AFTER = timedelta(minutes=15)
LONGEST_ROUND_SECONDS = 30
"""How long the function tells one event of a round after the other, of the minute that it has; the
rest of the round is told in its next delivery."""


class Undeliverable(Exception):
    """A message that no retry will deliver; the text says why."""


@cache
def _settings() -> DeliverSettings:
    return DeliverSettings.from_env(os.environ)


@cache
def _alerts() -> AlertSettings:
    return load()


@cache
def _destinations() -> dict[str, str]:
    """The destinations' names, by the names of their queues."""
    return dict(json.loads(_settings().destinations))


@cache
def _channels() -> Channels:
    client, table = service("dynamodb"), _settings().table
    topics = json.loads(_settings().topics)
    return Channels(
        ThreadStore(client, table), ResolutionStore(client, table), topics, _settings().api_url, now
    )


@cache
def _deliveries() -> DeliveryStore:
    return DeliveryStore(service("dynamodb"), _settings().table)


@cache
def _digests() -> Digests:
    client, table = service("dynamodb"), _settings().table
    return Digests(PendingStore(client, table), RunStore(client, table), now)


@cache
def _inventory() -> Inventory:
    return Inventory(ScopeStore(service("dynamodb"), _settings().table))


def _destination(mail: Mail) -> Destination:
    """The destination of the message's queue. Raises Undeliverable."""
    name = _destinations().get(mail.queue_name)
    if name is None:
        raise Undeliverable(f"no destination has the queue {mail.queue_name}")
    try:
        return _alerts().destination(name)
    except KeyError:
        raise Undeliverable(f"there is no destination {name} any more") from None


def _do(job: Job, destination: Destination, mail: Mail) -> None:
    """Do what a message asks for. Raises what the channel does, Claimed, or NotYet."""
    match job:
        case Tell():
            _tell(job, destination, mail)
        case Sample():
            alert = Alert(job.event, job.message, test=True)
            _once(destination, f"test#{mail.message_id}", partial(_tell_alert, destination, alert))
        case Summarize():
            key = f"daily_summary#{format_time(job.scheduled_at or mail.sent_at)}"
            _once(destination, key, partial(_summarize, destination))
        case Flush():
            _digests().flush(destination, job.run_id, partial(_tell_round, destination, job.run_id))


def _tell(job: Tell, destination: Destination, mail: Mail) -> None:
    decision = decision_for(job.event, destination.name, _alerts())
    if decision.outcome is not Outcome.ROUTED:
        extra = {"event_id": job.event.event_id, "why": decision.why}
        logger.info("not for this destination", extra={"destination": destination.name, **extra})
        return
    send_flush = partial(_send_flush, mail.queue_arn)
    run_id = _digests().put_aside(destination, job.message, send_flush)
    if run_id is None:
        _tell_single(destination, job.event, job.message)
    else:
        _deliveries().note_waiting(destination.name, job.event.event_id, run_id, now())


def _send_flush(queue_arn: str, run_id: str) -> None:
    send(queue_arn, flush_body(run_id), LOOK_AGAIN)


def _tell_single(destination: Destination, event: Event, message: dict[str, Any]) -> None:
    alert = Alert(event, message, _lateness(event))
    sent = _once(destination, event.event_id, partial(_tell_alert, destination, alert))
    status = DeliveryStatus.DELIVERED if sent else DeliveryStatus.SKIPPED
    detail = None if sent else "A later event has already resolved the incident."
    _deliveries().note(destination.name, [event.event_id], Delivery(status, now(), detail=detail))


def _tell_alert(destination: Destination, alert: Alert) -> bool:
    return _channels().tell(destination, alert)


def _tell_round(destination: Destination, run_id: str, told: Round) -> None:
    """One digest where there are more events than the destination wants one by one."""
    events = [from_message(message) for message in told.messages]
    if destination.digest_above is not None and len(events) > destination.digest_above:
        key = f"digest#{run_id}#{told.number}"
        _once(destination, key, partial(_show_digest, destination, events))
        detail = f"In a digest of {len(events):,} events."
        delivered = Delivery(DeliveryStatus.DELIVERED, now(), detail=detail)
        _deliveries().note(destination.name, [it.event_id for it in events], delivered)
        return
    began = monotonic()
    for event, message in zip(events, told.messages, strict=True):
        if monotonic() - began > LONGEST_ROUND_SECONDS:
            raise NotYet
        _tell_single(destination, event, message)


def _show_digest(destination: Destination, events: list[Event]) -> bool:
    late = _lateness(max(events, key=lambda event: event.observed_at))
    card = digest_card(events, api_url=_settings().api_url, late=late)
    return _channels().show(destination, card)


def _summarize(destination: Destination) -> bool:
    at = now()
    view = _inventory().view()
    messages = EventStore(service("dynamodb"), _settings().table).between(at - DAY, at)
    events = [from_message(message) for _, message in messages]
    allowed_age = timedelta(minutes=2 * float(_settings().schedule_minutes))
    prices = _alerts().thresholds.prices
    expected = expected_denials(comma_separated(_settings().expected_denied))
    rows = view.observed(view.rows)
    facts = day(rows, view.statuses, events, at, allowed_age, prices, expected)
    return _channels().show(destination, summary_card(facts, api_url=_settings().api_url))


def _lateness(event: Event) -> timedelta | None:
    """How long an event has been observed, where that is worth a word."""
    age = now() - event.observed_at
    return age if age > LATE_AFTER else None


def _once(destination: Destination, key: str, action: Callable[[], bool]) -> bool:
    def run() -> bool:
        sent = action()
        metrics.add_metric("AlertsDelivered", MetricUnit.Count, sent)
        extra = {"destination": destination.name, "key": key}
        logger.info("delivered" if sent else "nothing to tell", extra=extra)
        return sent

    return once(_settings().idempotency_table, f"{destination.name}#{key}", run)


def _is_out_of_time(job: Job, mail: Mail, error: Exception) -> bool:
    """A day after it was observed, or sooner where a retry is of no use; a dead letter that was put
    back has the same time again."""
    first = _digests().begun(job.run_id) if isinstance(job, Flush) else begun(job)
    is_final = isinstance(error, Refused) and error.is_final
    age = now() - max(first or mail.sent_at, mail.sent_at)
    return age >= (GIVE_UP_REFUSED_AFTER if is_final else GIVE_UP_AFTER)


def _handle(mail: Mail) -> bool:
    """Whether a message is done with; else it comes back by itself: soon, where another function is
    at it, and later and later where its destination does not take it."""
    try:
        job, destination = read_job(mail.body), _destination(mail)
    except (Unreadable, Undeliverable) as error:
        _give_up(mail, str(error))
        return True
    try:
        _do(job, destination, mail)
    except (NotYet, Claimed):
        mail.hide(LOOK_AGAIN)
        return False
    except Exception as error:
        metrics.add_metric("DeliveriesFailed", MetricUnit.Count, 1)
        logger.exception("not delivered", extra={"destination": destination.name})
        return _handle_failure(job, destination, mail, error)
    return True


def _handle_failure(job: Job, destination: Destination, mail: Mail, error: Exception) -> bool:
    """Whether a message that failed is done with, as a dead letter; else it is retried later."""
    reason = reason_of(error)
    if _is_out_of_time(job, mail, error):
        failed = Delivery(DeliveryStatus.DEAD_LETTER, now(), mail.receives, reason)
        _note_failure(job, destination, failed)
        _give_up(mail, reason)
        return True
    length = _pause(job, mail, error)
    mail.hide(length)
    retrying = Delivery(DeliveryStatus.RETRYING, now(), mail.receives, reason, now() + length)
    _note_failure(job, destination, retrying)
    return False


def _pause(job: Job, mail: Mail, error: Exception) -> timedelta:
    asked = error.retry_after if isinstance(error, Refused) else None
    severity = job.event.severity if isinstance(job, Tell | Sample) else Severity.WARNING
    return max(pause(mail.receives), min(asked or timedelta(), LONGEST_WAIT[severity]))


def _note_failure(job: Job, destination: Destination, failed: Delivery) -> None:
    match job:
        case Tell(event):
            _deliveries().note(destination.name, [event.event_id], failed)
        case Flush(run_id):
            _deliveries().note_run(destination.name, run_id, failed)


def _give_up(mail: Mail, reason: str) -> None:
    """The message is a dead letter; with that it is done here."""
    logger.error("given up", extra={"queue": mail.queue_name, "reason": reason})
    mail.set_aside(reason)


def _is_done(mail: Mail) -> bool:
    try:
        return _handle(mail)
    except Exception:
        logger.exception("not handled", extra={"queue": mail.queue_name})
        return False


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Deliver each message; one that failed stays on its queue, and the others do not."""
    register(context)
    metrics.add_metric("DeliveriesFailed", MetricUnit.Count, 0)
    mails = [Mail.of(SQSRecord(record)) for record in event["Records"]]
    left = [mail.message_id for mail in mails if not _is_done(mail)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in left]}
