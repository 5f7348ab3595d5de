"""Cards: the content of messages before formatting, for an event, a digest, a day.

A card has the unmodified texts; each format truncates and escapes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import quote

from truffle.core.daily import Day
from truffle.core.deadlines import end_of
from truffle.core.events import Event, EventType, Severity, fleet_of
from truffle.core.model import Reservation, Scope
from truffle.core.offerings import Offering, sold_hours
from truffle.core.quoting.shell import word
from truffle.core.regions import partition_of
from truffle.core.times import format_time, whole
from truffle.messages.advice import console_url, next_step
from truffle.messages.fields import Fact, facts_of
from truffle.messages.sections import Section, section_of_events, sections_of_day
from truffle.messages.wording import counted, moment, moment_from, span

EMOJI = {
    Severity.INFO: "ℹ️",
    Severity.GOOD: "✅",
    Severity.WARNING: "⚠️",
    Severity.CRITICAL: "🚨",
}


@dataclass(frozen=True, slots=True)
class Link:
    """A button, or a line with a URL."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A message to people.

    ``kind`` is the event's type, ``digest`` or ``daily_summary``. ``message_id`` is the same for
    the same content. ``summary`` is the sentence, ``step`` the next step, ``command`` shows more on
    the command line. ``subject`` groups messages: a block, a reservation, a scope. ``late`` is the
    age of a late delivery.
    """

    kind: str
    message_id: str
    title: str
    severity: Severity
    summary: str
    footer: str
    command: str
    subject: str
    step: str | None = None
    facts: tuple[Fact, ...] = ()
    links: tuple[Link, ...] = ()
    sections: tuple[Section, ...] = ()
    keywords: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    late: timedelta | None = None
    test: bool = False

    @property
    def headline(self) -> str:
        """The title, with TEST for a test."""
        return f"TEST: {self.title}" if self.test else self.title

    @property
    def notification(self) -> str:
        """The sentence for notifications, such as on a lock screen."""
        return f"{EMOJI[self.severity]} {'TEST: ' if self.test else ''}{self.summary}"

    @property
    def notes(self) -> tuple[str, ...]:
        """The caveat before the sentence: a test, a late delivery."""
        notes = []
        if self.test:
            notes.append("TEST: sample alert for this route; no reservation changed.")
        if self.late is not None:
            notes.append(f"Delivered late: observed {span(self.late)} ago.")
        return tuple(notes)


def event_card(
    event: Event,
    *,
    report_url: str | None = None,
    late: timedelta | None = None,
    test: bool = False,
) -> Card:
    """The card of one event. ``late`` is how long after its observation it is delivered."""
    row, now = event.reservation, event.observed_at + (late or timedelta())
    return Card(
        kind=event.type.value,
        message_id=event.event_id,
        title=f"{_title(event, now)} · {event.region}",
        severity=event.severity,
        summary=event.summary,
        footer=_footer(event),
        command=_command(event),
        subject=subject_of(event),
        step=next_step(event, now),
        facts=facts_of(event, now),
        links=tuple(_links(event, report_url)),
        keywords=_keywords(event),
        resources=(_arn(event, row),) if row else (),
        late=late,
        test=test,
    )


def subject_of(event: Event) -> str:
    """The subject of an event: its block, reservation, watch in a region, fleet, or scope."""
    row = event.reservation
    if event.watch is not None:
        return f"watch/{event.watch}/{event.region}"
    if row is None:
        return fleet_of(event) or str(Scope(event.account_id, event.region))
    return row.block_id or row.reservation_id


def _keywords(event: Event) -> tuple[str, ...]:
    row = event.reservation
    words = (row.type if row else event.watch, event.region, event.instance_type)
    return tuple(word for word in words if word)


def _command(event: Event) -> str:
    if event.reservation is not None:
        return f"truffle history {word(event.reservation.reservation_id)}"
    if event.type is EventType.FLEET_SHORT:
        return f"truffle fleets --regions {word(event.region)}"
    return _search(event.offering) if event.offering else "truffle status"


def _search(offering: Offering) -> str:
    """The command that searches for the same block."""
    sold = offering.ultraserver_type or offering.instance_type
    count = offering.ultraserver_count or offering.instance_count
    if not sold or not count or not offering.duration_hours:
        return "truffle offerings --help"
    days = sold_hours(offering.duration_hours) // 24
    where = f"--regions {word(offering.region)}"
    return f"truffle offerings --instance-type {word(sold)} --count {count} --days {days} {where}"


def _footer(event: Event) -> str:
    since = ""
    if event.previous_observed_at is not None:
        since = (
            f", {span(event.observed_at - event.previous_observed_at)} after the previous listing"
        )
    return f"Observed {moment(event.observed_at)}{since} · event {event.event_id}"


def _links(event: Event, report_url: str | None) -> Iterator[Link]:
    console = console_url(event)
    if console:
        yield Link("Buy in the EC2 console" if event.offering else "EC2 console", console)
    if report_url:
        yield Link("Report", _in_report(report_url, event.reservation))


def _in_report(report_url: str, row: Reservation | None) -> str:
    """The URL of a reservation in the published report, whose page reads its filter from the
    fragment."""
    if row is None:
        return report_url
    return f"{report_url}#q={quote(row.reservation_id, safe='', errors='replace')}"


def _arn(event: Event, row: Reservation) -> str:
    known = row.arn
    owner = row.owner_id or event.account_id
    partition = partition_of(event.region)
    place = f"arn:{partition}:ec2:{event.region}:{owner}"
    return known or f"{place}:capacity-reservation/{row.reservation_id}"


def _title(event: Event, now: datetime) -> str:
    row = event.reservation
    noun = "Reservation" if row is None else row.kind.noun
    match event.type:
        case EventType.STATE_CHANGED:
            state = row.state if row else str((event.after or {}).get("state", "changed"))
            return f"{noun} {state.replace('-', ' ')}"
        case EventType.DISCOVERED:
            return f"New {noun if noun == 'ODCR' else noun.lower()}"
        case EventType.HEALTH_CHANGED:
            return f"{noun} {_HEALTH.get(event.severity, 'health changed')}"
        case EventType.BILLING_REQUEST:
            request = row.billing_request if row else None
            return f"Billing request {request.status if request else 'changed'}"
        case EventType.CHANGE_REJECTED:
            return f"{noun}: change of dates rejected"
        case EventType.STARTING_SOON:
            started = _has_passed(row.start_date if row else None, now)
            return f"{noun} {'reached its start' if started else 'starts soon'}"
        case EventType.ENDING_SOON:
            ended = _has_passed(end_of(row) if row else None, now)
            return f"{noun} {'reached its end' if ended else 'ends soon'}"
        case EventType.FLEET_SHORT:
            return "Fleet below its target"
        case EventType.SCOPE_FAILING:
            return "Region cannot be listed"
        case EventType.SCOPE_RECOVERED:
            return "Region listed again"
        case EventType.OFFERING_APPEARED:
            return "Capacity block for sale"
        case EventType.PRICE_DROPPED:
            return "Capacity block for sale at a lower price"
        case EventType.OFFERING_GONE:
            return "Capacity block no longer for sale"
    return f"{noun} {_TITLES[event.type]}"


_HEALTH = {Severity.CRITICAL: "unhealthy", Severity.GOOD: "healthy again"}
_TITLES = {
    EventType.VANISHED: "gone",
    EventType.RESIZED: "resized",
    EventType.RESCHEDULED: "rescheduled",
    EventType.EXTENDED: "extended",
    EventType.PAYMENT_DUE: "not paid yet",
    EventType.LATE_DELIVERY: "late",
    EventType.IDLE: "idle",
}


def _has_passed(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now


def digest_card(
    events: Sequence[Event],
    *,
    report_url: str | None = None,
    late: timedelta | None = None,
    test: bool = False,
) -> Card:
    """One card for many events (at least one) of a run, the worst first."""
    ordered = sorted(events, key=lambda event: (-_RANK[event.severity], event.observed_at))
    by_severity = Counter(event.severity for event in events)
    counts = ", ".join(
        f"{by_severity[severity]:,} {severity}"
        for severity in _WORST_FIRST
        if by_severity[severity]
    )
    regions = sorted({event.region for event in events})
    where = regions[0] if len(regions) == 1 else counted(len(regions), "region")
    number = sha256("\n".join(sorted(event.event_id for event in events)).encode())
    return Card(
        kind="digest",
        message_id=number.hexdigest()[:32],
        title=f"{counted(len(events), 'event')} · {where}",
        severity=ordered[0].severity,
        summary=f"{counted(len(events), 'event')} in one run: {counts}.",
        footer=f"Observed {moment(max(event.observed_at for event in events))}",
        command="truffle events",
        subject=f"digest/{number.hexdigest()[:32]}",
        facts=(Fact("Types", _types(events)), Fact("Regions", ", ".join(regions))),
        links=_to_report(report_url),
        sections=(section_of_events(ordered),),
        late=late,
        test=test,
    )


def _to_report(report_url: str | None) -> tuple[Link, ...]:
    return (Link("Report", report_url),) if report_url else ()


_WORST_FIRST = tuple(reversed(Severity))
_RANK = {severity: rank for rank, severity in enumerate(Severity)}


def _types(events: Iterable[Event]) -> str:
    """``state changed: 12, idle: 1``."""
    types = Counter(event.type for event in events)
    return ", ".join(
        f"{kind.value.replace('_', ' ')}: {number:,}" for kind, number in types.most_common()
    )


def summary_card(day: Day, *, report_url: str | None = None, test: bool = False) -> Card:
    """The card of a day."""
    return Card(
        kind="daily_summary",
        message_id=f"daily_summary/{format_time(day.now)}",
        title="Daily summary of GPU capacity",
        severity=_severity(day),
        summary=_sentence(day),
        footer=f"As of {moment(day.now)} · {_age(day)}",
        command="truffle status",
        subject=f"daily_summary/{day.now.date().isoformat()}",
        links=_to_report(report_url),
        sections=sections_of_day(day),
        test=test,
    )


def _severity(day: Day) -> Severity:
    attention = day.failing or day.failed or day.unpaid or day.late
    return Severity.WARNING if attention else Severity.INFO


def _sentence(day: Day) -> str:
    """The sentence of a day; old data is mentioned first, because the numbers after it may be
    old."""
    reservations = sum(held.reservations for held in day.held)
    devices = whole(sum(held.accelerators for held in day.held))
    old = f"Data is old for {len(day.failing):,} of {counted(day.scopes, 'scope')}. "
    return (
        f"{old if day.failing else ''}"
        f"{counted(reservations, 'reservation')} held, {counted(devices, 'accelerator')}; "
        f"{len(day.starting):,} starting and {len(day.ending):,} ending in the next 24 h."
    )


def _age(day: Day) -> str:
    if day.oldest is None:
        return "no scope has been listed yet"
    return f"oldest data: {moment_from(day.oldest, day.now)}"
