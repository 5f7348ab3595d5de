"""The facts of an event: which ones, and in which words, depends on its type."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from tests.builders import DAY, HOUR, NOON, a_block, a_scope_event, an_event, an_odcr
from tests.messages.samples import (
    MINUTE,
    ending_soon,
    fleet_short,
    idle,
    late_delivery,
    payment_due,
    scope_failing,
    scope_recovered,
    starting_soon,
)
from tests.messages.strategies import events
from truffle.core.events import Event, EventType
from truffle.core.model import Reservation
from truffle.messages.fields import facts_of, instances


def shown(event: Event) -> dict[str, str]:
    return {fact.name: fact.value for fact in facts_of(event, event.observed_at)}


def test_a_change_is_shown_with_the_present_reservation() -> None:
    block = a_block("cr-0abc", capacity_block_id="cb-1", tags={"Name": "llm-pretrain"})

    assert shown(an_event(block, type=EventType.RESIZED, reason="16 → 8 instances")) == {
        "Change": "16 → 8 instances",
        "Instances": "16 × p5.48xlarge (128 × H100)",
        "State": "scheduled",
        "Start": "Wed 25 Nov 2026, 11:30 UTC (in 23 h 30 min)",
        "Usable until": "Wed 2 Dec 2026, 11:00 UTC (in 7 d 23 h)",
        "Name": "llm-pretrain",
        "Reservation": "cr-0abc",
        "Block": "cb-1",
        "Zone": "us-east-2a",
        "Account": "123456789012",
    }


def test_what_is_not_known_is_left_out() -> None:
    row = an_odcr(availability_zone=None, start_date=None, end_date=None, tags={})

    assert shown(an_event(row)).keys() == {
        "Change",
        "Instances",
        "Reservation",
        "Account",
        "Region",
    }


def test_a_change_of_state_says_the_state_once() -> None:
    assert "State" not in shown(an_event())


def test_an_odcr_shows_its_end() -> None:
    row = an_odcr(end_date=NOON + HOUR)

    assert shown(an_event(row))["End"] == "Tue 24 Nov 2026, 13:00 UTC (in 1 h)"


def test_a_warning_of_a_start_shows_its_threshold() -> None:
    facts = shown(starting_soon())

    assert facts["Threshold"] == "24 h before the start"
    assert facts["Start"] == "Wed 25 Nov 2026, 11:30 UTC (in 23 h 30 min)"


def test_a_warning_of_an_end_shows_the_effective_end_and_the_extension() -> None:
    facts = shown(ending_soon())

    assert facts["Threshold"] == "2 h before the end"
    assert facts["Usable until"] == "Tue 24 Nov 2026, 14:00 UTC (in 2 h)"
    assert facts["Extension"] == (
        "offered; the window closes Tue 24 Nov 2026, 13:30 UTC (in 1 h 30 min)"
    )


@pytest.mark.parametrize(
    ("extension", "says"),
    [
        ({"on_offer": False}, "not offered now; the window closes Tue 24 Nov"),
        ({"on_offer": None}, "unknown whether offered; the window closes Tue 24 Nov"),
        (
            {"on_offer": None, "error": "UnauthorizedOperation"},
            "unknown whether offered (UnauthorizedOperation); the window closes",
        ),
        (
            {"deadline": "2026-11-24T11:30:00Z", "on_offer": False},
            "the extension window closed Tue 24 Nov 2026, 11:30 UTC (30 min ago)",
        ),
        ({"deadline": None}, "offered; the window closes an hour before the end"),
    ],
)
def test_an_extension_that_cannot_be_had_or_asked_for_says_so(extension: Any, says: str) -> None:
    assert shown(ending_soon(extension))["Extension"].startswith(says)


def test_an_unpaid_block_shows_until_when_it_can_be_paid() -> None:
    facts = shown(payment_due())

    assert facts["Reason"] == "unpaid for 11 h"
    assert facts["Payment deadline"] == "Tue 24 Nov 2026, 13:00 UTC (in 1 h)"


def test_a_block_must_be_paid_five_minutes_before_its_start_where_that_is_sooner() -> None:
    row = a_block(create_date=NOON - HOUR, start_date=NOON + 35 * MINUTE)

    facts = shown(an_event(row, type=EventType.PAYMENT_DUE))

    assert facts["Payment deadline"] == "Tue 24 Nov 2026, 12:30 UTC (in 30 min)"


def test_a_late_block_shows_how_late_it_is() -> None:
    facts = shown(late_delivery())

    assert facts["Threshold"] == "15 min after the start"
    assert facts["Late by"] == "20 min"


def test_a_fleet_shows_how_much_of_its_target_it_has() -> None:
    facts = shown(fleet_short())
    assert facts["Threshold"] == "below its target for 1 h"
    assert facts["Fulfilled"] == "12.5 of 20 (62%)"
    assert facts["Below target since"] == "Tue 24 Nov 2026, 10:00 UTC (2 h ago)"
    assert (facts["Fleet"], facts["State"]) == ("crf-0abc", "partially_fulfilled")
    assert "Fulfilled" not in shown(fleet_short(fulfilled_capacity=None))


def test_an_idle_block_shows_what_it_costs() -> None:
    facts = shown(idle())

    assert facts["Unused"] == "4 of 16 instances"
    assert facts["Idle since"] == "Tue 24 Nov 2026, 10:00 UTC (2 h ago)"
    assert facts["Cost"] == "≈ 440 USD so far at 220.16 USD/h"


@pytest.mark.parametrize(
    ("cost", "says"),
    [
        ({"usd_per_hour": None, "usd_so_far": None}, "price unknown"),
        ({"usd_so_far": None}, "220.16 USD/h"),
        ({"usd_per_hour": float("nan")}, "price unknown"),
    ],
)
def test_an_unknown_price_is_shown_as_such(cost: dict[str, Any], says: str) -> None:
    assert shown(idle(**cost))["Cost"] == says


def test_a_failing_scope_shows_since_when_and_how_old_its_data_is() -> None:
    assert shown(scope_failing()) == {
        "Error": "UnauthorizedOperation",
        "Message": "You are not authorized to perform this operation.",
        "Failed runs": "3 in a row",
        "Failing since": "Tue 24 Nov 2026, 10:00 UTC (2 h ago)",
        "Last success": "Tue 24 Nov 2026, 09:00 UTC (3 h ago)",
        "Account": "123456789012",
        "Region": "us-east-2",
    }


def test_a_recovered_scope_shows_its_name() -> None:
    assert shown(scope_recovered()) == {
        "Reason": "listed again",
        "Previous error": "UnauthorizedOperation",
        "Failing since": "Tue 24 Nov 2026, 10:00 UTC (2 h ago)",
        "Account": "123456789012",
        "Region": "us-east-2",
    }


def test_times_are_counted_from_the_delivery() -> None:
    facts = facts_of(starting_soon(), NOON + DAY)

    assert "Wed 25 Nov 2026, 11:30 UTC (30 min ago)" in [fact.value for fact in facts]


@given(events)
def test_any_event_has_facts_and_none_is_empty(event: Event) -> None:
    facts = facts_of(event, event.observed_at + timedelta(minutes=1))

    assert facts
    assert all(fact.name and fact.value for fact in facts)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (a_block(instance_count=8), "8 × p5.48xlarge (64 × H100)"),
        (a_block(instance_count=None), "? × p5.48xlarge"),
        (an_odcr(instance_type="g6f.large", total_capacity=3), "3 × g6f.large (0.375 × L4)"),
        (an_odcr(instance_type="m5.large", total_capacity=3), "3 × m5.large"),
        (an_odcr(instance_type="", total_capacity=1), "1 × unknown type"),
    ],
)
def test_instances_are_shown_with_their_accelerators(row: Reservation, expected: str) -> None:
    assert instances(row) == expected


def test_an_event_of_a_scope_without_anything_has_its_scope() -> None:
    assert shown(a_scope_event(after=None)).keys() == {"Reason", "Account", "Region"}
