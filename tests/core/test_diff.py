"""The comparison: two complete listings of a scope → what happened between them, and how bad."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import DAY, HOME, HOUR, NOON, OHIO, OTHER, a_block, a_snapshot, an_odcr
from tests.strategies import STATES, histories
from truffle.core.codec import encode
from truffle.core.diff import compare, describe, is_same
from truffle.core.events import Event, EventType, Severity
from truffle.core.model import TERMINAL_STATES, Health, Reservation, Scope, Snapshot

BEFORE = NOON - HOUR
UNREACHED_END = NOON + 7 * DAY


def happened(before: Reservation | None, after: Reservation | None) -> list[Event]:
    """What the comparison says when one reservation was so, and an hour later is so."""
    return compare(
        a_snapshot(*[before] if before else [], at=BEFORE),
        a_snapshot(*[after] if after else [], at=NOON),
    )


def the_event(before: Reservation | None, after: Reservation | None) -> Event:
    (event,) = happened(before, after)
    return event


def kinds(events: Sequence[Event]) -> list[str]:
    return [event.type.value for event in events]


class TestAnEvent:
    def test_tells_what_the_contract_shows(self) -> None:
        # Given a block that waited for its payment
        waiting = a_block("cr-0abc", instance_count=8, region="us-east-1", state="payment-pending")

        # When the payment fails
        failed = replace(waiting, state="payment-failed")
        event = the_event(waiting, failed)

        # Then one event tells it
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
    def test_a_new_reservation_is_told_as_bad_as_its_state_is(
        self, row: Reservation, severity: Severity
    ) -> None:
        event = the_event(None, row)

        assert (event.type, event.severity) == (EventType.DISCOVERED, severity)
        assert (event.before, event.after) == (None, {"state": row.state})

    @pytest.mark.parametrize("state", sorted(TERMINAL_STATES))
    def test_one_that_was_over_before_it_was_first_seen_is_not_told(self, state: str) -> None:
        assert happened(None, a_block(state=state, create_date=BEFORE - DAY)) == []
        assert happened(None, a_block(state=state, create_date=None)) != []

    def test_one_that_came_and_failed_since_the_last_listing_is_told(self) -> None:
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
        # Given a block whose counts are 0 before its start, and whose size only a tag told
        told = a_block("cr-told", state="scheduled", instance_count=16)
        untold = a_block("cr-untold", state="scheduled", instance_count=None)

        # When both start
        began = [
            replace(row, state="active", instance_count=16, total_capacity=16)
            for row in (told, untold)
        ]

        # Then each says so once
        events = compare(a_snapshot(told, untold, at=BEFORE), a_snapshot(*began, at=NOON))
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

    def test_a_change_in_use_alone_is_no_event(self) -> None:
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
    def test_getting_to_know_a_size_or_losing_sight_of_it_is_no_new_size(
        self, was: int | None, is_now: int | None
    ) -> None:
        before, after = a_block(instance_count=was), a_block(instance_count=is_now)

        assert happened(before, after) == []


class TestOtherDates:
    def test_a_later_end_of_a_block_is_a_good_extension(self) -> None:
        end = datetime(2026, 12, 2, 11, 30, tzinfo=UTC)

        event = the_event(a_block(end_date=end), a_block(end_date=end + 7 * DAY))

        assert (event.type, event.severity) == (EventType.EXTENDED, Severity.GOOD)
        assert event.before == {"end_date": "2026-12-02T11:30:00Z"}
        assert event.after == {"end_date": "2026-12-09T11:30:00Z"}
        assert event.reason == "end 2026-12-02T11:30:00Z → 2026-12-09T11:30:00Z"

    def test_a_later_end_of_an_odcr_is_information(self) -> None:
        event = the_event(an_odcr(end_date=NOON + DAY), an_odcr(end_date=NOON + 2 * DAY))

        assert (event.type, event.severity) == (EventType.EXTENDED, Severity.INFO)

    def test_an_end_that_is_taken_away_is_an_extension(self) -> None:
        event = the_event(an_odcr(end_date=NOON + DAY), an_odcr(end_date=None))

        assert event.type is EventType.EXTENDED
        assert event.after == {"end_date": None}

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ({"end_date": NOON + 2 * DAY}, {"end_date": NOON + DAY}),
            ({"end_date": None}, {"end_date": NOON + DAY}),
            ({"start_date": NOON + DAY}, {"start_date": NOON + 2 * DAY}),
            (
                {"start_date": NOON + DAY, "end_date": NOON + 2 * DAY},
                {"start_date": NOON + 3 * DAY, "end_date": NOON + 4 * DAY},
            ),
        ],
        ids=["an earlier end", "an end where there was none", "another start", "both later"],
    )
    def test_any_other_new_dates_are_a_warning(
        self, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        event = the_event(an_odcr(state="scheduled", **before), an_odcr(state="scheduled", **after))

        assert (event.type, event.severity) == (EventType.RESCHEDULED, Severity.WARNING)

    def test_a_start_that_ec2_corrects_as_it_happens_is_part_of_the_start(self) -> None:
        planned = a_block(state="scheduled", start_date=NOON, end_date=UNREACHED_END)
        started = a_block(state="active", start_date=NOON + HOUR / 60, end_date=UNREACHED_END)

        assert kinds(happened(planned, started)) == ["state_changed"]

    def test_a_start_that_was_not_known_before_is_no_new_date(self) -> None:
        row = an_odcr(state="pending", start_date=None)

        assert happened(row, replace(row, start_date=NOON)) == []

    @pytest.mark.parametrize("state", sorted(TERMINAL_STATES))
    def test_what_is_over_has_no_new_dates(self, state: str) -> None:
        row = an_odcr(end_date=UNREACHED_END)

        events = happened(row, replace(row, state=state, end_date=NOON))

        assert kinds(events) == ["state_changed"]


class TestHealthChanged:
    @pytest.mark.parametrize(
        ("was", "is_now", "severity", "says"),
        [
            (Health("ok", 0), Health("impaired", 0), Severity.CRITICAL, "interconnect impaired"),
            (Health("ok", 0), Health("ok", 1), Severity.CRITICAL, "1 instance unavailable"),
            (Health("ok", 1), Health("ok", 2), Severity.CRITICAL, "2 instances unavailable"),
            (None, Health("impaired", 1), Severity.CRITICAL, "is unhealthy"),
            (Health("impaired", 1), Health("ok", 0), Severity.GOOD, "healthy again"),
            (Health(None, 1), Health(None, 0), Severity.GOOD, "healthy again"),
            (
                Health("impaired", 0),
                Health("insufficient-data", 0),
                Severity.INFO,
                "interconnect insufficient-data",
            ),
        ],
    )
    def test_of_a_block(
        self, was: Health | None, is_now: Health, severity: Severity, says: str
    ) -> None:
        before, after = a_block(health=was), a_block(health=is_now)

        event = the_event(before, after)

        assert (event.type, event.severity) == (EventType.HEALTH_CHANGED, severity)
        assert says in event.summary
        assert event.after == {"health": encode(after)["health"]}
        assert event.before == {"health": encode(before)["health"]}

    @pytest.mark.parametrize(
        ("was", "is_now"),
        [
            (Health("impaired", 1), None),
            (Health("impaired", 1), Health(None, None)),
            (None, Health("ok", 0)),
            (None, Health("insufficient-data", 0)),
            (Health("insufficient-data", 0), Health("ok", 0)),
            (Health("ok", 0), Health("insufficient-data", 0)),
            (Health("ok", 0), Health("ok", 0)),
        ],
    )
    def test_not_knowing_and_finding_all_well_are_no_change(
        self, was: Health | None, is_now: Health | None
    ) -> None:
        assert happened(a_block(health=was), a_block(health=is_now)) == []

    @pytest.mark.parametrize("state", sorted(TERMINAL_STATES))
    def test_what_is_over_has_no_health(self, state: str) -> None:
        before = a_block(state=state, health=Health("ok", 0))

        assert happened(before, replace(before, health=Health("impaired", 1))) == []


class TestSameness:
    def test_being_observed_again_or_by_others_is_no_difference(self) -> None:
        again = replace(an_odcr(), observed_at=NOON, seen_by=(HOME, OTHER))

        assert is_same(an_odcr(), again)

    @pytest.mark.parametrize(
        "change",
        [{"available_capacity": 2}, {"tags": {"Team": "ops"}}, {"platform": "Windows"}],
    )
    def test_any_other_field_is_a_difference(self, change: dict[str, Any]) -> None:
        assert not is_same(an_odcr(), replace(an_odcr(), **change))

    def test_another_type_is_a_difference(self) -> None:
        assert not is_same(an_odcr("cr-1"), a_block("cr-1"))


class TestWhateverHappens:
    @given(histories())
    def test_a_listing_compared_with_itself_says_nothing(self, history: list[Snapshot]) -> None:
        for snapshot in history:
            assert compare(snapshot, replace(snapshot, observed_at=NOON + DAY)) == []

    @given(histories())
    def test_the_same_comparison_says_the_same_with_the_same_ids(
        self, history: list[Snapshot]
    ) -> None:
        previous, present = history

        assert compare(previous, present) == compare(previous, present)

    @given(histories())
    def test_no_two_events_of_a_comparison_share_an_id(self, history: list[Snapshot]) -> None:
        found = [event.event_id for event in compare(*history)]

        assert len(found) == len(set(found))

    @given(histories())
    def test_asking_later_gives_the_same_ids(self, history: list[Snapshot]) -> None:
        """A delivery that is repeated lists the scope again, a little later."""
        previous, present = history
        later = replace(present, observed_at=present.observed_at + HOUR / 60)

        found = [event.event_id for event in compare(previous, present)]
        assert [event.event_id for event in compare(previous, later)] == found

    @given(histories(length=3))
    def test_events_of_successive_comparisons_share_no_id(self, history: list[Snapshot]) -> None:
        first, second, third = history
        found = [event.event_id for event in compare(first, second) + compare(second, third)]

        assert len(found) == len(set(found))

    @given(histories(), st.randoms(use_true_random=False))
    def test_the_order_in_which_rows_come_changes_nothing(
        self, history: list[Snapshot], random: Any
    ) -> None:
        shuffled = [
            replace(it, reservations=tuple(random.sample(it.reservations, len(it.reservations))))
            for it in history
        ]

        assert compare(*shuffled) == compare(*history)

    @given(histories(length=3))
    def test_no_change_is_told_that_did_not_happen(self, history: list[Snapshot]) -> None:
        for previous, present in pairwise(history):
            was, is_now = by_id(previous), by_id(present)
            for event in compare(previous, present):
                assert event.reservation is not None
                name = event.reservation.reservation_id
                assert did_happen(event, was.get(name), is_now.get(name))

    @given(histories())
    def test_every_other_state_every_newcomer_and_every_loss_is_told(
        self, history: list[Snapshot]
    ) -> None:
        previous, present = history
        was, is_now = by_id(previous), by_id(present)

        told = {
            (event.type.value, event.reservation and event.reservation.reservation_id)
            for event in compare(previous, present)
        }

        for name in was.keys() & is_now.keys():
            changed = was[name].state != is_now[name].state
            assert (("state_changed", name) in told) == changed
        for name in is_now.keys() - was.keys():
            assert is_now[name].state in TERMINAL_STATES or ("discovered", name) in told
        for name in was.keys() - is_now.keys():
            assert (was[name].state not in TERMINAL_STATES) == (("vanished", name) in told)

    @given(histories())
    def test_a_reservation_is_told_of_once_for_each_kind_of_change(
        self, history: list[Snapshot]
    ) -> None:
        told: dict[str, list[str]] = defaultdict(list)
        for event in compare(*history):
            assert event.reservation is not None
            told[event.reservation.reservation_id].append(event.type.value)

        for found in told.values():
            assert len(found) == len(set(found))
            if len(found) > 1:
                assert not {"discovered", "vanished"} & set(found)
                assert not {"extended", "rescheduled"} <= set(found)

    @given(histories())
    def test_an_event_tells_of_the_reservation_as_it_is_now_or_last_was(
        self, history: list[Snapshot]
    ) -> None:
        previous, present = history
        last_known = by_id(previous) | by_id(present)

        for event in compare(previous, present):
            assert event.reservation is not None
            assert event.reservation is last_known[event.reservation.reservation_id]
            assert (event.previous_observed_at, event.observed_at) == (
                previous.observed_at,
                present.observed_at,
            )


def by_id(snapshot: Snapshot) -> dict[str, Reservation]:
    return {row.reservation_id: row for row in snapshot.reservations}


def did_happen(event: Event, was: Reservation | None, is_now: Reservation | None) -> bool:
    """Whether the facts of an event are those of the two rows, and differ."""
    if event.type is EventType.DISCOVERED:
        return was is None and is_now is not None and event.after == {"state": is_now.state}
    if event.type is EventType.VANISHED:
        return is_now is None and was is not None and event.before == {"state": was.state}
    if was is None or is_now is None or not event.before or not event.after:
        return False
    return (
        event.before != event.after
        and event.before.keys() == event.after.keys()
        and holds(was, event.before)
        and holds(is_now, event.after)
        and (event.type is not EventType.EXTENDED or ends_later(was, is_now))
    )


def holds(row: Reservation, facts: Mapping[str, Any]) -> bool:
    return {name: encode(row)[name] for name in facts} == facts


def ends_later(was: Reservation, is_now: Reservation) -> bool:
    return was.end_date is not None and (is_now.end_date is None or is_now.end_date > was.end_date)
