"""Any sequence of collections, failures and crashes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import HOUR, NOON, OHIO
from tests.effort import examples
from tests.lambdas.aws import make_scopes
from tests.lambdas.collection.builders import AFTER, BEFORE, Around, World
from tests.lambdas.fakes import client_error
from tests.lambdas.memory import timeless

STATES = ("active", "pending", "scheduled", "delayed")
FLEETS = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(STATES), max_size=5)
KTHS = st.integers(1, 4)
STEPS = st.one_of(
    st.tuples(st.just("collect"), FLEETS),
    st.tuples(st.just("repeat"), st.none()),
    st.tuples(st.just("fail"), st.sampled_from(["InternalError", "UnauthorizedOperation"])),
    st.tuples(st.just("die"), st.tuples(FLEETS, st.sampled_from(["before", "after"]), KTHS)),
    st.tuples(st.just("race"), st.tuples(FLEETS, FLEETS, KTHS, st.sampled_from([-1, 1]))),
    st.tuples(st.just("late"), FLEETS),
)


def play(world: World, kind: str, detail: Any) -> None:
    """One step of a story."""
    if kind == "collect":
        world.holds(**detail)
        world.collect()
    elif kind == "repeat":
        world.collect()
    elif kind == "fail":
        world.fleet.fails(OHIO, client_error(detail))
        world.collect()
        world.fleet.recovers()
    elif kind == "die":
        states, when, k = detail
        world.holds(**states)
        world.collect_and_die(when, k)
    elif kind == "race":
        mine, theirs, k, later = detail
        started = world.clock.advance(HOUR)

        def other() -> None:
            world.holds(**theirs)
            world.clock.moment = started + later * timedelta(minutes=30)
            world.collect()

        world.holds(**mine)
        world.collect(Around(world.scopes.client, before={k: other}))
        world.clock.moment = started + 2 * HOUR
    else:
        moment, raw = world.clock(), dict(world.fleet.raw)
        world.clock.moment = NOON - HOUR
        world.holds(**detail)
        world.collect()
        world.clock.moment, world.fleet.raw = moment, raw


def links(world: World) -> Iterator[tuple[str, str | None, str | None]]:
    """The states of a reservation before and after each event, None if not listed."""
    for event in world.events():
        before, after = event["before"], event["after"]
        yield event["reservation_id"], before and before["state"], after and after["state"]


def test_the_table_in_memory_holds_what_dynamodb_does() -> None:
    worlds = World(), World(scopes=make_scopes())
    for world in worlds:
        play(world, "collect", BEFORE)
        play(world, "fail", "InternalError")
        play(world, "die", (AFTER, "after", 2))
        play(world, "race", (BEFORE, {}, 2, -1))
        play(world, "race", (AFTER, BEFORE, 3, 1))
        play(world, "late", {})
        play(world, "fail", "UnauthorizedOperation")
    assert timeless(worlds[0].items()) == timeless(worlds[1].items())


@settings(max_examples=examples(30))
@given(baseline=FLEETS, steps=st.lists(STEPS, max_size=8), end=FLEETS)
def test_the_events_of_any_story_lead_from_its_baseline_to_its_end_without_gap_or_repeat(
    baseline: dict[str, str], steps: list[tuple[str, Any]], end: dict[str, str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lambdas.store.scopes.MAX_ACTIONS", 6)
        world = World()
        play(world, "collect", baseline)
        for kind, detail in steps:
            play(world, kind, detail)
        play(world, "collect", end)
    known: dict[str, str | None] = dict(baseline)
    for name, before, after in links(world):
        assert known.get(name) == before
        assert before != after
        known[name] = after
    assert {name: state for name, state in known.items() if state} == end
    assert world.stored() == end
