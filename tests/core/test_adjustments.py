"""A change of dates that EC2 rejects: an event of its own, since nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import DAY, NOON, an_odcr
from tests.core.diffs import happened, kinds, the_event
from truffle.core.events import EventType, Severity
from truffle.core.model import Adjustment, Odcr

START = NOON + 10 * DAY
REQUESTED = Adjustment("requested", START + timedelta(days=7))


def with_change(status: str | None, **facts: object) -> Odcr:
    change = replace(REQUESTED, status=status) if status else None
    return an_odcr("cr-a", state="scheduled", start_date=START, adjustment=change, **facts)


def test_the_event_names_the_dates_that_stay_away() -> None:
    event = the_event(with_change("requested"), with_change("rejected"))

    assert (event.type, event.severity) == (EventType.CHANGE_REJECTED, Severity.WARNING)
    assert event.summary.endswith(
        "keeps its dates: EC2 rejected the change to start 2026-12-11T12:00:00Z."
    )
    assert event.reason == "requested → rejected"
    assert event.after is not None
    assert event.after["adjustment"] is not None
    assert event.after["adjustment"]["status"] == "rejected"


def test_the_dates_are_those_of_the_request_where_the_rejection_has_none() -> None:
    rejected = replace(with_change(None), adjustment=Adjustment("rejected"))
    assert "to start 2026-12-11T12:00:00Z" in the_event(with_change("requested"), rejected).summary
    assert the_event(with_change(None), rejected).summary.endswith("EC2 rejected the change.")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "requested"),
        ("requested", "requested"),
        ("requested", "applied"),
        ("rejected", "rejected"),
        ("rejected", "requested"),
    ],
)
def test_no_other_status_is_an_event(before: str | None, after: str) -> None:
    assert happened(with_change(before), with_change(after)) == []


def test_an_applied_change_is_a_new_schedule() -> None:
    moved = replace(with_change("applied"), start_date=REQUESTED.start_date)
    assert kinds(happened(with_change("requested"), moved)) == ["rescheduled"]


def test_a_second_rejection_is_an_event_again() -> None:
    other = Adjustment("rejected", START + timedelta(days=8))
    second = replace(with_change(None), adjustment=other)
    assert kinds(happened(with_change("rejected"), second)) == ["change_rejected"]


def test_an_odcr_that_is_over_has_no_dates_to_change() -> None:
    over = replace(with_change("rejected"), state="cancelled")
    assert kinds(happened(with_change("requested"), over)) == ["state_changed"]


def test_a_consumer_that_does_not_see_the_change_keeps_what_was_reported() -> None:
    assert with_change(None).completed(with_change("rejected")) == with_change("rejected")
