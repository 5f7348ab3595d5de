"""The comparison of any two snapshots."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given

from tests.builders import DAY, HOME, HOUR, NOON, OTHER, a_block, an_odcr
from tests.strategies import histories, randoms
from truffle.core.codec import encode
from truffle.core.diff import compare, is_same
from truffle.core.events import Event, EventType
from truffle.core.model import TERMINAL_STATES, Reservation, Snapshot


class TestSameness:
    def test_being_observed_again_or_by_others_is_not_a_difference(self) -> None:
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

    @given(histories(), randoms)
    def test_the_order_in_which_rows_come_changes_nothing(
        self, history: list[Snapshot], random: Any
    ) -> None:
        shuffled = [
            replace(it, reservations=tuple(random.sample(it.reservations, len(it.reservations))))
            for it in history
        ]

        assert compare(*shuffled) == compare(*history)

    @given(histories(length=3))
    def test_no_change_is_reported_that_did_not_happen(self, history: list[Snapshot]) -> None:
        for previous, present in pairwise(history):
            was, is_now = by_id(previous), by_id(present)
            for event in compare(previous, present):
                assert event.reservation is not None
                name = event.reservation.reservation_id
                assert did_happen(event, was.get(name), is_now.get(name))

    @given(histories())
    def test_every_other_state_newcomer_and_loss_is_reported(self, history: list[Snapshot]) -> None:
        previous, present = history
        was, is_now = by_id(previous), by_id(present)

        published = {
            (event.type.value, event.reservation and event.reservation.reservation_id)
            for event in compare(previous, present)
        }

        for name in was.keys() & is_now.keys():
            changed = was[name].state != is_now[name].state
            assert (("state_changed", name) in published) == changed
        for name in is_now.keys() - was.keys():
            assert is_now[name].state in TERMINAL_STATES or ("discovered", name) in published
        for name in was.keys() - is_now.keys():
            assert (was[name].state not in TERMINAL_STATES) == (("vanished", name) in published)

    @given(histories())
    def test_a_reservation_has_one_event_for_each_kind_of_change(
        self, history: list[Snapshot]
    ) -> None:
        published: dict[str, list[str]] = defaultdict(list)
        for event in compare(*history):
            assert event.reservation is not None
            published[event.reservation.reservation_id].append(event.type.value)

        for found in published.values():
            assert len(found) == len(set(found))
            if len(found) > 1:
                assert not {"discovered", "vanished"} & set(found)
                assert not {"extended", "rescheduled"} <= set(found)

    @given(histories())
    def test_an_event_has_the_reservation_as_it_is_now_or_last_was(
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
