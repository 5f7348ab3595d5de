"""The calendar, as another parser (vobject) reads it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import vobject
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import DAY, HOUR, NOON, a_block, an_event, an_odcr
from tests.effort import examples
from tests.strategies import blocks, hostile_texts
from truffle.core.events import EventType
from truffle.core.model import CapacityBlock, Commitment, Reservation
from truffle.core.timeline import TimelineSpan, span_of
from truffle.feeds.calendar import Memory, calendar, last_changes

SINCE_LAST = Memory(is_complete=True)


def written(*rows: Reservation, memory: Memory = SINCE_LAST, now: datetime = NOON) -> bytes:
    return calendar([span_of(row) for row in rows], now, memory)


def read(text: bytes) -> dict[str, Any]:
    """The events by their UIDs, without the common end."""
    parsed = vobject.readOne(text.decode())
    found = getattr(parsed, "vevent_list", [])
    assert len({event.uid.value for event in found}) == len(found)
    return {event.uid.value.removesuffix("@truffle"): event for event in found}


def after(text: bytes, *, is_complete: bool = True) -> Memory:
    return Memory(previous=text, is_complete=is_complete)


def sequence(text: bytes, name: str = "cr-1") -> int:
    return int(read(text)[name].sequence.value)


def test_a_block_has_events_for_itself_its_effective_end_and_its_last_extension() -> None:
    row = a_block("cr-1", start_date=NOON, end_date=NOON + DAY)
    events = read(written(row))
    assert {name: event.dtstart.value for name, event in events.items()} == {
        "cr-1": NOON,
        "cr-1-effective-end": NOON + DAY - timedelta(minutes=30),
        "cr-1-extension-deadline": NOON + DAY - HOUR,
    }
    assert events["cr-1"].dtend.value == NOON + DAY


def test_each_event_reminds_a_day_and_an_hour_before() -> None:
    for event in read(written(a_block("cr-1"))).values():
        alarms = [alarm.trigger.value for alarm in event.valarm_list]
        assert alarms == [-DAY, -HOUR]


def test_an_odcr_and_a_block_without_dates_have_no_event() -> None:
    assert read(written(an_odcr(), a_block(start_date=None, end_date=None))) == {}


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("scheduled", "CONFIRMED"),
        ("active", "CONFIRMED"),
        ("expired", "CONFIRMED"),
        ("payment-pending", "TENTATIVE"),
        ("payment-failed", "CANCELLED"),
        ("cancelled", "CANCELLED"),
    ],
)
def test_the_status_follows_from_the_state(state: str, status: str) -> None:
    assert read(written(a_block("cr-1", state=state)))["cr-1"].status.value == status


def test_a_block_that_vanished_before_its_end_is_cancelled_and_says_so() -> None:
    row = a_block("cr-1", tags={"Name": "train"}, observed_at=NOON)
    event = read(calendar([span_of(row, is_gone=True)], NOON))["cr-1"]
    assert event.status.value == "CANCELLED"
    assert event.summary.value.startswith("Cancelled: train")
    assert not hasattr(event, "valarm")


def test_a_block_that_left_at_its_end_is_not_cancelled() -> None:
    row = a_block("cr-1", state="active", end_date=NOON, observed_at=NOON - HOUR)
    assert read(calendar([span_of(row, is_gone=True)], NOON))["cr-1"].status.value == "CONFIRMED"


def test_without_a_change_the_calendar_stays_the_same() -> None:
    first = written(a_block("cr-1"), a_block("cr-2"))
    again = written(a_block("cr-2"), a_block("cr-1"), memory=after(first), now=NOON + 9 * DAY)
    assert again == first


def test_a_change_raises_the_sequence_by_one() -> None:
    first = written(a_block("cr-1"))
    second = written(a_block("cr-1", end_date=NOON + 30 * DAY), memory=after(first))
    third = written(a_block("cr-1", end_date=NOON + 31 * DAY), memory=after(second))
    assert [sequence(text) for text in (first, second, third)] == [0, 1, 2]


def test_the_events_of_the_stack_raise_the_sequence_without_a_calendar_before() -> None:
    row = a_block("cr-1", create_date=NOON - DAY)
    moved = an_event(row, type=EventType.RESCHEDULED, observed_at=NOON)
    again = an_event(row, type=EventType.EXTENDED, observed_at=NOON + HOUR)
    before = written(row, memory=Memory(last_changes([moved])))
    later = written(row, memory=Memory(last_changes([again, moved])))
    assert sequence(written(row)) < sequence(before) < sequence(later)


def test_an_event_that_is_not_a_change_of_the_block_changes_nothing() -> None:
    soon = an_event(a_block("cr-1"), type=EventType.STARTING_SOON)
    assert last_changes([soon]) == {}


def test_a_block_that_is_not_listed_any_more_is_cancelled() -> None:
    first = written(a_block("cr-1"))
    event = read(written(memory=after(first)))["cr-1"]
    assert (event.status.value, event.sequence.value) == ("CANCELLED", "1")


def test_it_is_cancelled_once() -> None:
    cancelled = written(memory=after(written(a_block("cr-1"))))
    assert written(memory=after(cancelled), now=NOON + HOUR) == cancelled


def test_after_an_incomplete_listing_nothing_is_cancelled() -> None:
    first = written(a_block("cr-1"))
    assert read(written(memory=after(first, is_complete=False)))["cr-1"].status.value == "CONFIRMED"


def test_a_block_of_the_past_that_is_not_listed_any_more_stays_as_it_was() -> None:
    first = written(a_block("cr-1", start_date=NOON - 9 * DAY, end_date=NOON - DAY))
    assert written(memory=after(first)) == first


def test_scopes_that_could_not_be_listed_are_named() -> None:
    text = calendar([], NOON, missing=["eu-west-1 (Throttled)"])
    assert b"Incomplete: eu-west-1 (Throttled) could not be listed." in text


def test_another_program_s_calendar_is_refused() -> None:
    other = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:other\r\nEND:VCALENDAR\r\n"
    with pytest.raises(ValueError, match="not a calendar that truffle wrote"):
        written(memory=after(other))


@settings(max_examples=examples(40), deadline=None)
@given(hostile_texts, hostile_texts)
def test_text_of_tags_adds_no_property_and_no_event(name: str, zone: str) -> None:
    row = a_block("cr-1", tags={"Name": f"{name}\r\nEND:VEVENT\r\n"}, availability_zone=zone)
    text = written(row)
    assert len(read(text)) == 3
    assert all(len(line) <= 75 for line in text.split(b"\r\n"))


@settings(max_examples=examples(40), deadline=None)
@given(st.lists(blocks(), max_size=4, unique_by=lambda row: row.reservation_id))
def test_every_block_with_dates_is_in_the_calendar(rows: list[CapacityBlock]) -> None:
    spans: list[TimelineSpan] = [span_of(row) for row in rows]
    dated = {
        row.reservation_id for row in rows if row.end_date and (row.start_date or row.create_date)
    }
    found = read(calendar(spans, NOON))
    assert {name for name in found if not name.endswith(("-end", "-deadline"))} == dated


def committed(state: str = "active") -> Reservation:
    return an_odcr("cr-1", state=state, commitment=Commitment(4, NOON + DAY))


def test_the_end_of_a_commitment_is_an_event() -> None:
    events = read(written(committed()))
    assert {name: event.dtstart.value for name, event in events.items()} == {
        "cr-1-commitment-end": NOON + DAY
    }


@pytest.mark.parametrize("state", ["delayed", "cancelled", "cancelling", "unsupported"])
def test_a_commitment_that_is_waived_or_over_has_no_event(state: str) -> None:
    assert read(written(committed(state))) == {}
