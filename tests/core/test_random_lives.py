"""Comparison and thresholds together, over random lives and looks: against an oracle by dates."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tests.builders import HOME, a_block, an_odcr
from tests.effort import seeds
from tests.end_to_end.weeks.lives import DAY, HOUR, MINUTE, Life, Row, block, odcr
from tests.end_to_end.weeks.oracle import Fact, Look, facts
from truffle.core.diff import compare
from truffle.core.events import Event
from truffle.core.idle import IdleSince, idle_since
from truffle.core.model import Health, Reservation, Scope, Snapshot
from truffle.core.thresholds import Thresholds
from truffle.core.timed_events import due

BEGIN = datetime(2026, 11, 24, 4, 5, 50, tzinfo=UTC)
REGION = "us-east-1"
BETWEEN = [MINUTE, 10 * MINUTE, HOUR, HOUR, 5 * HOUR, 10 * HOUR, 22 * HOUR]
LENGTHS = [12 * HOUR, DAY, 26 * HOUR, 2 * DAY, 3 * DAY, 80 * HOUR, 7 * DAY, 14 * DAY, 15 * DAY]


def some(dice: random.Random, least: timedelta, most: timedelta) -> timedelta:
    return timedelta(minutes=dice.randint(least // MINUTE, most // MINUTE))


def a_life(dice: random.Random, number: int) -> Life:
    """A block in seven of ten cases, and otherwise an ODCR; some unused, some not."""
    if dice.random() < 0.3:
        created = some(dice, -30 * DAY, 8 * DAY)
        end = dice.choice([None, created + some(dice, 2 * DAY, 40 * DAY)])
        unused = dice.choice([0, 4])
        return odcr(number, size=4, unused=unused, created=created, end=end, region=REGION)
    bought = some(dice, -10 * DAY, 8 * DAY)
    start = bought + some(dice, 30 * MINUTE, 6 * DAY)
    end, unused = start + dice.choice(LENGTHS), dice.choice([0, 0, 3])
    if start - bought > 13 * HOUR and dice.random() < 0.2:
        return block(number, bought=bought, start=start, end=end, unpaid=True)
    paid = bought + min(some(dice, timedelta(), 11 * HOUR), (start - bought) / 2)
    return block(
        number,
        bought=bought,
        start=start,
        end=end,
        paid=dice.choice([None, paid]),
        delivered=start + some(dice, timedelta(), 8 * HOUR) if dice.random() < 0.2 else None,
        unused=unused,
    )


def some_looks(dice: random.Random) -> list[Look]:
    """Two weeks of them, a minute or most of a day apart."""
    moments = [timedelta(minutes=3)]
    while moments[-1] < 14 * DAY:
        moments.append(moments[-1] + dice.choice(BETWEEN) + timedelta(seconds=7))
    return [Look(number, {REGION: moment}) for number, moment in enumerate(moments)]


def reservation(life: Life, row: Row) -> Reservation:
    is_active = row.state == "active"
    dates = {
        "create_date": BEGIN + row.created,
        "start_date": BEGIN + row.start,
        "end_date": None if row.end is None else BEGIN + row.end,
    }
    if not row.is_block:
        return an_odcr(
            life.reservation_id,
            region=REGION,
            state=row.state,
            total_capacity=row.size,
            available_capacity=row.unused,
            **dates,
        )
    return a_block(
        life.reservation_id,
        region=REGION,
        state=row.state,
        instance_count=row.size,
        available_capacity=row.unused if is_active else 0,
        health=Health("ok" if is_active else "insufficient-data", 0),
        **dates,
    )


def seen(lives: Sequence[Life], moment: timedelta) -> Snapshot:
    rows = [(life, life.at(moment)) for life in lives]
    return Snapshot(
        Scope(HOME, REGION),
        BEGIN + moment,
        tuple(reservation(life, row) for life, row in rows if row is not None),
    )


def compared(lives: Sequence[Life], looks: Sequence[Look]) -> Iterator[tuple[int, Event]]:
    """The product's events from one observation to the next."""
    previous: Snapshot | None = None
    idle: IdleSince = {}
    for look in looks:
        present = seen(lives, look.at[REGION])
        idle = idle_since(previous or present, present, idle)
        if previous is not None:
            events = [*compare(previous, present), *due(previous, present, Thresholds(), idle)]
            yield from ((look.number, event) for event in events)
        previous = present


def fact(look: int, event: Event) -> Fact:
    assert event.reservation is not None
    after = event.after or {}
    detail = after.get("threshold") or after.get("state") or ""
    if event.type in ("payment_due", "late_delivery"):
        detail = ""
    return Fact(look, event.reservation.reservation_id, event.type, detail, event.severity)


@pytest.mark.seeded
@pytest.mark.parametrize("seed", seeds(40))
def test_each_change_is_reported_once_by_the_first_observation_of_it(seed: int) -> None:
    dice = random.Random(seed)
    lives = [a_life(dice, number) for number in range(12)]
    looks = some_looks(dice)

    events = Counter(fact(look, event) for look, event in compared(lives, looks))

    assert events == Counter(facts(lives, looks, ()))
    assert len(events) > 10
