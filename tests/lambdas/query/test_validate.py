"""``/validate``: where a training run fits."""

from __future__ import annotations

from itertools import product

import pytest

from tests.builders import HOME
from tests.lambdas.api import (
    an_event_of,
    answer_to,
    ask,
)
from tests.lambdas.query.builders import A_RUN, Api
from truffle.core.model import FailureKind, Scope


def test_a_run_with_capacity_learns_where_it_is(fleet: Api) -> None:
    body = ask("/validate", **A_RUN).body
    assert (body["ok"], body["found"]["reservation_id"]) == (True, "cr-c")
    assert body["found"]["reservation"]["observed_at"] == "2026-11-24T12:00:00Z"


def test_a_run_without_capacity_learns_why(fleet: Api) -> None:
    body = ask("/validate", **A_RUN | {"count": "17"}).body
    assert (body["ok"], body["found"]) == (False, None)
    assert "the run needs 17" in body["reason"]


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
    assert ("did not respond" in body["reason"]) == bool(unknown)


@pytest.mark.parametrize("name", A_RUN)
def test_the_needs_of_a_run_are_required(api: Api, name: str) -> None:
    answer = ask("/validate", **{key: value for key, value in A_RUN.items() if key != name})
    assert (answer.status, answer.body["parameter"]) == (400, name)
    assert answer.body["allowed"].startswith("It is required.")


@pytest.mark.parametrize(
    ("name", "value"), [("count", "0"), ("days", "0"), ("days", "-1"), ("instance_type", "p5*")]
)
def test_a_run_of_nothing_is_refused(api: Api, name: str, value: str) -> None:
    answer = ask("/validate", **A_RUN | {name: value})
    assert (answer.status, answer.body["parameter"]) == (400, name)


DAYS = ("5e-324", "0.001", "1", "100000")
COUNTS = ("1", "100000")
STARTS = (
    *("0001-01-01", "0001-01-01T00:00:00Z", "2026-11-29t00:00:00z"),
    *("1990-12-31T15:59:60-08:00", "9999-12-31", "9999-12-31T22:00:00-01:00"),
)


def test_a_run_of_any_length_by_any_time_is_answered(fleet: Api, subtests: pytest.Subtests) -> None:
    for days, count, start_by in product(DAYS, COUNTS, STARTS):
        asked = {"days": days, "count": count, "start_by": start_by}
        with subtests.test(str(asked)):
            answer = ask("/validate", instance_type="p5.48xlarge", **asked)
            assert (answer.status, answer.body["count"]) == (200, int(count))


@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2026-11-24T11:30:60Z"]
)
@pytest.mark.parametrize("name", ["starts_before", "ends_after"])
def test_a_time_of_no_year_is_refused(api: Api, name: str, time: str) -> None:
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
