"""The event that a route is tried with."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given

from tests.alerts import strategies
from tests.builders import NOON
from truffle.alerts.routing import matches
from truffle.alerts.sample import sample_event
from truffle.alerts.settings import Route, When
from truffle.core.events import Event, EventType, Severity, from_message, to_message
from truffle.core.model import Odcr


def sample(when: When | None = None) -> Event:
    return sample_event(Route("training", ("oncall",), when), NOON)


def test_without_conditions_it_is_the_worst_that_happens_to_a_block() -> None:
    event = sample()
    assert event.summary == (
        "Capacity block cr-0123456789abcdef0 (8 × p5.48xlarge, us-east-1) payment failed: "
        "the block is released."
    )
    assert (event.type, event.severity) == (EventType.STATE_CHANGED, Severity.CRITICAL)


@pytest.mark.parametrize(
    "when",
    [
        *(When(types=(kind,)) for kind in EventType),
        *(When(severities=(severity,)) for severity in Severity),
        When(reservation_types=("odcr",)),
        When(states=("unavailable",)),
        When(states=("cancelled",), severities=(Severity.GOOD,)),
        When(types=(EventType.IDLE,), states=("delayed",)),
        When(accounts=("210987654321",), regions=("eu-west-1",)),
        When(regions=("eu-*",)),
        When(instance_types=("p4d.*",)),
        When(instance_types=("trn9.48xlarge",)),
        When(tags={"Team": ("research", "ops"), "Stage": ("prod",)}),
        When(types=(EventType.SCOPE_FAILING,), severities=(Severity.INFO,)),
    ],
    ids=str,
)
def test_it_is_one_that_the_route_lets_through(when: When) -> None:
    assert matches(sample(when), when)


def test_what_cannot_be_met_gives_a_sample_all_the_same() -> None:
    event = sample(When(types=(EventType.SCOPE_FAILING,), states=("active",)))
    assert event.type is EventType.STATE_CHANGED


def test_a_good_event_brings_good_news() -> None:
    assert "is active" in sample(When(severities=(Severity.GOOD,))).summary


def test_an_odcr_has_instances_before_it_starts() -> None:
    row = sample(When(reservation_types=("odcr",))).reservation
    assert isinstance(row, Odcr)
    assert row.size == 8


def test_each_moment_gives_another_id() -> None:
    later = sample_event(Route("training", ("oncall",)), NOON + timedelta(milliseconds=1))
    assert later.event_id != sample().event_id
    assert sample().event_id == sample().event_id


@given(when=strategies.conditions)
def test_any_conditions_have_a_sample_that_is_a_message(when: When) -> None:
    event = sample(when)
    assert from_message(to_message(event)) == event
