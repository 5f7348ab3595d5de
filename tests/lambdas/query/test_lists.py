"""Lists of the API: every filter, order and page, against an oracle."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.api import responses
from tests.builders import HOUR, NOON, an_odcr
from tests.effort import examples
from tests.lambdas.api import (
    MATCHES,
    Asked,
    ask,
    expected,
    joined,
    pages,
    repeated,
)
from tests.lambdas.fakes import Clock
from tests.lambdas.query.builders import IRELAND, Api, inventory_of
from tests.strategies import ACCOUNTS, INSTANCE_TYPES, REGIONS, STATES, ZONES, inventories
from truffle.core.model import Reservation
from truffle.core.summary import summarize
from truffle.core.times import format_time

TIMES = st.integers(-30, 30).map(lambda hours: format_time(NOON + hours * HOUR))
FLAG = st.sampled_from((["true"], ["false"]))
CHOICES: dict[str, st.SearchStrategy[list[str]]] = {
    "type": st.lists(st.sampled_from(("odcr", "capacity-block")), min_size=1, max_size=2),
    "instance_type": st.lists(
        st.sampled_from((*filter(None, INSTANCE_TYPES), "p5*", "*xlarge", "p?d.*", "[pg]*", "*")),
        min_size=1,
        max_size=3,
    ),
    "region": st.lists(
        st.sampled_from((*REGIONS, "sa-east-1", "us-*", "*-1")), min_size=1, max_size=2
    ),
    "availability_zone": st.lists(st.sampled_from(ZONES), min_size=1, max_size=2),
    "name": st.lists(st.sampled_from(("*", "r*", "ops", "?")), min_size=1, max_size=2),
    "account": st.lists(st.sampled_from(ACCOUNTS), min_size=1, max_size=2),
    "owner": st.lists(st.sampled_from(ACCOUNTS), min_size=1, max_size=2),
    "state": st.lists(st.sampled_from(STATES), min_size=1, max_size=4),
    "accelerator": st.lists(st.sampled_from(("h100", "A100", "l4")), min_size=1, max_size=2),
    "gpu_only": FLAG,
    "available_only": FLAG,
    "active_only": FLAG,
    "min_capacity": st.integers(0, 20).map(lambda number: [str(number)]),
    "tag": st.lists(
        st.sampled_from(("Team:research", "Team:ops", "Name:", "a\\:b:ops", "aws:ec2:size:ops")),
        min_size=1,
        max_size=3,
    ),
    **{
        name: TIMES.map(lambda time: [time])
        for name in ("starts_before", "starts_after", "ends_before", "ends_after")
    },
}
SCALARS = (
    *("reservation_id", "type", "region", "instance_type", "state", "total_capacity", "owner_id"),
    *("available_capacity", "utilization", "start_date", "end_date", "duration_hours", "fleet_id"),
)
SORTS = st.sampled_from([sign + name for name in SCALARS for sign in ("", "-")]).map(
    lambda text: [text]
)
FILTERS = st.lists(st.sampled_from(sorted(CHOICES)), max_size=3, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: CHOICES[name] for name in names})
)
QUESTIONS = st.tuples(FILTERS, st.none() | SORTS).map(
    lambda pair: pair[0] | ({"sort": pair[1]} if pair[1] else {})
)


def test_the_oracle_knows_every_filter() -> None:
    from truffle.core.parameters import FILTERS as known

    assert set(MATCHES) == set(CHOICES) == {parameter.name for parameter in known}


@settings(max_examples=examples(50))
@given(rows=inventories, asked=QUESTIONS, limit=st.integers(1, 5), write=st.booleans())
def test_the_pages_of_any_question_are_what_the_contract_wants(
    rows: list[Reservation],
    asked: Asked,
    limit: int,
    write: bool,
) -> None:
    with inventory_of(rows):
        answers = pages("/reservations", (joined if write else repeated)(asked), limit)
    wanted = [row.reservation_id for row in expected(rows, asked)]
    assert [name for answer in answers for name in answer.ids] == wanted
    assert {answer.body["count"] for answer in answers} == {len(wanted)}
    assert all(len(answer.ids) == limit for answer in answers[:-1])


@given(rows=inventories, asked=FILTERS)
def test_the_summary_of_any_question_adds_up_the_rows_that_its_list_answers(
    rows: list[Reservation], asked: Asked
) -> None:
    with inventory_of(rows):
        body = ask("/summary", repeated(asked)).body
    wanted = expected(rows, asked)
    about = {"warnings": None, "collection": None}
    assert body | about == summarize(wanted).to_json() | about
    assert body["total"]["reservations"] == len(wanted)


@given(rows=inventories, sort=st.sampled_from(("tags", "-accelerator", "seen_by", "-health")))
def test_a_sort_by_any_other_field_answers_every_row_once(
    rows: list[Reservation], sort: str
) -> None:
    with inventory_of(rows):
        answers = pages("/reservations", f"sort={sort}", 2)
    found = [name for answer in answers for name in answer.ids]
    assert sorted(found) == sorted(row.reservation_id for row in rows)


@pytest.mark.parametrize("sort", ["observed_at", "-observed_at"])
def test_the_order_by_observation_follows_the_scopes(fleet: Api, sort: str) -> None:
    ask("/reservations")
    fleet.clock.advance(HOUR)
    fleet.collects(an_odcr("cr-d", region="eu-west-1", available_capacity=8), scope=IRELAND)
    ids = ask("/reservations", sort=sort).ids
    ohio = ["cr-a", "cr-b", "cr-c"]
    assert ids == ([*ohio, "cr-d"] if sort == "observed_at" else ["cr-d", *ohio])
    found = [answer.ids[0] for answer in pages("/reservations", f"sort={sort}", 1)]
    assert found == ids


def test_a_page_holds_100_reservations_by_default(api: Api) -> None:
    api.collects(*(an_odcr(f"cr-{number:03}") for number in range(101)))
    answer = ask("/reservations")
    assert (len(answer.ids), answer.body["count"]) == (100, 101)
    assert len(ask("/reservations", limit="1000").ids) == 101


def test_a_list_goes_on_behind_its_last_row_though_rows_came_and_went(api: Api) -> None:
    rows = {name: an_odcr(name) for name in ("cr-a", "cr-c", "cr-e", "cr-g")}
    api.collects(*rows.values())
    first = ask("/reservations", sort="reservation_id", limit="2")
    api.clock.advance(HOUR)
    del rows["cr-c"]
    api.collects(*rows.values(), an_odcr("cr-b"), an_odcr("cr-d"))
    token = first.body["next_token"]
    rest = ask("/reservations", sort="reservation_id", next_token=token)
    assert (first.ids, rest.ids) == (["cr-a", "cr-c"], ["cr-d", "cr-e", "cr-g"])


@pytest.mark.parametrize("path", ["/reservations", "/events"])
def test_a_page_that_is_too_long_for_a_function_has_fewer_items(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    api.collects()
    clock.advance(HOUR)
    api.collects(*(an_odcr(f"cr-{number}", tags={"Note": "x" * 200}) for number in range(20)))
    monkeypatch.setattr(responses, "LONGEST_BODY", 10_000)

    answers = pages(path, "sort=reservation_id" if path == "/reservations" else "", 1000)

    assert all(len(json.dumps(json.dumps(answer.body))) < 12_000 for answer in answers)
    found = [item["reservation_id"] for answer in answers for item in answer.body["items"]]
    assert (len(found), len(set(found))) == (20, 20)


def test_a_reservation_with_very_many_events_comes_with_the_newest(
    api: Api, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for state in ("active", "pending") * 5:
        api.collects(an_odcr("cr-a", state=state, tags={"Note": '"' * 200}))
        clock.advance(HOUR)
    whole = ask("/reservations/cr-a").body
    monkeypatch.setattr(responses, "LONGEST_BODY", 10_000)

    body = ask("/reservations/cr-a").body

    assert (len(whole["events"]), whole["events_left_out"]) == (9, 0)
    assert body["events"] == whole["events"][: len(body["events"])]
    assert 0 < body["events_left_out"] == 9 - len(body["events"]) < 9
    assert len(json.dumps(json.dumps(body, separators=(",", ":")))) <= 10_000 + 2
