"""The comparison: two complete listings of a scope → what happened between them, and how bad."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import DAY, HOME, HOUR, NOON, OHIO, OTHER, a_block, a_snapshot, an_odcr
from tests.core.diffs import BEFORE, UNREACHED_END, happened, kinds, the_event
from tests.strategies import STATES
from truffle.core.diff import compare, describe
from truffle.core.events import Event, EventType, Severity
from truffle.core.model import TERMINAL_STATES, Reservation, Scope


class TestAnEvent:
    def test_shows_what_the_contract_shows(self) -> None:
        # Given a block that waited for its payment
        waiting = a_block("cr-0abc", instance_count=8, region="us-east-1", state="payment-pending")

        # When the payment fails
        failed = replace(waiting, state="payment-failed")
        event = the_event(waiting, failed)

        # Then there is one event
        assert replace(event, event_id="") == Event(
            event_id="",
            type=EventType.STATE_CHANGED,
            severity=Severity.CRITICAL,
            summary="Capacity block cr-0abc (8 × p5.48xlarge, us-east-1) payment failed: "
            "the block is released.",
            reason="payment-pending → payment-failed",
            observed_at=NOON,
            previous_observed_at=BEFORE,
            account_id=HOME,
            region=OHIO.region,
            reservation=failed,
            before={"state": "payment-pending"},
            after={"state": "payment-failed"},
        )

    def test_names_the_scope_that_was_compared_and_not_the_owner(self) -> None:
        event = the_event(None, an_odcr(account_id=HOME, owner_id=OTHER))

        assert (event.account_id, event.region) == (HOME, "us-east-2")

    @pytest.mark.parametrize(
        ("row", "text"),
        [
            (a_block("cr-1", instance_count=8), "Capacity block cr-1 (8 × p5.48xlarge, us-east-2)"),
            (an_odcr("cr-2", total_capacity=4), "ODCR cr-2 (4 × p4d.24xlarge, us-east-2)"),
            (an_odcr("cr-3", total_capacity=None), "ODCR cr-3 (? × p4d.24xlarge, us-east-2)"),
            (an_odcr("cr-4", instance_type=""), "ODCR cr-4 (8 × unknown type, us-east-2)"),
        ],
    )
    def test_begins_with_what_it_is_about(self, row: Reservation, text: str) -> None:
        assert describe(row) == text


def test_events_come_in_the_order_of_reservation_ids() -> None:
    gone = [an_odcr(f"cr-{number}") for number in range(0, 20, 2)]
    new = [an_odcr(f"cr-{number}") for number in range(1, 20, 2)]

    events = compare(a_snapshot(*gone, at=BEFORE), a_snapshot(*new, at=NOON))

    found = [event.reservation.reservation_id for event in events if event.reservation]
    assert found == sorted(found)
    assert len(found) == 20


class TestSnapshotsThatCannotBeCompared:
    def test_are_those_of_two_scopes(self) -> None:
        with pytest.raises(ValueError, match="cannot be compared"):
            compare(a_snapshot(), a_snapshot(scope=Scope(HOME, "eu-west-1"), at=NOON + HOUR))

    def test_are_those_in_the_wrong_order(self) -> None:
        with pytest.raises(ValueError, match="cannot be compared"):
            compare(a_snapshot(at=NOON), a_snapshot(at=BEFORE))


class TestDiscovered:
    @pytest.mark.parametrize(
        ("row", "severity"),
        [
            (an_odcr(state="active"), Severity.INFO),
            (an_odcr(state="assessing"), Severity.INFO),
            (an_odcr(state="delayed"), Severity.WARNING),
            (a_block(state="payment-pending"), Severity.INFO),
            (a_block(state="scheduled"), Severity.INFO),
            (a_block(state="unavailable"), Severity.CRITICAL),
            (a_block(state="teleporting"), Severity.WARNING),
        ],
    )
    def test_a_new_reservation_is_as_severe_as_its_state(
        self, row: Reservation, severity: Severity
    ) -> None:
        event = the_event(None, row)

        assert (event.type, event.severity) == (EventType.DISCOVERED, severity)
        assert (event.before, event.after) == (None, {"state": row.state})

    @pytest.mark.parametrize("state", sorted(TERMINAL_STATES))
    def test_one_that_was_over_before_it_was_first_seen_is_not_reported(self, state: str) -> None:
        assert happened(None, a_block(state=state, create_date=BEFORE - DAY)) == []
        assert happened(None, a_block(state=state, create_date=None)) != []

    def test_one_that_came_and_failed_since_the_last_listing_is_reported(self) -> None:
        row = a_block(state="payment-failed", create_date=BEFORE + HOUR / 2)

        event = the_event(None, row)

        assert (event.type, event.severity) == (EventType.DISCOVERED, Severity.CRITICAL)


class TestVanished:
    def test_a_block_that_is_gone_before_its_end_is_critical(self) -> None:
        block = a_block(state="active", end_date=UNREACHED_END)

        event = the_event(block, None)

        assert (event.type, event.severity) == (EventType.VANISHED, Severity.CRITICAL)
        assert (event.before, event.after) == ({"state": "active"}, None)
        assert event.reservation == block

    def test_an_odcr_that_is_gone_is_a_warning(self) -> None:
        assert the_event(an_odcr(), None).severity is Severity.WARNING

    @pytest.mark.parametrize(
        "row",
        [
            an_odcr(end_date=NOON),
            # A block's instances are terminated from 30 minutes before its end.
            a_block(state="active", start_date=NOON - DAY, end_date=NOON + HOUR / 2),
            a_block(
                state="active",
                start_date=NOON - DAY,
                end_date=NOON + HOUR,
                ultraserver_type="u-p6e-gb200x72",
            ),
        ],
        ids=["ODCR", "block", "UltraServer"],
    )
    def test_one_that_had_reached_its_end_is_only_information(self, row: Reservation) -> None:
        event = the_event(row, None)

        assert (event.type, event.severity) == (EventType.VANISHED, Severity.INFO)

    @pytest.mark.parametrize("state", sorted(TERMINAL_STATES))
    def test_one_in_a_terminal_state_leaves_silently(self, state: str) -> None:
        assert happened(an_odcr(state=state), None) == []
        assert happened(a_block(state=state), None) == []


class TestStateChanged:
    @pytest.mark.parametrize(
        ("before", "after", "severity", "says"),
        [
            ("payment-pending", "scheduled", Severity.GOOD, "paid"),
            ("payment-pending", "payment-failed", Severity.CRITICAL, "released"),
            ("payment-pending", "active", Severity.GOOD, "active"),
            ("scheduled", "active", Severity.GOOD, "can be launched"),
            ("scheduled", "failed", Severity.CRITICAL, "failed"),
            ("scheduled", "cancelled", Severity.CRITICAL, "cancelled"),
            ("active", "unavailable", Severity.CRITICAL, "unavailable"),
            ("active", "expired", Severity.CRITICAL, "before its end"),
            ("active", "teleporting", Severity.WARNING, "'teleporting'"),
        ],
    )
    def test_of_a_block(self, before: str, after: str, severity: Severity, says: str) -> None:
        event = the_event(
            a_block(state=before, end_date=UNREACHED_END),
            a_block(state=after, end_date=UNREACHED_END),
        )

        assert (event.type, event.severity) == (EventType.STATE_CHANGED, severity)
        assert says in event.summary
        assert event.reason == f"{before} → {after}"

    @pytest.mark.parametrize(
        ("before", "after", "severity", "says"),
        [
            ("pending", "active", Severity.GOOD, "active"),
            ("assessing", "scheduled", Severity.GOOD, "approved"),
            ("assessing", "unsupported", Severity.CRITICAL, "rejected"),
            ("scheduled", "delayed", Severity.WARNING, "delayed"),
            ("pending", "failed", Severity.CRITICAL, "failed"),
            ("active", "cancelled", Severity.INFO, "cancelled"),
            ("active", "expired", Severity.WARNING, "before its end"),
            ("active", "unavailable", Severity.CRITICAL, "unavailable"),
            ("active", "teleporting", Severity.WARNING, "'teleporting'"),
        ],
    )
    def test_of_an_odcr(self, before: str, after: str, severity: Severity, says: str) -> None:
        event = the_event(
            an_odcr(state=before, end_date=UNREACHED_END),
            an_odcr(state=after, end_date=UNREACHED_END),
        )

        assert (event.type, event.severity) == (EventType.STATE_CHANGED, severity)
        assert says in event.summary

    @pytest.mark.parametrize(
        "row",
        [
            an_odcr(end_date=NOON),
            a_block(state="active", start_date=NOON - DAY, end_date=NOON + HOUR / 2),
        ],
        ids=["ODCR", "block"],
    )
    def test_expiring_at_its_end_is_only_information(self, row: Reservation) -> None:
        event = the_event(row, replace(row, state="expired"))

        assert (event.type, event.severity) == (EventType.STATE_CHANGED, Severity.INFO)

    @pytest.mark.parametrize("make", [an_odcr, a_block])
    @given(before=st.sampled_from(STATES), after=st.sampled_from(STATES))
    def test_any_pair_of_states_is_accepted_since_a_poll_can_skip_some(
        self, make: Any, before: str, after: str
    ) -> None:
        row = make(state=before)

        events = happened(row, replace(row, state=after))

        assert kinds(events) == ([] if before == after else ["state_changed"])


class TestResized:
    def test_a_block_that_starts_is_one_state_change_and_not_also_a_new_size(self) -> None:
        # Given a block whose counts are 0 before its start, and whose size is only in a tag
        published = a_block("cr-with-count", state="scheduled", instance_count=16)
        unknown = a_block("cr-unknown", state="scheduled", instance_count=None)

        # When both start
        began = [
            replace(row, state="active", instance_count=16, total_capacity=16)
            for row in (published, unknown)
        ]

        # Then each says so once
        events = compare(a_snapshot(published, unknown, at=BEFORE), a_snapshot(*began, at=NOON))
        assert [(event.type, event.severity) for event in events] == [
            (EventType.STATE_CHANGED, Severity.GOOD)
        ] * 2

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (an_odcr(state="scheduled", total_capacity=0), an_odcr(total_capacity=8)),
            (an_odcr(total_capacity=8), an_odcr(state="unavailable", total_capacity=0)),
            (
                a_block(state="active", instance_count=8),
                a_block(state="unavailable", instance_count=0),
            ),
        ],
        ids=["a future-dated ODCR starts", "an ODCR is lost", "a block is lost"],
    )
    def test_counts_that_come_or_go_with_a_state_are_part_of_its_change(
        self, before: Reservation, after: Reservation
    ) -> None:
        assert kinds(happened(before, after)) == ["state_changed"]

    def test_an_odcr_that_is_filled_while_it_is_active_grows(self) -> None:
        event = the_event(an_odcr(total_capacity=0), an_odcr(total_capacity=8))

        assert (event.type, event.severity) == (EventType.RESIZED, Severity.INFO)

    def test_a_change_in_use_alone_is_not_an_event(self) -> None:
        row = an_odcr(total_capacity=8, available_capacity=8)

        assert happened(row, an_odcr(total_capacity=8, available_capacity=0)) == []

    @pytest.mark.parametrize(
        ("size", "severity", "says"),
        [
            (12, Severity.INFO, "grew from 8 to 12 instances"),
            (4, Severity.WARNING, "shrank from 8 to 4 instances"),
            (1, Severity.WARNING, "shrank from 8 to 1 instance."),
        ],
    )
    def test_an_odcr_of_another_size(self, size: int, severity: Severity, says: str) -> None:
        event = the_event(an_odcr(total_capacity=8), an_odcr(total_capacity=size))

        assert (event.type, event.severity) == (EventType.RESIZED, severity)
        assert says in event.summary
        assert (event.before, event.after) == ({"total_capacity": 8}, {"total_capacity": size})

    def test_a_block_of_another_size(self) -> None:
        event = the_event(
            a_block(state="active", instance_count=8), a_block(state="active", instance_count=6)
        )

        assert (event.before, event.after) == ({"instance_count": 8}, {"instance_count": 6})

    def test_a_block_that_starts_smaller_than_it_was_bought_says_both(self) -> None:
        bought = a_block(state="scheduled", instance_count=16)

        events = happened(bought, a_block(state="active", instance_count=12))

        assert kinds(events) == ["state_changed", "resized"]

    @pytest.mark.parametrize("state", sorted(TERMINAL_STATES))
    def test_what_is_over_has_no_new_size(self, state: str) -> None:
        events = happened(an_odcr(total_capacity=8), an_odcr(total_capacity=4, state=state))

        assert kinds(events) == ["state_changed"]

    @pytest.mark.parametrize(("was", "is_now"), [(None, 8), (8, None)])
    def test_getting_to_know_a_size_or_losing_sight_of_it_is_not_a_new_size(
        self, was: int | None, is_now: int | None
    ) -> None:
        before, after = a_block(instance_count=was), a_block(instance_count=is_now)

        assert happened(before, after) == []
