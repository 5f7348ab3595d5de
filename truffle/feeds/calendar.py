"""Capacity blocks as an iCalendar (RFC 5545): each block, its effective end, its extension
deadline.

A calendar requests a feed rarely, Google's less than once a day. So its events are plans with
reminders, not alerts.

SEQUENCE must increase with each change (RFC 5545, section 3.8.7.4), which requires a memory: the
events of the deployed stack, and the calendar that this one replaces, if any.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from icalendar import Alarm, Calendar, Event

from truffle.core import events as happened
from truffle.core.deadlines import EXTENSION_NOTICE, commitment_end
from truffle.core.events import EventType
from truffle.core.quoting.terminal import visible
from truffle.core.timeline import Phase, TimelineSpan
from truffle.core.wording import named_account
from truffle.messages.advice import reservation_url
from truffle.messages.fields import instances

CONTENT_TYPE = "text/calendar; charset=utf-8"
PRODUCT = "-//truffle//GPU capacity//EN"
REFRESH = timedelta(hours=1)
"""How often a calendar should refresh (RFC 7986, REFRESH-INTERVAL); a hint."""

ALARMS = (timedelta(days=1), timedelta(hours=1))

CHANGES = frozenset(
    {
        EventType.DISCOVERED,
        EventType.STATE_CHANGED,
        EventType.RESIZED,
        EventType.RESCHEDULED,
        EventType.EXTENDED,
        EventType.VANISHED,
    }
)
"""The events that change what a calendar shows."""

_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
_PERIOD = timedelta(hours=2)
_CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One event of the calendar, before formatting."""

    uid: str
    summary: str
    start: datetime
    status: str
    end: datetime | None = None
    description: str = ""
    location: str = ""
    url: str | None = None
    alarms: tuple[timedelta, ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of a calendar: when each reservation last changed, and the previous calendar.

    ``sequences`` has the number of changes of each reservation, if known. ``is_complete`` is
    whether every scope was listed: only then is a missing block gone.
    """

    changed: Mapping[str, datetime] = field(default_factory=dict)
    sequences: Mapping[str, int] = field(default_factory=dict)
    previous: bytes | None = None
    is_complete: bool = False


def last_changes(events: Iterable[happened.Event]) -> dict[str, datetime]:
    """When each reservation last changed, by its id."""
    changed: dict[str, datetime] = {}
    for event in events:
        if event.type in CHANGES and event.reservation is not None:
            name = event.reservation.reservation_id
            changed[name] = max(changed.get(name, event.observed_at), event.observed_at)
    return changed


def calendar(
    spans: Iterable[TimelineSpan],
    now: datetime,
    memory: Memory = Memory(),
    missing: Sequence[str] = (),
) -> bytes:
    """The calendar of these blocks; ``missing`` names the scopes that could not be listed.

    Without a change it has the same bytes as the previous calendar. Raises ValueError if the
    previous calendar cannot be read.
    """
    made = Calendar()
    made.add("prodid", PRODUCT)
    made.add("version", "2.0")
    made.add("x-wr-calname", "GPU capacity")
    made.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    made.add("x-published-ttl", "PT1H")
    if missing:
        text = f"Incomplete: {', '.join(map(visible, sorted(missing)))} could not be listed."
        made.add("x-wr-caldesc", text)
    before = _events_of(memory.previous)
    written = {}
    for span in spans:
        for planned in planned_events(span):
            written[planned.uid] = _write(planned, span, before.get(planned.uid), memory, now)
    for uid in before.keys() - written.keys():
        written[uid] = _kept(before[uid], memory, now)
    for uid in sorted(written):
        made.add_component(written[uid])
    return bytes(made.to_ical())


def has_dates(span: TimelineSpan) -> bool:
    """Whether a reservation has an event in a calendar."""
    is_block = span.row.kind.is_prepaid and span.start is not None and span.end is not None
    return is_block or commitment_end(span.row) is not None


def planned_events(span: TimelineSpan) -> Iterator[Planned]:
    """The events of a block with a start and an end, and the end of an ODCR's commitment."""
    if not has_dates(span):
        return
    row, committed = span.row, commitment_end(span.row)
    name = visible(row.name or row.reservation_id)
    status = _status(span)
    prefix = "Cancelled: " if status == _CANCELLED else ""
    alarms = () if prefix else ALARMS
    url = reservation_url(row)
    account = named_account(row.account_id, row.account_name) if row.account_id else "unknown"
    about = visible(f"{row.reservation_id}, state {row.state}, account {account}")
    place = visible(row.availability_zone or row.region)

    def planned(kind: str, suffix: str, start: datetime, end: datetime | None = None) -> Planned:
        uid = f"{visible(row.reservation_id)}{kind}@truffle"
        summary = f"{prefix}{name}{suffix}"
        return Planned(
            uid=uid,
            summary=summary,
            start=start,
            status=status,
            end=end,
            description=about,
            location=place,
            url=url,
            alarms=alarms,
        )

    if committed is not None:
        yield planned("-commitment-end", ": its commitment ends", committed)
    if not row.kind.is_prepaid or span.start is None or span.end is None:
        return
    yield planned("", f": {visible(instances(row))}", span.start, span.end)
    if row.effective_end is not None:
        yield planned("-effective-end", ": AWS terminates its instances", row.effective_end)
    if span.phase is not Phase.FAILED and span.end - _BEGINNING > EXTENSION_NOTICE:
        deadline = span.end - EXTENSION_NOTICE
        yield planned("-extension-deadline", ": extension deadline", deadline)


def _status(span: TimelineSpan) -> str:
    state = span.row.state
    if span.phase is Phase.FAILED or state in ("cancelled", "cancelling"):
        return _CANCELLED
    if span.is_gone and state != "expired" and not _was_at_its_end(span):
        return _CANCELLED
    return "TENTATIVE" if span.phase is Phase.UNPAID else "CONFIRMED"


def _was_at_its_end(span: TimelineSpan) -> bool:
    """Whether a gone reservation had ended, as far as two listings show."""
    seen = span.row.observed_at
    return span.end is not None and seen is not None and span.end - seen <= _PERIOD


# --- writing -------------------------------------------------------------------------------------


def _write(
    planned: Planned, span: TimelineSpan, before: Event | None, memory: Memory, now: datetime
) -> Event:
    created = span.row.create_date or _BEGINNING
    changed = memory.changed.get(span.row.reservation_id)
    minutes = max(0, (changed - created) // timedelta(minutes=1)) if changed else 0
    sequence = memory.sequences.get(span.row.reservation_id, minutes)
    stamp = changed or created
    made = _component(planned)
    if before is not None:
        is_same = _content(before) == _content(made)
        kept = int(before.get("sequence", 0))
        sequence = max(sequence, kept if is_same else kept + 1)
        stamp = before.DTSTAMP or now if is_same else now
    made.add("sequence", sequence)
    made.add("dtstamp", stamp)
    return made


def _component(planned: Planned) -> Event:
    made = Event()
    made.add("uid", planned.uid)
    made.add("summary", planned.summary)
    made.add("dtstart", planned.start)
    if planned.end is not None:
        made.add("dtend", planned.end)
    made.add("status", planned.status)
    made.add("transp", "TRANSPARENT")
    made.add("description", planned.description)
    made.add("location", planned.location)
    if planned.url:
        made.add("url", planned.url)
    for early in planned.alarms:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", planned.summary)
        alarm.add("trigger", -early)
        made.add_component(alarm)
    return made


def _kept(before: Event, memory: Memory, now: datetime) -> Event:
    """An event of the previous calendar whose block is not listed: cancelled if it is in the future
    and the listing was complete."""
    end = before.DTEND or before.DTSTART
    is_over = not isinstance(end, datetime) or end <= now or before.get("status") == _CANCELLED
    if is_over or not memory.is_complete:
        return before
    summary = f"Cancelled: {before['summary']}"
    for name, value in (
        ("summary", summary),
        ("status", _CANCELLED),
        ("sequence", int(before.get("sequence", 0)) + 1),
        ("dtstamp", now),
    ):
        del before[name]
        before.add(name, value)
    before.subcomponents = []
    return before


def _content(event: Event) -> bytes:
    """The entry of an event."""
    copied = Event.from_ical(event.to_ical())
    for name in ("sequence", "dtstamp"):
        copied.pop(name, None)
    return bytes(copied.to_ical())


def _events_of(previous: bytes | None) -> dict[str, Event]:
    """The events of a calendar. Raises ValueError unless truffle wrote it."""
    if previous is None:
        return {}
    read = Calendar.from_ical(previous.decode())
    if read.get("prodid") != PRODUCT:
        raise ValueError("it is not a calendar that truffle wrote")
    return {str(event["uid"]): event for event in read.events}
