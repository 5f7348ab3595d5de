"""How bad each state is: the whole table, state by state."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.builders import DAY, HOUR, NOON, a_block, a_snapshot, an_odcr
from truffle.core.diff import compare
from truffle.core.events import EventType, Severity
from truffle.core.model import Reservation

INFO, GOOD = Severity.INFO, Severity.GOOD
WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


def severity_of(before: Reservation, after: Reservation) -> Severity:
    """The severity of the one change of state between two observations an hour apart."""
    events = compare(a_snapshot(before, at=NOON - HOUR), a_snapshot(after, at=NOON))
    [event] = [event for event in events if event.type is EventType.STATE_CHANGED]
    return event.severity


@pytest.mark.parametrize(
    ("state", "severity"),
    [
        ("payment-pending", INFO),
        ("payment-failed", CRITICAL),
        ("scheduled", GOOD),
        ("active", GOOD),
        ("failed", CRITICAL),
        ("cancelled", CRITICAL),
        ("unavailable", CRITICAL),
        ("pending", INFO),
        ("a-state-of-tomorrow", WARNING),
    ],
)
def test_the_severity_of_a_block_that_enters_a_state(state: str, severity: Severity) -> None:
    assert severity_of(a_block(state="assessing"), a_block(state=state)) is severity


@pytest.mark.parametrize(
    ("state", "severity"),
    [
        ("active", GOOD),
        ("pending", INFO),
        ("assessing", INFO),
        ("scheduled", GOOD),
        ("delayed", WARNING),
        ("unsupported", CRITICAL),
        ("failed", CRITICAL),
        ("unavailable", CRITICAL),
        ("cancelling", INFO),
        ("cancelled", INFO),
        ("a-state-of-tomorrow", WARNING),
    ],
)
def test_the_severity_of_an_odcr_that_enters_a_state(state: str, severity: Severity) -> None:
    assert severity_of(an_odcr(state="payment-pending"), an_odcr(state=state)) is severity


@pytest.mark.parametrize(
    ("row", "severity"),
    [
        (a_block(state="expired", start_date=NOON - 8 * DAY, end_date=NOON - DAY), INFO),
        (a_block(state="expired", start_date=NOON - DAY, end_date=NOON + DAY), CRITICAL),
        (an_odcr(state="expired", end_date=NOON - HOUR), INFO),
        (an_odcr(state="expired", end_date=NOON + HOUR), WARNING),
        (an_odcr(state="expired", end_date=None), WARNING),
    ],
)
def test_the_severity_of_an_end_on_time_and_of_one_that_comes_early(
    row: Reservation, severity: Severity
) -> None:
    assert severity_of(replace(row, state="active"), row) is severity
