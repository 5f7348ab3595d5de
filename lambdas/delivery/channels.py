"""Channels by kind of destination: where a message is sent, and which responses mean success."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas.delivery.credentials import Secret, Secrets
from lambdas.delivery.queue_message import queue_url
from lambdas.delivery.webhook import NO_HEADERS, WebhookResponse, post
from lambdas.store.resolutions import ResolutionStore
from lambdas.store.threads import ThreadStore
from truffle.alerts.settings import Destination, DestinationKind
from truffle.core.events import Event, EventType
from truffle.core.incidents import Incident, incident_of
from truffle.messages import amazon_q, email, opsgenie, pagerduty, slack, teams
from truffle.messages.card import Card, event_card
from truffle.messages.text import to_json

SLACK_POST_URL = "https://slack.com/api/chat.postMessage"
ACCEPTED = 202
"""The status with which PagerDuty's Events API v2 and Opsgenie's Alert API accept a request; no
other one means success."""
_TEMPORARY = frozenset({408, 425, 429})
"""Statuses below 500 after which the same request can succeed. PagerDuty allows retries only after
429, 5xx and network errors (PagerDuty, Events API v2 Overview, Response Codes & Retry Logic)."""

_LONGEST_SHOWN = 300
"""Characters of a response shown in an error."""


class Refused(Exception):
    """A destination did not accept a message; ``retry_after`` is when it may be retried.

    ``is_final`` is true if, by the destination's documentation, a retry cannot succeed: a pager
    rejects the same request until its secret is changed.
    """

    def __init__(self, destination: Destination, answer: WebhookResponse, secret: Secret) -> None:
        text = secret.hidden_in(answer.text)[:_LONGEST_SHOWN]
        super().__init__(
            f"{destination.name} ({destination.kind}) returned {answer.status}: {text}"
        )
        seconds = answer.retry_after
        self.retry_after = None if seconds is None else timedelta(seconds=seconds)
        is_temporary = answer.status in _TEMPORARY or answer.status >= 500
        self.is_final = destination.kind.is_pager and not is_temporary


@dataclass(frozen=True, slots=True)
class Alert:
    """An event to deliver. ``message`` is its message as it was published; ``late`` is the time
    since its observation, if the delivery is late."""

    event: Event
    message: Mapping[str, Any]
    late: timedelta | None = None
    test: bool = False

    @property
    def document(self) -> Mapping[str, Any]:
        """The document for machines: the message, with ``late_seconds`` if it is late."""
        if self.late is None:
            return self.message
        return {**self.message, "late_seconds": round(self.late.total_seconds())}


@dataclass(frozen=True, kw_only=True)
class Channels:
    """The channels of all destinations.

    ``topics`` maps the names of destinations to the ARNs of their own topics; ``service`` creates a
    boto3 client of a service, in a region; ``report_url`` is where the report is published, None if
    it is not.
    """

    threads: ThreadStore
    resolutions: ResolutionStore
    topics: Mapping[str, str]
    report_url: str | None
    secrets: Secrets
    service: Callable[..., Any]
    clock: Callable[[], datetime]

    def deliver(self, destination: Destination, alert: Alert) -> bool:
        """Deliver an event; False if the destination does not need it. Raises Refused, or what
        reading the secret and sending raise."""
        if destination.kind.is_for_people:
            card = event_card(
                alert.event, report_url=self.report_url, late=alert.late, test=alert.test
            )
            return self.show(destination, card)
        match destination.kind:
            case DestinationKind.SQS:
                self._send(destination, alert)
            case DestinationKind.HTTPS:
                self._post_message(destination, alert)
            case _:
                return self._deliver_incident(destination, alert)
        return True

    def show(self, destination: Destination, card: Card) -> bool:
        """Show a card to people; True. Raises Refused, or what reading the secret and sending
        do."""
        match destination.kind:
            case DestinationKind.SLACK:
                self._show_in_slack(destination, card)
            case DestinationKind.TEAMS:
                secret = self._secret(destination)
                _post(destination, secret, secret.sole("url"), teams.payload(card))
            case DestinationKind.AMAZON_Q:
                self._publish(destination, {"Message": json.dumps(amazon_q.payload(card))})
            case DestinationKind.EMAIL:
                self._publish(destination, email.payload(card))
        return True

    def _publish(self, destination: Destination, arguments: Mapping[str, str]) -> None:
        self.service("sns").publish(TopicArn=self.topics[destination.name], **arguments)

    def _show_in_slack(self, destination: Destination, card: Card) -> None:
        secret = self._secret(destination)
        if "token" in secret.values:
            self._show_in_channel(destination, secret, card)
        else:
            _post(destination, secret, secret.sole("url"), slack.payload(card))

    def _show_in_channel(self, destination: Destination, secret: Secret, card: Card) -> None:
        """Post with a bot's token: messages about one subject form a thread; warnings and critical
        events also appear in the channel."""
        subject = _subject(card)
        thread = self.threads.get(destination.name, subject) if subject else None
        body = {**slack.payload(card), "channel": secret.get("channel")}
        if thread is not None:
            body |= {
                "thread_ts": thread,
                **({"reply_broadcast": True} if card.severity.is_bad else {}),
            }
        headers = {"Authorization": f"Bearer {secret.get('token')}"}
        answer = post(secret.get("url", SLACK_POST_URL), body, headers)
        reply = _object(answer.text)
        if not (answer.is_accepted and (reply.get("ok") is True or not answer.is_whole)):
            if subject and thread and reply.get("error") not in (None, "ratelimited"):
                # The thread's first message may be gone, or the channel may have changed.
                self.threads.forget(destination.name, subject)
            raise Refused(destination, answer, secret)
        if subject and not thread and isinstance(reply.get("ts"), str):
            self.threads.put(destination.name, subject, reply["ts"], self.clock())

    def _deliver_incident(self, destination: Destination, alert: Alert) -> bool:
        """Queues are unordered: an older event must not reopen a resolved incident."""
        found = incident_of(alert.event)
        if found is None:
            return False
        if not alert.test:
            at = alert.event.observed_at
            if found.is_end:
                self.resolutions.note(destination.name, found.key, at)
            else:
                resolved_at = self.resolutions.latest(destination.name, found.key)
                if resolved_at is not None and resolved_at > at:
                    return False
        if destination.kind is DestinationKind.PAGERDUTY:
            self._enqueue(destination, alert, found)
        else:
            self._request(destination, alert, found)
        return True

    def _secret(self, destination: Destination) -> Secret:
        assert destination.secret is not None
        return self.secrets.read(destination.secret)

    def _post_message(self, destination: Destination, alert: Alert) -> None:
        """Post with the event's id as the key by which the receiver recognizes a repetition."""
        secret = self._secret(destination)
        headers = {"Idempotency-Key": alert.event.event_id}
        _post(destination, secret, secret.sole("url"), alert.document, headers)

    def _send(self, destination: Destination, alert: Alert) -> None:
        assert destination.queue_arn is not None
        sqs = self.service("sqs", destination.queue_arn.split(":")[3])
        sqs.send_message(
            QueueUrl=queue_url(sqs, destination.queue_arn),
            MessageBody=to_json(alert.document),
            MessageAttributes={
                "event_id": {"DataType": "String", "StringValue": alert.event.event_id}
            },
        )

    def _enqueue(self, destination: Destination, alert: Alert, incident: Incident) -> None:
        secret = self._secret(destination)
        body = pagerduty.payload(
            alert.event,
            incident,
            secret.sole("routing_key"),
            report_url=self.report_url,
            late=alert.late,
            test=alert.test,
        )
        url = secret.values.get("url", pagerduty.ENQUEUE_URL)
        _post(destination, secret, url, body, accepted=ACCEPTED)

    def _request(self, destination: Destination, alert: Alert, incident: Incident) -> None:
        secret = self._secret(destination)
        request = opsgenie.request(
            alert.event, incident, report_url=self.report_url, late=alert.late, test=alert.test
        )
        url = secret.values.get("url", opsgenie.API_URL).rstrip("/") + request.path
        headers = {"Authorization": f"GenieKey {secret.sole('api_key')}"}
        _post(destination, secret, url, request.body, headers, accepted=ACCEPTED)


def _subject(card: Card) -> str | None:
    """The subject of a card's thread; None for cards without one: a digest, a summary, a test."""
    return card.subject if card.kind in list(EventType) and not card.test else None


def _post(
    destination: Destination,
    secret: Secret,
    url: str,
    body: Mapping[str, Any],
    headers: Mapping[str, str] = NO_HEADERS,
    accepted: int | None = None,
) -> None:
    """Raises Refused unless the response has the status that means success, or any 2xx if none is
    named."""
    answer = post(url, body, headers)
    if not (answer.is_accepted if accepted is None else answer.status == accepted):
        raise Refused(destination, answer, secret)


def _object(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
