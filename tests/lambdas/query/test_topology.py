"""``GET /topology``, and how near the instances of a validated run would be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lambdas.clients import meter, service
from lambdas.collecting.beside_file import BesideFile
from lambdas.store.archive import Archive
from lambdas.store.beside import BesideStore, ItemKind
from lambdas.store.beside_copy import BesideCopy
from lambdas.store.placements import PlacementStore, ScopePlacements
from tests.builders import HOME, HOUR, NOON, OHIO
from tests.lambdas.api import ask
from tests.lambdas.query.builders import A_RUN, IRELAND, Api
from truffle.core.model import Scope
from truffle.core.topology import Placement


def placed(api: Api, scope: Scope, *ids: str, error: str | None = None) -> None:
    rows = tuple(
        Placement(
            reservation_id=it,
            region=scope.region,
            instance_type="p5.48xlarge",
            account_id=HOME,
            network_nodes=("nn-1", "nn-2"),
        )
        for it in ids
    )
    since = NOON if error else None
    known = ScopePlacements(frozenset(ids), rows, NOON - HOUR, error, since)
    PlacementStore(BesideStore(api.stack.scopes.groups)).write(scope, known)


@pytest.fixture
def network(fleet: Api) -> Api:
    placed(fleet, OHIO, "cr-a", "cr-c")
    placed(fleet, IRELAND, "cr-d", error="RequestLimitExceeded")
    placed(fleet, Scope("999999999999", "us-east-2"), "cr-old")
    return fleet


@pytest.mark.usefixtures("network")
class TestTopology:
    def test_the_nodes_of_every_scope_that_is_collected(self) -> None:
        items = ask("/topology").body["items"]
        assert [it["reservation_id"] for it in items] == ["cr-d", "cr-a", "cr-c"]
        assert items[1]["network_nodes"] == ["nn-1", "nn-2"]

    def test_what_did_not_answer_is_named(self) -> None:
        recorded = ask("/topology").body["unanswered"]
        assert (recorded["total"], recorded["by_code"]) == (1, {"RequestLimitExceeded": 1})
        assert recorded["scopes"][0]["last_success"] == "2026-11-24T11:00:00Z"

    def test_filters(self) -> None:
        assert ask("/topology", region="eu-*").ids == ["cr-d"]
        assert ask("/topology", instance_type="p4*").ids == []
        assert ask("/topology", account="111111111111").ids == []

    def test_pages(self) -> None:
        first = ask("/topology", limit="2").body
        rest = ask("/topology", limit="2", next_token=first["next_token"])
        assert (first["count"], rest.ids, rest.body["next_token"]) == (3, ["cr-c"], None)
        assert rest.body["count"] == 3

    def test_a_repeated_request_reads_no_placements_again(self) -> None:
        ask("/topology")
        meter.take()
        ask("/topology")
        assert meter.take().services == {"dynamodb": 2}

    def test_a_first_request_reads_no_unit_that_is_as_the_last_run_left_it(
        self, network: Api, wire: Callable[[str], Any]
    ) -> None:
        copy = BesideCopy(Archive(service("s3"), network.stack.bucket), ItemKind.PLACEMENTS)
        BesideFile(BesideStore(network.stack.scopes.groups), copy).publish()
        placed(network, IRELAND, "cr-e")
        table = wire("dynamodb")
        assert ask("/topology").ids == ["cr-e", "cr-a", "cr-c"]
        queries = [it["ExpressionAttributeValues"][":pk"]["S"] for it in table.parameters("Query")]
        assert [it for it in queries if it.startswith("UNIT#")] == ["UNIT#eu-west-1/0"]

    def test_a_run_learns_how_near_its_instances_would_be(self) -> None:
        body = ask("/validate", **A_RUN).body
        assert body["found"]["reservation_id"] == "cr-c"
        assert body["network_nodes"] == ["nn-1", "nn-2"]
        assert body["proximity"] == (
            "all instances are below network node nn-2 (layer 2 of 2, the lowest known)"
        )


def test_where_nobody_knows_it_is_null(fleet: Api) -> None:
    body = ask("/validate", **A_RUN).body
    assert (body["ok"], body["network_nodes"], body["proximity"]) == (True, None, None)
