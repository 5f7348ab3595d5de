"""``query``: every question of the API, against an oracle where there are many."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas import wiring
from lambdas.api import responses
from lambdas.api.inventory import Inventory
from lambdas.clients import service
from lambdas.settings import QuerySettings
from lambdas.store.runs import RunStore
from lambdas.store.scopes import Attempt, StoredStatus, Write, digest_of
from tests.builders import DAY, HOME, HOUR, NOON, OHIO, OTHER, a_block, a_run, a_snapshot, an_odcr
from tests.lambdas.api import (
    MATCHES,
    Asked,
    an_event_of,
    answer_to,
    ask,
    expected,
    joined,
    pages,
    repeated,
)
from tests.lambdas.aws import Stack, retire_others
from tests.lambdas.fakes import Clock, Wire, client_error
from tests.strategies import ACCOUNTS, INSTANCE_TYPES, REGIONS, STATES, ZONES, inventories
from truffle.core.codec import encode
from truffle.core.diff import compare
from truffle.core.model import Failure, FailureKind, Reservation, Scope, Snapshot
from truffle.core.summary import summarize
from truffle.core.times import format_time

IRELAND = Scope(HOME, "eu-west-1")
LISTS = ("/reservations", "/odcrs", "/capacity-blocks")
ROUTES = (*LISTS, "/summary", "/events", "/status", "/reservations/cr-a")
A_RUN = {"instance_type": "p5.48xlarge", "count": "8", "days": "7"}

WireTo = Callable[[str], Wire]


@dataclass
class Api:
    """The function over a table that collections write to."""

    stack: Stack
    clock: Clock
    last: dict[Scope, Snapshot] = field(default_factory=dict)

    def collects(self, *rows: Reservation, scope: Scope = OHIO) -> None:
        """A collection finds these reservations, now."""
        scopes = self.stack.scopes
        status = scopes.status(scope)
        snapshot = a_snapshot(*rows, at=self.clock(), scope=scope)
        before = self.last.get(scope)
        old = {row.reservation_id: row for row in before.reservations} if before else {}
        stays = {row.reservation_id for row in rows}
        left = [row for row in scopes.reservations(status) if row.reservation_id not in stays]
        changed = [row for row in rows if old.get(row.reservation_id) != row]
        events = compare(before, snapshot) if before else []
        write = Write(changed, left, left, events)
        scopes.write_snapshot(status, snapshot, digest_of(rows), write, Attempt("run-1", 1))
        self.last[scope] = snapshot

    def fails(
        self,
        scope: Scope = OHIO,
        code: str = "RequestLimitExceeded",
        kind: FailureKind = FailureKind.ERROR,
    ) -> None:
        """A collection fails, now."""
        failure = Failure(
            scope=scope, failed_at=self.clock(), kind=kind, code=code, message="too fast"
        )
        self.stack.scopes.write_failure(failure, Attempt("run-1", 1))


@pytest.fixture
def api(stack: Stack, deploy: Callable[..., None], clock: Clock) -> Api:
    deploy(QuerySettings)
    stack.scopes.groups.write(None, {HOME: 0})
    return Api(stack, clock)


@pytest.fixture
def fleet(api: Api) -> Api:
    """Two scopes: two ODCRs and a block in Ohio, an ODCR in Ireland."""
    api.collects(
        an_odcr("cr-a", tags={"Team": "ML"}),
        an_odcr("cr-b", instance_type="g6.xlarge", available_capacity=0, state="expired"),
        a_block("cr-c"),
    )
    api.collects(an_odcr("cr-d", region="eu-west-1", available_capacity=8), scope=IRELAND)
    return api


# --- the routes ----------------------------------------------------------------------------------


def test_reservations_are_of_both_types_in_the_default_order(fleet: Api) -> None:
    answer = ask("/reservations")
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert answer.ids == ["cr-d", "cr-a", "cr-b", "cr-c"]
    assert (answer.body["count"], answer.body["next_token"]) == (4, None)


def test_an_item_is_the_reservations_json(fleet: Api) -> None:
    (item,) = ask("/capacity-blocks").body["items"]
    assert item == encode(replace(a_block("cr-c"), observed_at=NOON))


def test_one_type_has_a_route_of_its_own(fleet: Api) -> None:
    assert ask("/odcrs").ids == ["cr-d", "cr-a", "cr-b"]
    assert ask("/capacity-blocks").ids == ["cr-c"]


@pytest.mark.parametrize(
    ("path", "other"), [("/odcrs", "capacity-block"), ("/capacity-blocks", "odcr")]
)
def test_a_route_of_one_type_refuses_the_other(api: Api, path: str, other: str) -> None:
    answer = ask(path, type=other)
    assert (answer.status, answer.body["parameter"], answer.body["value"]) == (400, "type", other)


def test_the_summary_has_totals_of_all_and_by_four_fields(fleet: Api) -> None:
    body = ask("/summary").body
    assert body["total"]["reservations"] == 4
    assert {name: sorted(body[name]) for name in body if name.startswith("by_")} == {
        "by_type": ["capacity-block", "odcr"],
        "by_region": ["eu-west-1", "us-east-2"],
        "by_instance_type": ["g6.xlarge", "p4d.24xlarge", "p5.48xlarge"],
        "by_state": ["active", "expired", "scheduled"],
    }


def test_the_status_tells_of_every_scope_and_the_last_runs(fleet: Api) -> None:
    runs = RunStore(service("dynamodb"), fleet.stack.table)
    for number in range(12):
        runs.open(a_run(run_id=f"run-{number:02}", pending=frozenset({"us-east-1"})))
    fleet.clock.advance(timedelta(minutes=5))
    body = ask("/status").body
    ireland, ohio = body["scopes"]
    assert (ireland["region"], ohio["region"]) == ("eu-west-1", "us-east-2")
    assert (ohio["last_success"], ohio["age_seconds"]) == ("2026-11-24T12:00:00Z", 300)
    assert (ohio["error"], ohio["error_message"], ohio["failing_since"]) == (None, None, None)
    assert [run["run_id"] for run in body["runs"]] == [f"run-{n:02}" for n in range(11, 1, -1)]


def test_a_failing_scopes_status_names_its_error_and_its_age(fleet: Api) -> None:
    fleet.clock.advance(HOUR)
    fleet.fails(OHIO)
    _, ohio = ask("/status").body["scopes"]
    assert (ohio["error"], ohio["error_message"]) == ("RequestLimitExceeded", "too fast")
    assert (ohio["last_success"], ohio["failing_since"]) == (
        "2026-11-24T12:00:00Z",
        "2026-11-24T13:00:00Z",
    )


@pytest.mark.parametrize("path", ["/", "/reservation", "/reservations/", "/odcrs/cr-a", "/%2e"])
def test_an_unknown_path_is_a_problem_that_names_the_routes(api: Api, path: str) -> None:
    answer = ask(path)
    assert (answer.status, answer.content_type) == (404, "application/problem+json")
    assert "/capacity-blocks" in answer.body["detail"]


@pytest.mark.parametrize(
    "path", [*ROUTES, "/validate", "/openapi.json", "/reservations/cr-unknown", "/alerts/explain"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_a_method_that_a_route_does_not_take_is_told_those_that_it_does(
    path: str, method: str
) -> None:
    answer = ask(path, method=method)
    assert (answer.status, answer.content_type) == (405, "application/problem+json")
    assert answer.headers["Allow"] == "GET, HEAD"
    assert answer.body["detail"] == "The method must be GET or HEAD."


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_what_has_an_effect_is_posted(method: str) -> None:
    answer = ask("/alerts/test", method=method)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("method", ["POST", "DELETE", "HEAD"])
def test_an_unknown_path_is_unknown_to_every_method(method: str) -> None:
    assert ask("/reservation", method=method).status == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [("/reservations", 200), ("/reservations/cr-x", 404), ("/summary?colour=red", 400)],
)
def test_head_is_get_without_the_body(fleet: Api, path: str, status: int) -> None:
    name, _, raw_query = path.partition("?")
    full, empty = ask(name, raw_query), ask(name, raw_query, method="HEAD")
    assert (empty.status, empty.content_type, empty.body) == (status, full.content_type, None)
    assert full.status == status


@pytest.mark.parametrize("path", [f"{path}\n" for path in (*ROUTES, "/validate")])
def test_a_line_break_belongs_to_no_path(fleet: Api, path: str) -> None:
    assert ask(path).status == 404


# --- one reservation -----------------------------------------------------------------------------


def test_one_reservation_comes_with_its_events_newest_first(api: Api) -> None:
    for state in ("active", "pending", "active"):
        api.collects(an_odcr("cr-a", state=state), an_odcr("cr-b", state=state))
        api.clock.advance(HOUR)
    body = ask("/reservations/cr-a").body
    assert (body["reservation_id"], body["state"], body["vanished_at"]) == ("cr-a", "active", None)
    assert [event["reason"] for event in body["events"]] == ["pending → active", "active → pending"]


def test_a_vanished_reservation_stays_with_its_last_values_and_its_events(fleet: Api) -> None:
    fleet.clock.advance(HOUR)
    fleet.collects(a_block("cr-c"))
    body = ask("/reservations/cr-a").body
    assert body["vanished_at"] == "2026-11-24T13:00:00Z"
    assert body["observed_at"] == "2026-11-24T12:00:00Z"
    assert (body["tags"], body["state"]) == ({"Team": "ML"}, "active")
    assert [event["type"] for event in body["events"]] == ["vanished"]
    assert "cr-a" not in ask("/reservations").ids


def test_a_reservation_that_comes_back_has_not_vanished(fleet: Api) -> None:
    for rows in ([], [an_odcr("cr-a")]):
        fleet.clock.advance(HOUR)
        fleet.collects(*rows)
    body = ask("/reservations/cr-a").body
    assert body["vanished_at"] is None
    assert [event["type"] for event in body["events"]] == ["discovered", "vanished"]


@pytest.mark.parametrize(
    "name",
    [
        *("cr-unknown", "CR-A", "cr-a cr-b", "..", "%F0%9F%98%80", "\x00", "cr-a\x7f", "cr-a'"),
        *("c" * 1025, "é" * 513, "研" * 400, "c" * 100_000, "\ud800", "\U0001f600"),
    ],
)
def test_an_unknown_id_is_a_problem(fleet: Api, name: str) -> None:
    answer = ask(f"/reservations/{name}")
    assert (answer.status, answer.content_type) == (404, "application/problem+json")


# --- every filter, every order, every page -------------------------------------------------------

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


@dataclass(frozen=True)
class Stored:
    """A store with these rows in one scope."""

    rows: list[Reservation]

    def cache(self) -> Stored:
        return self

    def statuses(self) -> list[StoredStatus]:
        return [StoredStatus(OHIO, revision=1, observed_at=NOON, attempted_at=NOON)]

    def reservations(self, status: StoredStatus) -> tuple[Reservation, ...]:
        return tuple(self.rows)


@contextmanager
def inventory_of(rows: list[Reservation]) -> Iterator[None]:
    """The function over an inventory in memory."""
    store: Any = Stored(rows)
    parts = wiring.Query(QuerySettings)
    parts.settings = QuerySettings("table", "60", "400", "", "{}", "publisher", "bucket")
    parts.inventory = Inventory(store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wiring, "query", lambda: parts)
        yield


def test_the_oracle_knows_every_filter() -> None:
    from truffle.core.parameters import FILTERS as known

    assert set(MATCHES) == set(CHOICES) == {parameter.name for parameter in known}


@settings(max_examples=250)
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


def test_a_page_holds_100_reservations_unless_told_otherwise(api: Api) -> None:
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


# --- what is refused -----------------------------------------------------------------------------

BAD = {
    "type": "fleet",
    "instance_type": "p5.48xlarge; drop",
    "region": "US_EAST",
    "availability_zone": "zone",
    "account": "12345",
    "owner": "me",
    "state": "Active!",
    "accelerator": "?",
    "gpu_only": "yes",
    "available_only": "1",
    "active_only": "",
    "min_capacity": "-1",
    "tag": "Team",
    "starts_before": "tomorrow",
    "starts_after": "2026-13-01",
    "ends_before": "2026-11-24T12:00:00",
    "ends_after": "1700000000",
    "sort": "colour",
    "limit": "1001",
    "next_token": "?",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_value_names_the_parameter_the_value_and_what_is_allowed(api: Api, name: str) -> None:
    answer = ask("/reservations", f"{name}={quote(BAD[name])}")
    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert (answer.body["parameter"], answer.body["value"]) == (name, BAD[name])
    assert answer.body["allowed"]
    assert answer.body["title"] == "Bad parameter"
    assert answer.body["detail"].startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("name", "value", "near"),
    [
        ("state", "payment_failed", "payment-failed"),
        ("state", "activ", "active"),
        ("region", "us-esat-1", "us-east-1"),
        ("instance_type", "tnr1.32xlarge", "trn1.32xlarge"),
    ],
)
def test_a_near_miss_is_refused_with_the_match(api: Api, name: str, value: str, near: str) -> None:
    answer = ask("/reservations", f"{name}={value}")
    assert (answer.status, answer.body["value"]) == (400, value)
    assert f"Did you mean {near}?" in answer.body["detail"]


@pytest.mark.parametrize("route", ["/reservations", "/odcrs", "/summary"])
def test_a_value_that_nobody_knows_passes_with_a_warning(api: Api, route: str) -> None:
    answer = ask(route, "state=delivering&region=ap-southeast-9")
    assert answer.status == 200
    assert "This release does not know the state delivering." in answer.body["warnings"]
    assert any("ap-southeast-9" in warning for warning in answer.body["warnings"])


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "1.5", "ten", ""])
def test_a_limit_out_of_range_is_refused(api: Api, limit: str) -> None:
    assert ask("/reservations", f"limit={limit}").body["parameter"] == "limit"


@pytest.mark.parametrize("name", ["limit", "gpu_only", "min_capacity", "starts_after", "sort"])
def test_a_parameter_that_takes_one_value_refuses_two(api: Api, name: str) -> None:
    assert ask("/reservations", f"{name}=1&{name}=2").body["parameter"] == name


@pytest.mark.parametrize("path", [*ROUTES, "/openapi.json", "/validate"])
def test_an_unknown_parameter_is_an_error_on_every_route(api: Api, path: str) -> None:
    answer = ask(path, colour="red")
    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert (answer.body["parameter"], answer.body["value"]) == ("colour", "red")


def test_a_misspelled_parameter_is_told_the_right_one(api: Api) -> None:
    assert "instance_type?" in ask("/reservations", instance_types="p5*").body["allowed"]


@pytest.mark.parametrize(
    ("path", "name"), [("/summary", "sort"), ("/summary", "limit"), ("/events", "region")]
)
def test_a_parameter_of_another_route_is_unknown(api: Api, path: str, name: str) -> None:
    assert ask(path, f"{name}=state").body["parameter"] == name


@pytest.mark.parametrize("path", ["/reservations", "/odcrs"])
@pytest.mark.parametrize(
    "question", ["", "state=active,expired", "sort=-reservation_id", "gpu_only=true"]
)
def test_the_token_of_another_question_is_refused(fleet: Api, path: str, question: str) -> None:
    token = ask("/reservations", "state=active&limit=1").body["next_token"]
    answer = ask(path, f"{question}&next_token={token}")
    assert (answer.status, answer.body["parameter"]) == (400, "next_token")


PAGED = ("/reservations", "/odcrs", "/events", "/status")


@pytest.mark.parametrize("path", PAGED)
@pytest.mark.parametrize("other", PAGED)
def test_a_token_is_taken_by_the_route_that_gave_it_alone(
    story: Api, path: str, other: str
) -> None:
    story.collects(an_odcr("cr-c"), an_odcr("cr-d"), scope=IRELAND)
    token = ask(path, limit="1").body["next_token"]
    answer = ask(other, next_token=token)
    assert token is not None
    assert answer.status == (200 if other == path else 400)


def forged(mark: Any, question: str = "") -> str:
    """A token whose question is right and whose mark is not."""
    token = ask("/reservations", f"{question}&limit=1").body["next_token"]
    fingerprint, _ = json.loads(base64.urlsafe_b64decode(token))
    return base64.urlsafe_b64encode(json.dumps([fingerprint, mark]).encode()).decode()


@pytest.mark.parametrize("question", ["sort=state", "sort=total_capacity", "sort=-start_date", ""])
@pytest.mark.parametrize("mark", [None, 7, "x", [{}], ["a", 1, 2], {"a": 1}, [{}, "cr"]])
def test_a_forged_token_is_refused(question: str, mark: Any) -> None:
    with inventory_of([an_odcr("cr-a"), an_odcr("cr-b"), a_block("cr-c")]):
        answer = ask("/reservations", f"{question}&limit=1&next_token={forged(mark, question)}")
    assert (answer.status, answer.body["parameter"]) == (400, "next_token")


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b"[1]", b'"ab"', b"null", b"\xff\xfe", b"[" * 5000]
)
def test_a_token_that_is_none_is_refused(api: Api, text: bytes) -> None:
    token = base64.urlsafe_b64encode(text).decode()
    answer = ask("/reservations", f"next_token={token}")
    assert (answer.status, answer.body["parameter"]) == (400, "next_token")


# --- how complete an answer is -------------------------------------------------------------------


def collection_of(path: str) -> Any:
    query_string = "&".join(f"{name}={value}" for name, value in A_RUN.items())
    return ask(path, query_string if path == "/validate" else "").body["collection"]


NONE_SO = {"total": 0, "by_code": {}}


ANSWERS = (*ROUTES, "/validate", "/reservations/cr-unknown")


def test_every_answer_tells_how_old_its_data_is(fleet: Api) -> None:
    fleet.clock.advance(HOUR)
    fleet.collects(scope=IRELAND)
    told = {
        "complete": True,
        "observed_at": "2026-11-24T12:00:00Z",
        "newest": "2026-11-24T13:00:00Z",
        "failed_scopes": [],
        "failed": NONE_SO,
        "closed": NONE_SO,
    }
    assert {path: collection_of(path) for path in ANSWERS} == dict.fromkeys(ANSWERS, told)


def test_every_answer_names_a_scope_that_failed(fleet: Api) -> None:
    fleet.clock.advance(HOUR)
    fleet.fails(OHIO)
    failed = {
        "account_id": HOME,
        "region": "us-east-2",
        "error": "RequestLimitExceeded",
        "message": "too fast",
        "last_success": "2026-11-24T12:00:00Z",
        "account_name": None,
        "organizational_unit": None,
    }
    found = [collection_of(path) for path in ANSWERS]
    assert [it["failed_scopes"] for it in found] == [[failed]] * len(ANSWERS)
    assert [it["complete"] for it in found] == [False] * len(ANSWERS)


def test_a_denial_that_is_expected_leaves_every_answer_complete(
    fleet: Api, deploy: Callable[..., None]
) -> None:
    fleet.clock.advance(HOUR)
    fleet.collects(an_odcr("cr-d", region="eu-west-1"), scope=IRELAND)
    fleet.fails(OHIO, "UnauthorizedOperation", FailureKind.DENIED)
    deploy(QuerySettings, expected_denied="*/ap-*,*/us-east-2")
    told = {
        "complete": True,
        "observed_at": "2026-11-24T13:00:00Z",
        "newest": "2026-11-24T13:00:00Z",
        "failed_scopes": [],
        "failed": NONE_SO,
        "closed": {"total": 1, "by_code": {"UnauthorizedOperation": 1}},
    }
    assert {path: collection_of(path) for path in ANSWERS} == dict.fromkeys(ANSWERS, told)


@pytest.mark.parametrize(
    ("age", "complete"), [(2 * HOUR, True), (2 * HOUR + timedelta(seconds=1), False)]
)
def test_a_scope_that_missed_two_periods_of_the_schedule_has_old_data(
    fleet: Api, age: timedelta, complete: bool
) -> None:
    fleet.clock.advance(age)
    found = {path: collection_of(path)["complete"] for path in ANSWERS}
    assert found == dict.fromkeys(ANSWERS, complete)


def test_the_age_that_is_allowed_follows_the_schedule(
    fleet: Api, deploy: Callable[..., None]
) -> None:
    deploy(QuerySettings, schedule_minutes="15")
    fleet.clock.advance(timedelta(minutes=31))
    failed = ask("/reservations").body["collection"]["failed_scopes"]
    assert [(scope["region"], scope["error"]) for scope in failed] == [
        ("eu-west-1", "NotCollected"),
        ("us-east-2", "NotCollected"),
    ]


def test_a_failed_scopes_reservations_stay_as_last_seen(fleet: Api) -> None:
    fleet.clock.advance(HOUR)
    fleet.fails(OHIO)
    rows = {item["reservation_id"]: item["observed_at"] for item in ask("/odcrs").body["items"]}
    assert rows["cr-a"] == "2026-11-24T12:00:00Z"


def test_before_the_first_collection_nothing_is_complete(api: Api) -> None:
    answer = ask("/reservations").body
    assert (answer["items"], answer["count"]) == ([], 0)
    assert answer["collection"] == {
        "complete": False,
        "observed_at": None,
        "newest": None,
        "failed_scopes": [],
        "failed": NONE_SO,
        "closed": NONE_SO,
    }


def test_a_reservation_that_two_scopes_list_is_one_row_of_its_owner(api: Api) -> None:
    api.collects(an_odcr("cr-a"))
    api.clock.advance(HOUR)
    api.collects(an_odcr("cr-a", account_id=OTHER, owner_id=HOME), scope=Scope(OTHER, OHIO.region))
    (item,) = ask("/reservations", account=OTHER).body["items"]
    assert (item["account_id"], item["seen_by"]) == (HOME, [HOME, OTHER])
    assert item["observed_at"] == "2026-11-24T12:00:00Z"


def test_a_table_that_cannot_be_read_is_an_error_and_no_empty_answer(
    fleet: Api, wire: WireTo
) -> None:
    wire("dynamodb").fails_before(client_error("ProvisionedThroughputExceededException"), "Query")
    with pytest.raises(ClientError):
        ask("/reservations")


# --- what an answer costs ------------------------------------------------------------------------


def test_the_inventory_is_read_once_and_then_only_its_statuses(fleet: Api, wire: WireTo) -> None:
    line = wire("dynamodb")
    costs = []
    for _ in range(3):
        before = line.count()
        ask("/reservations")
        costs.append(line.count() - before)
    assert costs == [6, 1, 1]


def test_only_a_scope_that_moved_is_read_again(fleet: Api, wire: WireTo) -> None:
    ask("/reservations")
    fleet.clock.advance(HOUR)
    fleet.collects(an_odcr("cr-e", region="eu-west-1"), scope=IRELAND)
    line = wire("dynamodb")
    assert "cr-e" in ask("/reservations").ids
    read = [call["ExpressionAttributeValues"][":pk"]["S"] for call in line.parameters("Query")]
    assert read == ["UNITS", f"SCOPE#{HOME}#eu-west-1"]


def test_an_empty_scope_has_no_rows_to_read(fleet: Api, wire: WireTo) -> None:
    fleet.clock.advance(HOUR)
    fleet.collects(scope=IRELAND)
    line = wire("dynamodb")
    assert ask("/reservations").ids == ["cr-a", "cr-b", "cr-c"]
    read = [call["ExpressionAttributeValues"][":pk"]["S"] for call in line.parameters("Query")]
    assert read == ["UNITS", f"SCOPE#{HOME}#us-east-2"]


def test_an_unchanged_scope_is_not_read_again_and_its_rows_are_as_new_as_its_status(
    fleet: Api, wire: WireTo
) -> None:
    ask("/reservations")
    fleet.clock.advance(HOUR)
    fleet.collects(*fleet.last[OHIO].reservations)
    line = wire("dynamodb")
    rows = {item["reservation_id"]: item["observed_at"] for item in ask("/odcrs").body["items"]}
    assert line.count("Query") == 1
    assert rows["cr-a"] == "2026-11-24T13:00:00Z"
    assert rows["cr-d"] == "2026-11-24T12:00:00Z"


def test_a_scope_that_is_covered_no_more_leaves_the_answers(fleet: Api, wire: WireTo) -> None:
    ask("/reservations")
    retire_others(fleet.stack.scopes, "eu-west-1/0", (), NOON + HOUR)
    line = wire("dynamodb")
    assert "cr-d" not in ask("/reservations").ids
    # The statuses, and the unit that changed.
    assert line.count() == 2


def test_a_scope_that_comes_as_another_goes_is_read(fleet: Api) -> None:
    ask("/reservations")
    retire_others(fleet.stack.scopes, "eu-west-1/0", (), NOON + HOUR)
    fleet.collects(an_odcr("cr-e", region="us-west-2"), scope=Scope(HOME, "us-west-2"))
    assert set(ask("/reservations").ids) == {"cr-a", "cr-b", "cr-c", "cr-e"}


# --- events --------------------------------------------------------------------------------------


@pytest.fixture
def story(api: Api) -> Api:
    """Five events in five days, the last at noon."""
    api.clock.moment = NOON - 5 * DAY
    for state in ("pending", "active", "pending", "active", "pending"):
        api.collects(an_odcr("cr-a", state=state))
        api.clock.advance(DAY)
    api.collects(an_odcr("cr-a", state="pending"), a_block("cr-b"))
    return api


def reasons(**asked: str) -> list[str]:
    return [event["reason"] for event in ask("/events", **asked).body["items"]]


def test_events_come_newest_first(story: Api) -> None:
    assert reasons() == [
        "first seen in state scheduled",
        "active → pending",
        "pending → active",
        "active → pending",
        "pending → active",
    ]


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"type": "discovered"}, 1),
        ({"type": "discovered,state_changed"}, 5),
        ({"type": "vanished"}, 0),
        ({"severity": "good"}, 2),
        ({"severity": "good", "type": "discovered"}, 0),
        ({"reservation_id": "cr-b"}, 1),
        ({"reservation_id": "cr-a,cr-b"}, 5),
        ({"since": "2026-11-24T12:00:00Z"}, 1),
        ({"until": "2026-11-24T12:00:00Z"}, 4),
        ({"since": "2026-11-21", "until": "2026-11-23"}, 2),
        ({"since": "2026-11-24", "until": "2026-11-21"}, 0),
        ({"since": "2026-11-24T13:00:00Z", "until": "2026-11-24T11:00:00Z"}, 0),
        ({"since": "2027-01-01"}, 0),
        ({"until": "9999-12-31"}, 5),
        ({"until": "0001-01-01"}, 0),
        ({"since": "0001-01-01", "until": "0001-01-02"}, 0),
    ],
)
def test_events_are_filtered_by_what_is_asked(
    story: Api, asked: dict[str, str], count: int
) -> None:
    answer = ask("/events", **asked)
    assert (answer.status, answer.body["count"], len(answer.body["items"])) == (200, count, count)


def test_events_of_the_last_seven_days_are_shown_unless_told_otherwise(story: Api) -> None:
    story.clock.moment = NOON + 4 * DAY + HOUR
    assert ask("/events").body["count"] == 3


def test_the_pages_of_events_lead_to_the_end(story: Api) -> None:
    answers = pages("/events", "type=state_changed", 3)
    found = [event["reason"] for answer in answers for event in answer.body["items"]]
    assert found == reasons(type="state_changed")
    assert [answer.body["count"] for answer in answers] == [4, 4]


def test_the_token_of_other_events_is_refused(story: Api) -> None:
    token = ask("/events", limit="1").body["next_token"]
    answer = ask("/events", severity="info", next_token=token)
    assert (answer.status, answer.body["parameter"]) == (400, "next_token")


@pytest.mark.parametrize("since", ["2025-10-20", "1970-01-01", "0001-01-01T00:00:00Z"])
def test_of_the_past_only_the_days_are_read_that_can_have_events(
    story: Api, since: str, wire: WireTo
) -> None:
    line = wire("dynamodb")
    answer = ask("/events", since=since)
    assert (answer.status, answer.body["count"]) == (200, 5)
    assert line.count() < 410


@pytest.mark.parametrize("body", ["not JSON", "[]", "{}"])
def test_an_item_that_is_no_event_hides_no_other(
    story: Api, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    item = {
        "pk": {"S": "EVENT#2026-11-24"},
        "sk": {"S": "2026-11-24T00:00:00.000000Z#broken"},
        "body": {"S": body},
    }
    story.stack.scopes.client.put_item(TableName=story.stack.table, Item=item)
    answer = ask("/events")
    assert (answer.status, answer.body["count"]) == (200, 5)
    assert [vars(entry)["key"] for entry in caplog.records] == [item["sk"]["S"]]


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize("value", ["yesterday", "2026-02-30", "2026-11-24T12:00", ""])
def test_a_time_that_is_none_is_refused(api: Api, name: str, value: str) -> None:
    answer = ask("/events", f"{name}={value}")
    assert (answer.status, answer.body["parameter"]) == (400, name)


# --- may a run start -----------------------------------------------------------------------------


def test_a_run_that_has_capacity_is_told_where(fleet: Api) -> None:
    body = ask("/validate", **A_RUN).body
    assert (body["ok"], body["found"]["reservation_id"]) == (True, "cr-c")
    assert body["found"]["reservation"]["observed_at"] == "2026-11-24T12:00:00Z"


def test_a_run_that_has_none_is_told_why(fleet: Api) -> None:
    body = ask("/validate", **A_RUN | {"count": "17"}).body
    assert (body["ok"], body["found"]) == (False, None)
    assert "17 are needed" in body["reason"]


@pytest.mark.parametrize(
    ("start_by", "ok"),
    [("2026-11-25", True), ("2026-11-25T11:30:00Z", True), ("2026-11-25T11:29:59Z", False)],
)
def test_a_run_has_to_start_in_time_and_a_date_means_all_of_its_day(
    fleet: Api, start_by: str, ok: bool
) -> None:
    assert ask("/validate", **A_RUN, start_by=start_by).body["ok"] == ok


@pytest.mark.parametrize(
    ("kind", "unknown"),
    [
        (FailureKind.ERROR, ["us-west-2"]),
        (FailureKind.DENIED, []),
        (FailureKind.DISABLED, []),
    ],
)
def test_only_a_region_that_may_have_it_is_unknown(
    fleet: Api, kind: FailureKind, unknown: list[str]
) -> None:
    fleet.fails(Scope(HOME, "us-west-2"), kind=kind)
    body = ask("/validate", **A_RUN | {"count": "17"}).body
    assert body["unknown_regions"] == unknown
    assert ("did not answer" in body["reason"]) == bool(unknown)


@pytest.mark.parametrize("name", A_RUN)
def test_what_a_run_needs_has_to_be_told(api: Api, name: str) -> None:
    answer = ask("/validate", **{key: value for key, value in A_RUN.items() if key != name})
    assert (answer.status, answer.body["parameter"]) == (400, name)
    assert answer.body["allowed"].startswith("It is required.")


@pytest.mark.parametrize(
    ("name", "value"), [("count", "0"), ("days", "0"), ("days", "-1"), ("instance_type", "p5*")]
)
def test_a_run_of_nothing_is_refused(api: Api, name: str, value: str) -> None:
    answer = ask("/validate", **A_RUN | {name: value})
    assert (answer.status, answer.body["parameter"]) == (400, name)


@pytest.mark.parametrize("days", ["5e-324", "0.001", "1", "100000"])
@pytest.mark.parametrize("count", ["1", "100000"])
@pytest.mark.parametrize(
    "start_by",
    [
        *("0001-01-01", "0001-01-01T00:00:00Z", "2026-11-29t00:00:00z"),
        *("1990-12-31T15:59:60-08:00", "9999-12-31", "9999-12-31T22:00:00-01:00"),
    ],
)
def test_a_run_of_any_length_by_any_time_is_answered(
    fleet: Api, days: str, count: str, start_by: str
) -> None:
    asked = {"instance_type": "p5.48xlarge", "count": count, "days": days, "start_by": start_by}
    answer = ask("/validate", **asked)
    assert (answer.status, answer.body["count"]) == (200, int(count))


@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2026-11-24T11:30:60Z"]
)
@pytest.mark.parametrize("name", ["starts_before", "ends_after"])
def test_a_time_of_no_year_is_refused(fleet: Api, name: str, time: str) -> None:
    answer = ask("/reservations", **{name: time})
    assert (answer.status, answer.body["parameter"]) == (400, name)


@pytest.mark.parametrize(
    "body", ["", "no json", "[1]", "7", "[" * 100_000, '{"a":1,"a":2}', "\x00"]
)
@pytest.mark.parametrize("is_encoded", [True, False])
def test_a_body_is_not_read(api: Api, body: str, is_encoded: bool) -> None:
    sent = {"body": body, "isBase64Encoded": is_encoded}
    assert answer_to(an_event_of("/alerts/test", "", "POST") | sent).status == 400
    assert answer_to(an_event_of("/summary", "", "GET") | sent).status == 200
