"""The completeness and age of data in the API's answers, and the cost of an answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.settings import QuerySettings
from tests.builders import HOME, HOUR, NOON, OHIO, OTHER, an_odcr
from tests.lambdas.api import (
    ask,
)
from tests.lambdas.aws import retire_others
from tests.lambdas.fakes import Wire, client_error
from tests.lambdas.query.builders import A_RUN, IRELAND, ROUTES, Api
from truffle.core.model import FailureKind, Scope

WireTo = Callable[[str], Wire]


# --- how complete an answer is -------------------------------------------------------------------


def collection_of(path: str) -> Any:
    query_string = "&".join(f"{name}={value}" for name, value in A_RUN.items())
    return ask(path, query_string if path == "/validate" else "").body["collection"]


NONE_SO = {"total": 0, "by_code": {}}
ANSWERS = (*ROUTES, "/validate", "/reservations/cr-unknown")


def test_every_response_has_the_age_of_its_data(fleet: Api) -> None:
    fleet.clock.advance(HOUR)
    fleet.collects(scope=IRELAND)
    recorded = {
        "complete": True,
        "observed_at": "2026-11-24T12:00:00Z",
        "newest": "2026-11-24T13:00:00Z",
        "failed_scopes": [],
        "failed": NONE_SO,
        "closed": NONE_SO,
    }
    assert {path: collection_of(path) for path in ANSWERS} == dict.fromkeys(ANSWERS, recorded)


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
    recorded = {
        "complete": True,
        "observed_at": "2026-11-24T13:00:00Z",
        "newest": "2026-11-24T13:00:00Z",
        "failed_scopes": [],
        "failed": NONE_SO,
        "closed": {"total": 1, "by_code": {"UnauthorizedOperation": 1}},
    }
    assert {path: collection_of(path) for path in ANSWERS} == dict.fromkeys(ANSWERS, recorded)


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
    assert costs == [7, 1, 1]


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
