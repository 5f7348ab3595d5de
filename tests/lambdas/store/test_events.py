"""Events in the table: how long they are kept, and how they are found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lambdas.store.events import NEWEST_DAYS, EventStore
from tests.builders import DAY, HOUR, NOON, a_snapshot, an_odcr
from tests.lambdas.aws import Stack
from tests.lambdas.store.builders import write
from truffle.core.times import format_time


def test_an_event_is_kept_for_its_retention_under_its_day(stack: Stack) -> None:
    scopes = replace(stack.scopes, retention_days=30)
    first = a_snapshot(an_odcr("cr-a"))
    write(scopes, first)
    write(scopes, a_snapshot(an_odcr("cr-a", state="expired"), at=NOON + HOUR), first)
    (item,) = stack.event_items()
    assert item["pk"]["S"] == "EVENT#2026-11-24"
    assert item["sk"]["S"].startswith("2026-11-24T13:00:00.000000Z#")
    assert int(item["expires_at"]["N"]) == int((NOON + HOUR + 30 * DAY).timestamp())


def stored(stack: Stack, *hours: int) -> EventStore:
    """One event of ``cr-a`` at each of these hours after noon."""
    states = ["pending", "active"]
    before = a_snapshot(an_odcr("cr-a"), at=NOON - 30 * DAY)
    write(stack.scopes, before)
    for number, hour in enumerate(hours):
        row = an_odcr("cr-a", state=states[number % 2])
        after = a_snapshot(row, at=NOON + hour * HOUR)
        write(stack.scopes, after, before)
        before = after
    return EventStore(stack.scopes.client, stack.table)


def test_events_between_two_moments_include_the_first_and_exclude_the_second(stack: Stack) -> None:
    events = stored(stack, -1, 0, 1, 2)
    found = [message["observed_at"] for _, message in events.between(NOON, NOON + 2 * HOUR)]
    assert found == ["2026-11-24T13:00:00Z", "2026-11-24T12:00:00Z"]


def test_events_of_several_days_come_newest_first(stack: Stack) -> None:
    events = stored(stack, -50, -20, 5, 13)
    found = [message["observed_at"] for _, message in events.between(NOON - 3 * DAY, NOON + DAY)]
    assert found == sorted(found, reverse=True)
    assert len(found) == 4


@pytest.mark.parametrize(("most", "expected"), [(2, [5, 4]), (3, [5, 4, -280]), (9, [5, 4, -280])])
def test_the_newest_events_are_found_however_old(
    stack: Stack, most: int, expected: list[int]
) -> None:
    events = stored(stack, -280, 4, 5)
    found = events.newest(NOON - 20 * DAY, NOON + DAY, most)
    assert [message["observed_at"] for message in found] == [
        format_time(NOON + hours * HOUR) for hours in expected
    ]


def test_days_before_enough_new_events_are_not_read(stack: Stack) -> None:
    events = stored(stack, -280, 4, 5)
    days: list[str] = []

    class Client:
        def query(self, **call: Any) -> Any:
            days.append(call["ExpressionAttributeValues"][":pk"]["S"])
            return events.client.query(**call)

    client: Any = Client()
    replace(events, client=client).newest(NOON - 20 * DAY, NOON + DAY, 2)
    assert len(days) == NEWEST_DAYS


@pytest.mark.parametrize("length", [timedelta(0), -HOUR, -DAY])
def test_an_empty_period_has_no_events(stack: Stack, length: timedelta) -> None:
    assert stored(stack, 0).between(NOON, NOON + length) == []


def test_a_reservations_events_are_found_by_its_id_newest_first(stack: Stack) -> None:
    events = stored(stack, -20, 0, 5)
    found = [message["reason"] for message in events.of_reservation("cr-a")]
    assert found == ["active → pending", "pending → active", "active → pending"]
    assert events.of_reservation("cr-b") == []
