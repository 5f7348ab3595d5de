"""Spans of reservations, windows, and gaps between blocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.builders import DAY, HOUR, NOON, a_block, an_event, an_odcr
from truffle.core.events import Event, EventType
from truffle.core.model import STATES, Reservation
from truffle.core.timeline import (
    FARTHEST,
    Phase,
    extensions_on_offer,
    gaps,
    gone,
    in_order,
    phase_of,
    span_of,
    window,
)


def a_block_of(team: str | None, first: int, days: int, **facts: object) -> Reservation:
    tags = {"Team": team} if team else {}
    start = NOON + first * DAY
    name = f"cr-{team}-{first}"
    return a_block(name, start_date=start, end_date=start + days * DAY, tags=tags, **facts)


def gaps_of(*rows: Reservation) -> list[tuple[str, int, int]]:
    """The gaps by team, their bounds in days from noon."""
    found = gaps(map(span_of, rows), lambda row: row.tags.get("Team"))
    return [(gap.group, (gap.start - NOON).days, (gap.end - NOON).days) for gap in found]


def ending(row: Reservation, on_offer: object, hours: int = 0) -> Event:
    return an_event(
        row,
        type=EventType.ENDING_SOON,
        observed_at=NOON + hours * HOUR,
        after={"extension": {"on_offer": on_offer}},
    )


@pytest.mark.parametrize("state", STATES)
def test_every_state_of_ec2_has_a_phase(state: str) -> None:
    assert phase_of(state) is not Phase.UNKNOWN


def test_a_state_of_the_future_has_the_phase_unknown() -> None:
    assert phase_of("teleporting") is Phase.UNKNOWN


def test_a_block_can_be_extended_until_an_hour_before_its_end() -> None:
    span = span_of(a_block(state="active", end_date=NOON + DAY))
    assert (span.effective_end, span.deadline) == (NOON + DAY - HOUR / 2, NOON + DAY - HOUR)


@pytest.mark.parametrize("state", ["expired", "payment-pending", "payment-failed"])
def test_a_block_in_another_state_cannot_be_extended(state: str) -> None:
    assert span_of(a_block(state=state), on_offer=True).deadline is None
    assert span_of(a_block(state=state), on_offer=True).on_offer is None


def test_an_odcr_has_neither_an_effective_end_nor_a_deadline() -> None:
    span = span_of(an_odcr(end_date=NOON))
    assert (span.effective_end, span.deadline, span.end) == (None, None, NOON)


def test_a_reservation_that_is_gone_is_over() -> None:
    assert span_of(a_block(state="active"), is_gone=True).phase is Phase.OVER


def test_an_end_at_the_beginning_of_time_has_no_deadline() -> None:
    first = datetime(1, 1, 1, tzinfo=UTC)
    row = replace(a_block(state="active"), end_date=first)
    assert span_of(row).deadline is None


def test_spans_are_in_order_of_start_and_end_and_those_without_dates_last() -> None:
    late = a_block("cr-3", start_date=NOON + DAY, end_date=NOON + 3 * DAY)
    short = a_block("cr-2", start_date=NOON, end_date=NOON + DAY)
    long = a_block("cr-1", start_date=NOON, end_date=NOON + 2 * DAY)
    unknown = a_block("cr-0", start_date=None, end_date=None, create_date=None)
    spans = in_order(map(span_of, (unknown, late, long, short)))
    assert [span.row.reservation_id for span in spans] == ["cr-2", "cr-1", "cr-3", "cr-0"]


def test_the_window_goes_from_30_days_ago_to_the_last_end() -> None:
    spans = [span_of(a_block(end_date=NOON + 40 * DAY))]
    assert window(spans, NOON) == (NOON - 30 * DAY, NOON + 40 * DAY)


def test_the_window_goes_a_week_ahead_where_nothing_ends_later() -> None:
    assert window([], NOON) == (NOON - 30 * DAY, NOON + 7 * DAY)


def test_the_window_ends_where_a_date_is_at_the_end_of_time() -> None:
    end = datetime(9999, 12, 31, tzinfo=UTC)
    assert window([span_of(an_odcr(end_date=end))], NOON)[1] == NOON + FARTHEST


def test_the_window_has_the_days_that_were_asked_for() -> None:
    assert window([], NOON, NOON - DAY, days=3) == (NOON - DAY, NOON + 3 * DAY)


def test_a_gap_is_between_two_blocks_of_one_team() -> None:
    rows = (a_block_of("a", 0, 2), a_block_of("a", 5, 2), a_block_of("b", 2, 2))
    assert gaps_of(*rows) == [("a", 2, 5)]


def test_a_longer_block_covers_the_gap_behind_a_shorter_one() -> None:
    assert gaps_of(a_block_of("a", 0, 9), a_block_of("a", 1, 2), a_block_of("a", 9, 1)) == []


@pytest.mark.parametrize("state", ["payment-failed", "failed", "cancelled"])
def test_a_block_that_is_not_held_fills_no_gap(state: str) -> None:
    rows = (a_block_of("a", 0, 2), a_block_of("a", 2, 3, state=state), a_block_of("a", 5, 2))
    assert gaps_of(*rows) == [("a", 2, 5)]


def test_blocks_without_a_team_have_no_gaps() -> None:
    assert gaps_of(a_block_of(None, 0, 2), a_block_of(None, 5, 2)) == []


def test_the_newest_answer_about_an_extension_counts() -> None:
    row = a_block("cr-1", state="active")
    assert extensions_on_offer([ending(row, True, 1), ending(row, False)]) == {"cr-1": True}


@pytest.mark.parametrize("on_offer", [None, "true", 1])
def test_what_is_not_an_answer_about_an_extension_is_unknown(on_offer: object) -> None:
    assert extensions_on_offer([ending(a_block(), on_offer)]) == {}


def test_what_vanished_and_is_not_listed_again_is_gone() -> None:
    lost = an_event(a_block("cr-lost"), type=EventType.VANISHED)
    back = an_event(a_block("cr-back"), type=EventType.VANISHED)
    found = an_event(a_block("cr-found"), type=EventType.DISCOVERED)
    assert [row.reservation_id for row in gone([found, back, lost], ["cr-back"])] == ["cr-lost"]


def test_what_was_discovered_after_it_vanished_is_not_gone() -> None:
    row = a_block("cr-1")
    lost = an_event(row, type=EventType.VANISHED)
    again = an_event(row, type=EventType.DISCOVERED, observed_at=NOON + HOUR)
    assert gone([again, lost], []) == []
