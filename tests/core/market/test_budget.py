"""The budget of a region: how fast it refills, who is asked next, how much slower all get."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.builders import HOUR, NOON
from tests.core.market.builders import a_question, an_answer
from truffle.core.market.answers import Outcome
from truffle.core.market.budget import (
    FOR_PEOPLE,
    Turn,
    full_bucket,
    in_turn,
    period_minutes,
    really_every,
    slowdown,
)
from truffle.core.market.watches import Watch

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def a_watch(name: str = "hunt", every: timedelta = HOUR, *regions: str) -> Watch:
    return Watch(name, a_question(), regions or ("us-east-2",), every)


def test_a_bucket_refills_by_80_percent_of_what_ec2_allows() -> None:
    empty = full_bucket(NOON).less(10)
    assert empty.refilled(NOON + 50 * SECOND).tokens == pytest.approx(0.8 * 0.15 * 50)
    assert empty.refilled(NOON + HOUR).tokens == 10
    assert empty.refilled(NOON - HOUR).tokens == 0


def test_a_bucket_counts_whole_calls_beside_those_that_are_left() -> None:
    bucket = replace(full_bucket(NOON), tokens=4.9)
    assert (bucket.calls(0), bucket.calls(2), bucket.calls(9)) == (4, 2, 0)


@pytest.mark.parametrize(
    ("outcome", "due"),
    [
        (Outcome.NONE, HOUR),
        (Outcome.OFFERED, HOUR),
        (Outcome.UNKNOWN_TYPE, HOUR),
        (Outcome.FAILED, 10 * MINUTE),
        (Outcome.NOT_ASKED, timedelta()),
    ],
)
def test_when_a_watch_is_due_again(outcome: Outcome, due: timedelta) -> None:
    turn = Turn(a_watch(), an_answer(outcome=outcome))
    assert not due or not turn.is_due(NOON + due - MINUTE)
    assert turn.is_due(NOON + due)


def test_a_failed_call_of_a_frequent_watch_is_repeated_when_it_is_due() -> None:
    turn = Turn(a_watch(every=5 * MINUTE), an_answer(outcome=Outcome.FAILED))
    assert turn.is_due(NOON + 5 * MINUTE)


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "OptInRequired"])
def test_a_region_that_is_closed_is_not_asked_before_the_watch_is_due(code: str) -> None:
    turn = Turn(a_watch(), an_answer(outcome=Outcome.FAILED, code=code))
    assert turn.due_at == NOON + HOUR


def test_who_waited_for_most_periods_comes_first() -> None:
    known = an_answer()
    hourly, daily = a_watch("hourly"), a_watch("daily", 24 * HOUR)
    turns = [Turn(daily, known, known), Turn(hourly, known, known), Turn(a_watch("new"))]
    names = [turn.watch.name for turn in in_turn(turns, NOON + 2 * HOUR)]
    assert names == ["new", "hourly", "daily"]


def test_watches_that_ask_for_too_much_slow_down_by_the_same_factor() -> None:
    """Twelve hours, a start a minute, and the factor that arithmetic gives."""
    watches = [a_watch(f"fast-{each}", 10 * MINUTE) for each in range(90)]
    watches += [a_watch(f"slow-{each}", HOUR) for each in range(180)]
    wanted_per_minute = 90 / 10 + 180 / 60
    factor = wanted_per_minute / (60 * 0.12)
    last = {watch.name: Turn(watch) for watch in watches}
    bucket, asked = full_bucket(NOON), Counter[str]()
    for minute in range(12 * 60):
        now = NOON + minute * MINUTE
        bucket = bucket.refilled(now)
        due = in_turn((turn for turn in last.values() if turn.is_due(now)), now)
        for turn in due[: bucket.calls(FOR_PEOPLE)]:
            bucket = bucket.less(1)
            asked[turn.watch.name] += 1
            answer = an_answer(at=now)
            last[turn.watch.name] = Turn(turn.watch, answer, answer)
    for watch in watches:
        fair = 12 * HOUR / (watch.every * factor)
        assert asked[watch.name] == pytest.approx(fair, rel=0.1, abs=1), watch.name
    assert slowdown(watches, "us-east-2", MINUTE) == pytest.approx(factor)


def asked_in_eight_hours(watches: list[Watch]) -> Counter[str]:
    """How often each watch is asked; one call takes a second."""
    last = {watch.name: Turn(watch) for watch in watches}
    bucket, asked = full_bucket(NOON), Counter[str]()
    for minute in range(0, 8 * 60, period_minutes(watches)):
        now = NOON + minute * MINUTE
        bucket = bucket.refilled(now)
        due = in_turn((turn for turn in last.values() if turn.is_due(now)), now)
        for number, turn in enumerate(due[: bucket.calls(FOR_PEOPLE)], 1):
            bucket = bucket.less(1)
            asked[turn.watch.name] += 1
            answer = an_answer(at=now + number * SECOND)
            last[turn.watch.name] = Turn(turn.watch, answer, answer)
    return asked


@pytest.mark.parametrize(
    "minutes",
    [[5], [7, 60], [15, 20], [45], [90, 60], [61], [1, 7], [1] * 11, [2] * 30 + [25] * 10],
    ids=str,
)
def test_how_often_a_watch_is_really_asked(minutes: list[int]) -> None:
    watches = [a_watch(f"w{n:02}", each * MINUTE) for n, each in enumerate(minutes)]
    asked = asked_in_eight_hours(watches)
    for watch in watches:
        expected = 8 * HOUR / really_every(watch, watches, NOON)
        assert asked[watch.name] == pytest.approx(expected, rel=0.02, abs=3), watch.name


def test_where_the_budget_suffices_a_watch_is_asked_as_often_as_it_wants() -> None:
    watches = [a_watch(str(each), each * MINUTE) for each in (7, 15, 20, 45, 90)]
    assert [really_every(it, watches, NOON) for it in watches] == [it.every for it in watches]


def test_another_region_and_a_watch_that_is_over_take_nothing() -> None:
    fast = a_watch("fast", MINUTE)
    crowd = [a_watch(f"w{each}", MINUTE) for each in range(11)]
    elsewhere = [replace(it, regions=("us-east-1",)) for it in crowd]
    over = [replace(it, question=a_question(end_by=NOON)) for it in crowd]
    assert really_every(fast, [fast, *crowd], NOON) == 100 * SECOND
    assert really_every(fast, [fast, *elsewhere], NOON) == MINUTE
    assert really_every(fast, [fast, *over], NOON) == MINUTE


def test_a_watch_that_always_fails_does_not_always_come_first() -> None:
    failed, known = an_answer(outcome=Outcome.FAILED, at=NOON + HOUR), an_answer()
    turns = [Turn(a_watch("fails"), failed), Turn(a_watch("works"), known, known)]
    names = [turn.watch.name for turn in in_turn(turns, NOON + 2 * HOUR)]
    assert names == ["works", "fails"]


@pytest.mark.parametrize(
    ("watches", "minutes"),
    [
        ([a_watch()], 60),
        ([a_watch(every=3 * HOUR)], 60),
        ([a_watch(every=45 * MINUTE)], 15),
        ([a_watch(), a_watch("fast", 7 * MINUTE)], 1),
        ([a_watch("a", 15 * MINUTE), a_watch("b", 20 * MINUTE)], 5),
        ([a_watch(every=MINUTE)], 1),
        ([a_watch(str(each)) for each in range(8)], 60),
        ([a_watch(str(each)) for each in range(9)], 30),
        ([a_watch(str(each), HOUR, f"us-east-{each}") for each in range(9)], 60),
        ([a_watch(str(each), MINUTE) for each in range(50)], 1),
    ],
    ids=str,
)
def test_the_function_starts_as_rarely_as_every_watch_allows(
    watches: list[Watch], minutes: int
) -> None:
    assert period_minutes(watches) == minutes


def test_without_watches_there_is_no_period() -> None:
    with pytest.raises(ValueError, match="no watches"):
        period_minutes([])
