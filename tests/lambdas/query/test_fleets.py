"""``GET /fleets``: the fleets of each scope's last listing, its age, and failed requests."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.clients import meter
from lambdas.store.beside import BesideStore
from lambdas.store.fleets import NOTHING_STORED, FleetStore
from tests.builders import HOME, HOUR, NOON, OHIO, an_odcr
from tests.lambdas.api import ask
from tests.lambdas.query.builders import IRELAND, Api
from truffle.core.fleet_watch import FleetError, ScopeFleets, Shortfall
from truffle.core.fleets import CapacityFleet
from truffle.core.model import Scope


def a_fleet(name: str = "crf-1", region: str = "us-east-2", state: str = "active") -> CapacityFleet:
    return CapacityFleet(
        fleet_id=name,
        region=region,
        state=state,
        account_id=HOME,
        target_capacity=20,
        fulfilled_capacity=12.5,
    )


def stored(api: Api, scope: Scope, known: ScopeFleets) -> None:
    FleetStore(BesideStore(api.stack.scopes.groups)).write(scope, NOTHING_STORED, known, [])


@pytest.fixture
def fleets(api: Api) -> Api:
    """Two fleets in Ohio, of which one is short, and one in Ireland that cannot be asked."""
    api.collects(an_odcr("cr-a"))
    api.collects(scope=IRELAND)
    short = {"crf-1": Shortfall(NOON - 2 * HOUR)}
    both = (a_fleet("crf-1", state="partially_fulfilled"), a_fleet("crf-2"))
    stored(api, OHIO, ScopeFleets(both, short))
    error = FleetError("UnauthorizedOperation", NOON, NOON - HOUR)
    stored(api, IRELAND, ScopeFleets((a_fleet("crf-3", "eu-west-1"),), {}, error))
    return api


def items(**query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask("/fleets", **query).body["items"]
    return found


@pytest.mark.usefixtures("fleets")
class TestFleets:
    def test_a_fleet_says_what_it_has_since_when_it_is_short_and_how_old_that_is(self) -> None:
        _, first, second = items()
        assert (first["fleet_id"], first["short_since"]) == ("crf-1", "2026-11-24T10:00:00Z")
        assert (first["target_capacity"], first["fulfilled_capacity"]) == (20, 12.5)
        assert first["observed_at"] == "2026-11-24T12:00:00Z"
        assert (second["fleet_id"], second["short_since"]) == ("crf-2", None)

    def test_what_could_not_be_asked_is_named_and_shown_as_it_was(self) -> None:
        answer = ask("/fleets").body
        assert answer["items"][0]["observed_at"] == "2026-11-24T11:00:00Z"
        assert answer["unanswered"] == {
            "total": 1,
            "by_code": {"UnauthorizedOperation": 1},
            "scopes": [
                {
                    "account_id": HOME,
                    "region": "eu-west-1",
                    "error": "UnauthorizedOperation",
                    "since": "2026-11-24T12:00:00Z",
                    "last_success": "2026-11-24T11:00:00Z",
                    "account_name": None,
                    "organizational_unit": None,
                }
            ],
        }
        assert answer["collection"]["complete"] is True

    def test_filters_by_region_account_and_state(self) -> None:
        assert [it["fleet_id"] for it in items(region="us-*")] == ["crf-1", "crf-2"]
        assert [it["fleet_id"] for it in items(state="partially_fulfilled")] == ["crf-1"]
        assert items(account="999999999999") == []
        assert ask("/fleets", region="us-east-2").body["unanswered"]["total"] == 0

    def test_pages_have_each_fleet_once(self) -> None:
        first = ask("/fleets", limit="2").body
        rest = ask("/fleets", limit="2", next_token=first["next_token"]).body
        names = [it["fleet_id"] for it in (*first["items"], *rest["items"])]
        assert names == ["crf-3", "crf-1", "crf-2"]
        assert (first["count"], rest["next_token"]) == (3, None)

    def test_a_repeated_request_reads_no_fleets_again(self) -> None:
        ask("/fleets")
        meter.take()
        ask("/fleets")
        assert meter.take().services == {"dynamodb": 2}

    def test_a_parameter_that_is_none_is_refused(self) -> None:
        answer = ask("/fleets", instance_type="p5*")
        assert (answer.status, answer.body["parameter"]) == (400, "instance_type")


def test_a_scope_that_is_collected_no_more_has_no_fleets(api: Api) -> None:
    stored(api, OHIO, ScopeFleets((a_fleet(),)))
    assert items() == []
