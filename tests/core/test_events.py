"""The alert message: its keys, its attributes, and an identity that follows from what happened."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import HOUR, NOON, a_block, a_scope_event, an_event, an_odcr
from tests.core.market.builders import an_offering
from tests.strategies import names, whole_reservations
from truffle.core.codec import encode
from truffle.core.events import (
    Event,
    EventType,
    Severity,
    event_id,
    from_message,
    message_attributes,
    to_message,
)

MESSAGE_NAMES = [
    *("version", "event_id", "type", "severity", "summary", "reason", "observed_at"),
    *("previous_observed_at", "account_id", "region", "reservation_id"),
    *("capacity_block_id", "reservation_type", "instance_type", "instance_count", "before"),
    *("after", "reservation", "run_id", "events_of_listing"),
    *("account_name", "organizational_unit", "watch", "offering"),
]


def test_the_types_and_severities_are_the_contracts() -> None:
    assert {kind.value for kind in EventType} == {
        *("discovered", "state_changed", "vanished", "resized", "rescheduled", "extended"),
        *(
            "health_changed",
            "billing_request",
            "change_rejected",
            "starting_soon",
            "ending_soon",
            "payment_due",
            "late_delivery",
        ),
        *("idle", "fleet_short", "scope_failing", "scope_recovered"),
        *("offering_appeared", "price_dropped", "offering_gone"),
    }
    assert [severity.value for severity in Severity] == ["info", "good", "warning", "critical"]


def test_a_message_of_a_block_reads_as_the_contract_says() -> None:
    block = a_block(
        "cr-0abc",
        capacity_block_id="cb-1",
        instance_count=8,
        state="payment-failed",
        region="us-east-1",
    )

    message = to_message(an_event(block))

    assert list(message) == MESSAGE_NAMES
    assert message == {
        "version": 1,
        "event_id": "0123456789abcdef0123456789abcdef",
        "type": "state_changed",
        "severity": "critical",
        "summary": "Capacity block cr-0abc (8 × p5.48xlarge, us-east-1) payment failed: "
        "the block is released.",
        "reason": "payment-pending → payment-failed",
        "observed_at": "2026-11-24T12:00:00Z",
        "previous_observed_at": "2026-11-24T11:00:00Z",
        "account_id": "123456789012",
        "region": "us-east-1",
        "reservation_id": "cr-0abc",
        "capacity_block_id": "cb-1",
        "reservation_type": "capacity-block",
        "instance_type": "p5.48xlarge",
        "instance_count": 8,
        "before": {"state": "payment-pending"},
        "after": {"state": "payment-failed"},
        "reservation": encode(block),
        "run_id": None,
        "events_of_listing": None,
        "account_name": None,
        "organizational_unit": None,
        "watch": None,
        "offering": None,
    }


def test_a_message_of_an_odcr_has_its_size_and_no_block() -> None:
    message = to_message(an_event(an_odcr(total_capacity=8)))

    assert (message["reservation_type"], message["instance_count"]) == ("odcr", 8)
    assert message["capacity_block_id"] is None


def test_a_message_of_a_scope_has_every_key_and_no_reservation() -> None:
    message = to_message(a_scope_event(previous_observed_at=None))

    absent = {name for name, value in message.items() if value is None}
    assert list(message) == MESSAGE_NAMES
    assert absent == {
        *("previous_observed_at", "reservation_id", "capacity_block_id", "reservation_type"),
        *("instance_type", "instance_count", "reservation", "run_id", "events_of_listing"),
        *("account_name", "organizational_unit", "watch", "offering"),
    }


facts = st.none() | st.dictionaries(
    st.sampled_from(("state", "end_date", "health")),
    st.none() | names | st.integers(0, 9) | st.dictionaries(names, names, max_size=1),
    max_size=2,
)
events = st.builds(
    Event,
    event_id=names,
    type=st.sampled_from(EventType),
    severity=st.sampled_from(Severity),
    summary=names,
    reason=names,
    observed_at=st.just(NOON),
    previous_observed_at=st.sampled_from((None, NOON - HOUR)),
    account_id=names,
    region=names,
    reservation=st.none() | whole_reservations,
    before=facts,
    after=facts,
    run_id=st.none() | names,
    events_of_listing=st.none() | st.integers(1, 9),
    account_name=st.none() | names,
    organizational_unit=st.none() | names,
    watch=st.none() | names,
    offering=st.none() | st.builds(an_offering, st.none() | st.floats(0.5, 99)),
)


@given(events)
def test_every_event_survives_its_message(event: Event) -> None:
    assert from_message(json.loads(json.dumps(to_message(event)))) == event


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"type": "exploded"}, {"severity": "bad"}, {"observed_at": "yesterday"}],
)
def test_what_is_not_such_a_message_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_message(to_message(an_event()) | change)


@pytest.mark.parametrize("name", MESSAGE_NAMES)
def test_a_message_without_one_of_its_keys_is_refused_or_not_needed(name: str) -> None:
    message = to_message(an_event())
    del message[name]
    derived = {
        *("reservation_id", "capacity_block_id", "reservation_type"),
        *("instance_type", "instance_count", "run_id", "events_of_listing"),
        *("account_name", "organizational_unit", "watch", "offering"),
    }

    if name in derived:
        assert from_message(message) == an_event()
    else:
        with pytest.raises(KeyError):
            from_message(message)


def test_the_attributes_are_those_that_subscriptions_filter_on() -> None:
    assert message_attributes(an_event(a_block(state="payment-failed", region="us-east-1"))) == {
        "type": "state_changed",
        "severity": "critical",
        "reservation_type": "capacity-block",
        "state": "payment-failed",
        "region": "us-east-1",
        "account_id": "123456789012",
        "instance_type": "p5.48xlarge",
    }


def test_an_attribute_without_a_value_is_left_out() -> None:
    assert set(message_attributes(a_scope_event())) == {"type", "severity", "region", "account_id"}
    assert "instance_type" not in message_attributes(an_event(an_odcr(instance_type="")))


def identity(**change: Any) -> str:
    said = {
        "subject": "cr-1",
        "kind": EventType.RESIZED,
        "before": {"a": 1, "b": 2},
        "after": {"a": 2},
        "previous_observed_at": NOON,
        **change,
    }
    return event_id(**said)


def test_the_same_thing_has_the_same_id_in_any_process() -> None:
    assert identity() == "7b635233144ea0d4d9e5b2006a025b98"


def test_the_order_of_facts_changes_no_id() -> None:
    assert identity(before={"b": 2, "a": 1}) == identity()


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "cr-2"},
        {"kind": EventType.EXTENDED},
        {"before": {"a": 1}},
        {"before": None},
        {"after": {"a": 3}},
        {"previous_observed_at": NOON + timedelta(microseconds=1)},
        {"previous_observed_at": None},
    ],
)
def test_another_thing_has_another_id(change: dict[str, Any]) -> None:
    assert identity(**change) != identity()


def test_what_people_read_is_not_part_of_what_happened() -> None:
    event = an_event()

    assert replace(event, summary="Other words").event_id == event.event_id
