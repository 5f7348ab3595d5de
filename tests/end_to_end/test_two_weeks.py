"""Two weeks in two minutes: each destination gets the alerts of the story, each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from lambdas.clients import wall_clock
from sandbox.box import Sandbox
from tests.end_to_end.weeks.oracle import Fact
from tests.end_to_end.weeks.performance import (
    PATHS,
    ROUTING_KEY,
    Performance,
    ids_in,
    put_secrets,
    texts,
    wait,
    write_files,
)
from tests.end_to_end.weeks.plot import ARCHIVE_DOWN, LENGTH, SLACK_DOWN, looks, plot
from tests.messages.limits import check_pagerduty, check_slack, check_teams
from truffle.core.times import parse_time

pytestmark = pytest.mark.long

SEED = 11
BURST = 12
DEAD = 2
"""Shrunk reservations that the archive did not take for a day."""

Json = dict[str, Any]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Performance]:
    """The story, played to its end."""
    folder = tmp_path_factory.mktemp("weeks")
    begin = wall_clock().replace(microsecond=0)
    delivered = plot(begin)
    fleet, alerts = write_files(folder, delivered.fleet, begin)
    box = Sandbox.up(folder / "box", fleet=fleet, alerts=alerts, environment={})
    try:
        put_secrets(box)
        performance = Performance(box, begin, delivered)
        performance.play(SEED)
        yield performance
    finally:
        box.down()


@pytest.fixture(autouse=True)
def healthy() -> None:
    """These tests do not use the room's own sandbox."""


@pytest.fixture(scope="module")
def events(story: Performance) -> dict[str, Json]:
    """The recorded events, by id."""
    return {event["event_id"]: event for event in story.events()}


@pytest.fixture(scope="module")
def expected(story: Performance) -> list[Fact]:
    return story.facts()


def fact_of(event: Json, story: Performance) -> Fact:
    """A recorded event in the words of the story."""
    after = event["after"] or {}
    detail = ""
    if event["type"] in ("state_changed", "discovered"):
        detail = after["state"]
    elif event["type"] in ("starting_soon", "ending_soon", "idle"):
        detail = after["threshold"]
    elif event["type"] == "resized":
        detail = str(after["total_capacity"])
    return Fact(
        look_of(event, story),
        event["reservation_id"] or event["region"],
        event["type"],
        detail,
        event["severity"],
    )


def look_of(event: Json, story: Performance) -> int:
    """The run that saw it: the last one started by then."""
    seen = parse_time(event["observed_at"]) - story.begin
    begun = [look.number for look in story.looks if min(look.at.values()) <= seen + NEAR]
    return begun[-1]


NEAR = timedelta(minutes=2)
"""The regions of a run are listed in any order; runs are farther apart."""


def heard_ids(story: Performance, name: str) -> list[str]:
    """The events of a destination's single messages, by the id in each payload."""
    return [found for request in story.heard(name) for found in ids_in(request.json)]


def delivered(story: Performance, events: dict[str, Json], ids: list[str]) -> Counter[Fact]:
    return Counter(fact_of(events[name], story) for name in ids)


def test_two_weeks_go_by(story: Performance) -> None:
    assert story.box.now() - story.begin >= LENGTH


def test_runs_come_with_jitter_and_some_do_not_come() -> None:
    planned = looks(SEED)
    gaps = [later - earlier for earlier, later in pairwise(planned)]
    assert max(gaps) > timedelta(hours=11)
    assert max(gaps) < timedelta(days=1)


def test_the_story_has_every_type_of_event(expected: list[Fact]) -> None:
    assert {fact.type for fact in expected} == {
        *("discovered", "state_changed", "resized", "extended", "health_changed"),
        *("starting_soon", "ending_soon", "payment_due", "late_delivery", "idle"),
        *("scope_failing", "scope_recovered"),
    }


def test_what_is_recorded_is_the_storys_list(
    story: Performance, events: dict[str, Json], expected: list[Fact]
) -> None:
    assert delivered(story, events, list(events)) == Counter(expected)


@pytest.mark.parametrize("name", ["bus", "oncall"])
def test_a_destination_hears_what_it_should_each_once(
    story: Performance, events: dict[str, Json], expected: list[Fact], name: str
) -> None:
    hears: Callable[[Fact], bool] = getattr(story.hearing(), name)
    assert delivered(story, events, heard_ids(story, name)) == Counter(filter(hears, expected))


def test_a_burst_is_one_digest_and_other_events_are_delivered_one_by_one(
    story: Performance, events: dict[str, Json], expected: list[Fact]
) -> None:
    hearing = story.hearing()
    own = [fact for fact in expected if hearing.research(fact)]
    burst = [fact for fact in own if fact.type == "discovered"]
    assert len(burst) == BURST
    singles = Counter(fact for fact in own if fact not in burst)
    assert delivered(story, events, heard_ids(story, "research")) == singles
    digests = [one.json for one in story.heard("research") if not ids_in(one.json)]
    assert len(digests) == 1
    assert any(f"{BURST} events" in text for text in texts(digests[0]))


def test_the_pager_opens_and_closes_incidents_each_once(
    story: Performance, expected: list[Fact]
) -> None:
    hearing = story.hearing()
    wanted = Counter(
        (fact.look, fact.type, fact.subject, opens_or_closes(fact))
        for fact in expected
        if hearing.pager(fact)
    )
    sent = [request.json for request in story.heard("pager")]
    assert {one["routing_key"] for one in sent} == {ROUTING_KEY}
    assert Counter(pager_fact(one, story) for one in sent) == wanted


def opens_or_closes(fact: Fact) -> str:
    return "trigger" if fact.severity in ("warning", "critical") else "resolve"


def pager_fact(sent: Json, story: Performance) -> tuple[int, str, str, str]:
    """The run, action and subject of a pager's request; a block has the number of its
    reservation."""
    delivered = sent["payload"]
    subject = delivered["component"].split("/")[-1].replace("cb-", "cr-")
    look = look_of({"observed_at": delivered["timestamp"]}, story)
    return look, delivered["class"], subject, sent["event_action"]


def test_an_incident_of_a_block_that_recovered_is_closed(story: Performance) -> None:
    last: dict[str, str] = {}
    for one in sorted(
        (request.json for request in story.heard("pager")),
        key=lambda one: one["payload"]["timestamp"],
    ):
        last[one["dedup_key"]] = one["event_action"]
    by_concern = {key: action for key, action in last.items() if not key.endswith("/capacity")}
    assert by_concern
    assert set(by_concern.values()) == {"resolve"}


@pytest.mark.parametrize(
    ("name", "check"),
    [("oncall", check_slack), ("research", check_teams), ("pager", check_pagerduty)],
)
def test_every_payload_is_within_the_published_limits(
    story: Performance, name: str, check: Callable[[Json], None]
) -> None:
    payloads = [request.json for request in story.box.sink.requests(PATHS[name])]
    assert payloads
    for payload in payloads:
        check(payload)


def test_what_was_observed_while_slack_was_down_came_late_once_and_says_so(
    story: Performance, events: dict[str, Json]
) -> None:
    late = {
        name
        for request in story.heard("oncall")
        for name in ids_in(request.json)
        if is_marked_late(request.json)
    }
    during = {
        name
        for name in heard_ids(story, "oncall")
        if SLACK_DOWN[0] < parse_time(events[name]["observed_at"]) - story.begin < SLACK_DOWN[1]
    }
    assert len(during) >= 2
    assert during <= late
    assert story.refused("oncall") == during


def is_marked_late(payload: Json) -> bool:
    return any("elivered late" in text for text in texts(payload))


def test_what_arrives_at_once_is_not_marked_late(
    story: Performance, events: dict[str, Json]
) -> None:
    prompt = [
        request.json
        for request in story.heard("oncall")
        for name in ids_in(request.json)
        if look_of(events[name], story) in story.settled
    ]
    assert prompt
    assert not any(map(is_marked_late, prompt))


def test_what_a_destination_did_not_take_for_a_day_is_a_dead_letter_and_can_be_put_back(
    story: Performance, events: dict[str, Json], expected: list[Fact]
) -> None:
    hearing = story.hearing()
    wanted = Counter(fact for fact in expected if hearing.archive(fact))
    dead = [message["event_id"] for message in story.dead_letters("archive")]
    observed = [parse_time(events[name]["observed_at"]) - story.begin for name in dead]
    assert len(dead) == DEAD
    assert all(ARCHIVE_DOWN[0] < moment < ARCHIVE_DOWN[1] for moment in observed)
    before = delivered(story, events, heard_ids(story, "archive"))
    assert before + delivered(story, events, dead) == wanted

    story.redrive("archive")
    wait(lambda: len(heard_ids(story, "archive")) == wanted.total())
    assert delivered(story, events, heard_ids(story, "archive")) == wanted
    assert story.dead_letters("archive") == []


def test_the_status_has_the_age_of_the_simulated_time(story: Performance) -> None:
    story.box.advance(timedelta(hours=6))
    status, answer = story.box.get("/status")
    assert status == 200
    ages = {scope["region"]: scope["age_seconds"] for scope in answer["scopes"]}
    assert all(age >= 6 * 3600 for age in ages.values())
    assert {scope["error"] for scope in answer["scopes"]} == {"NotCollected"}
    assert answer["collection"]["complete"] is False


def test_events_are_asked_for_until_the_simulated_time(
    story: Performance, events: dict[str, Json]
) -> None:
    status, answer = story.box.get("/events", limit=1000)
    assert status == 200
    week_ago = story.box.now() - timedelta(days=7)
    recent = {name for name, event in events.items() if parse_time(event["observed_at"]) > week_ago}
    assert {event["event_id"] for event in answer["items"]} == recent
