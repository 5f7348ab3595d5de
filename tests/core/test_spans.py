"""Spans: what snapshots prove was held, against a replay of the same hours by the minute."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.builders import HOME, HOUR, NOON, OHIO, OTHER, a_block, an_odcr
from truffle.core.model import Reservation, Scope, Snapshot
from truffle.core.spans import Span, merged, spans_of


def at(hours: float) -> datetime:
    return NOON + hours * HOUR


def seen(hours: float, *rows: Reservation, scope: Scope = OHIO) -> Snapshot:
    return Snapshot(scope, at(hours), rows)


def bounds(spans: list[Span]) -> list[tuple[float, float, bool]]:
    """Start and end in hours since noon, and whether it was observed."""
    return sorted(((s.start - NOON) / HOUR, (s.end - NOON) / HOUR, s.is_observed) for s in spans)


def test_a_snapshot_holds_until_the_next_one() -> None:
    spans = spans_of([seen(0, an_odcr()), seen(1)], at(5), HOUR)
    assert bounds(spans) == [(0, 1, True)]


def test_what_does_not_change_is_one_span() -> None:
    spans = spans_of([seen(0, an_odcr()), seen(1, an_odcr()), seen(2, an_odcr())], at(3), HOUR)
    assert bounds(spans) == [(0, 3, True)]


def test_another_use_begins_another_span() -> None:
    free = an_odcr(available_capacity=8)
    spans = spans_of([seen(0, an_odcr()), seen(1, free)], at(2), HOUR)
    assert bounds(spans) == [(0, 1, True), (1, 2, True)]


@pytest.mark.parametrize("state", ["scheduled", "payment-pending", "cancelled", "expired"])
def test_only_an_active_reservation_is_held(state: str) -> None:
    assert spans_of([seen(0, a_block(state=state))], at(1), HOUR) == []


def test_a_reservation_that_ends_between_two_snapshots_ends_at_its_own_end() -> None:
    row = an_odcr(end_date=at(0.25))
    assert bounds(spans_of([seen(0, row), seen(1)], at(1), HOUR)) == [(0, 0.25, True)]


def test_a_block_that_starts_between_two_snapshots_counts_from_its_start() -> None:
    before = a_block(start_date=at(0.5), end_date=at(24.5))
    after = a_block(state="active", start_date=at(0.5), end_date=at(24.5))
    assert bounds(spans_of([seen(0, before), seen(1, after)], at(1), HOUR)) == [(0.5, 1, True)]


def test_a_reservation_that_is_found_after_a_start_before_the_last_snapshot_counts_when_found() -> (
    None
):
    late = an_odcr(start_date=at(-3))
    assert bounds(spans_of([seen(0), seen(1, late)], at(2), HOUR)) == [(1, 2, True)]


@pytest.mark.parametrize(("gap", "is_observed"), [(2, True), (2.001, False)])
def test_more_than_two_periods_between_snapshots_are_unobserved(
    gap: float, is_observed: bool
) -> None:
    spans = spans_of([seen(0, an_odcr()), seen(gap, an_odcr())], at(gap), HOUR)
    assert bounds(spans) == [(0, gap, is_observed)]


def test_the_last_snapshot_holds_for_two_periods_at_most() -> None:
    assert bounds(spans_of([seen(0, an_odcr())], at(3), HOUR)) == [(0, 3, False)]


def test_nothing_is_known_before_the_first_snapshot() -> None:
    assert bounds(spans_of([seen(5, an_odcr(start_date=at(-50)))], at(6), HOUR)) == [(5, 6, True)]


def test_a_shared_reservation_counts_once_and_as_its_owner_sees_it() -> None:
    owner = an_odcr(account_id=OTHER, owner_id=OTHER)
    consumer = an_odcr(account_id=HOME, owner_id=OTHER)
    both = [Span(consumer, at(0), at(2)), Span(owner, at(0), at(2))]
    assert [(span.row.account_id, *bounds([span])[0]) for span in merged(both)] == [
        (OTHER, 0, 2, True)
    ]


def test_a_consumer_fills_the_gap_of_an_owner_that_fails() -> None:
    owner = an_odcr(account_id=OTHER, owner_id=OTHER)
    consumer = an_odcr(account_id=HOME, owner_id=OTHER)
    spans = merged(
        [
            Span(owner, at(0), at(1)),
            Span(owner, at(1), at(5), is_observed=False),
            Span(consumer, at(2), at(3)),
        ]
    )
    assert bounds(spans) == [(0, 1, True), (1, 2, False), (2, 3, True), (3, 5, False)]


def test_each_moment_of_a_shared_reservation_counts_once() -> None:
    rows = [an_odcr(account_id=account, owner_id="999999999999") for account in (HOME, OTHER)]
    spans = merged([Span(rows[0], at(0), at(3)), Span(rows[1], at(1), at(4))])
    assert sum((span.end - span.start for span in spans), timedelta()) == 4 * HOUR
