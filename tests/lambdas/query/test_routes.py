"""``query``: the routes, one reservation, and how rows are read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.clients import service
from lambdas.store.runs import RunStore
from tests.builders import HOUR, NOON, OHIO, a_block, a_run, an_odcr
from tests.lambdas.api import (
    ask,
)
from tests.lambdas.query.builders import ROUTES, Api
from truffle.core.codec import encode


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


def test_the_status_has_every_scope_and_the_last_runs(fleet: Api) -> None:
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
def test_a_method_that_a_route_does_not_take_is_answered_with_those_that_it_does(
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
def test_a_line_break_belongs_to_no_path(api: Api, path: str) -> None:
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


UNKNOWN = (
    *("cr-unknown", "CR-A", "cr-a cr-b", "..", "%F0%9F%98%80", "\x00", "cr-a\x7f", "cr-a'"),
    *("c" * 1025, "é" * 513, "研" * 400, "c" * 100_000, "\ud800", "\U0001f600"),
)


def test_an_unknown_id_is_a_problem(fleet: Api, subtests: pytest.Subtests) -> None:
    for name in UNKNOWN:
        with subtests.test(ascii(name[:20])):
            answer = ask(f"/reservations/{name}")
            assert (answer.status, answer.content_type) == (404, "application/problem+json")
