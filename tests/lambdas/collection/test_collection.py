"""Collecting a unit: what becomes of reservations, and failures of every kind."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from lambdas.collecting.collector import ScopeOutcome
from lambdas.parallel import PARALLEL_REQUESTS
from tests.builders import OHIO
from tests.lambdas.collection.builders import UNIT, Around, World
from tests.lambdas.fakes import Fleet, a_raw_block, a_raw_odcr, client_error
from truffle.core.model import Scope
from truffle.core.runs import Unit


def test_the_first_snapshot_of_a_scope_is_its_baseline_without_events(world: World) -> None:
    world.holds(a="active", b="payment-failed")
    outcome = world.collect()
    assert (outcome.changed, outcome.events) == (2, 0)
    assert (world.stored(), world.events()) == ({"a": "active", "b": "payment-failed"}, [])


def test_a_change_since_the_baseline_is_reported_once(world: World) -> None:
    world.holds(a="active", b="active", c="active")
    world.collect()
    world.holds(a="pending", b="active", d="active")
    outcome = world.collect()
    assert (outcome.changed, outcome.events) == (3, 3)
    assert world.recorded() == [
        ("a", "active → pending"),
        ("c", "active → no longer listed"),
        ("d", "first seen in state active"),
    ]


def test_a_second_run_over_the_same_fleet_writes_no_reservation_and_no_event(world: World) -> None:
    world.fleet.holds(OHIO, a_raw_odcr("cr-a"), a_raw_block("cr-b"))
    world.collect()
    before = besides_heartbeats(world)
    client = Around(world.scopes.client)
    outcome = world.collect(client)
    assert (outcome.changed, outcome.events, client.writes) == (0, 0, 1)
    assert besides_heartbeats(world) == before


def besides_heartbeats(world: World) -> list[Any]:
    return [item for item in world.items() if not item["pk"]["S"].startswith("UNIT")]


def test_a_reservation_in_a_terminal_state_leaves_silently_and_keeps_its_last_row(
    world: World,
) -> None:
    world.holds(a="expired")
    world.collect()
    world.holds()
    world.collect()
    gone = world.scopes.gone("a")
    assert (world.stored(), world.events()) == ({}, [])
    assert gone is not None
    assert gone["state"] == "expired"


def test_an_events_times_are_those_of_the_two_snapshots(world: World) -> None:
    world.holds(a="active")
    world.collect()
    world.collect()
    world.holds(a="pending")
    world.collect()
    (event,) = world.events()
    assert event["previous_observed_at"] == "2026-11-24T14:00:00Z"
    assert event["observed_at"] == "2026-11-24T15:00:00Z"


# --- failures of every kind ----------------------------------------------------------------------

FAULTS = {
    "throttled to the end of its retries": ("RequestLimitExceeded", "throttled"),
    "a server error": ("InternalError", "error"),
    "denied": ("UnauthorizedOperation", "denied"),
    "disabled": ("AuthFailure", "disabled"),
}


def is_failed(world: World, outcome: ScopeOutcome, code: str, kind: str) -> bool:
    """Whether the outcome and the scope both name a failure."""
    error = world.scopes.status(OHIO).error
    assert outcome.failure is not None
    assert error is not None
    return (outcome.failure.code, error.code) == (code, code) and (
        (outcome.failure.kind, error.kind) == (kind, kind)
    )


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("after_pages", [0, 1, 2])
def test_a_listing_that_fails_on_any_page_changes_no_reservation_and_makes_no_event(
    world: World, fault: str, after_pages: int
) -> None:
    code, kind = FAULTS[fault]
    world.holds(a="active", b="active", c="active", d="active", e="active")
    world.collect()
    before = world.stored()
    world.holds(a="expired", b="expired", c="expired", d="expired", e="expired")
    world.fleet.fails(OHIO, client_error(code), after_pages=after_pages)
    assert is_failed(world, world.collect(), code, kind)
    assert (world.stored(), world.events()) == (before, [])


def test_a_call_that_times_out_is_a_failure_with_the_name_of_its_error(world: World) -> None:
    world.fleet.fails(OHIO, ReadTimeoutError(endpoint_url="https://ec2"))
    assert is_failed(world, world.collect(), "ReadTimeoutError", "error")


def test_a_listing_that_runs_out_of_time_is_a_failure(world: World) -> None:
    world.holds(a="active", b="active", c="active")
    late = world.clock() - timedelta(seconds=1)
    (outcome,) = world.collector().collect(UNIT, late)
    assert is_failed(world, outcome, "DeadlineExceeded", "error")
    assert world.stored() == {}


def test_the_deadline_is_checked_before_each_scope_of_a_unit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = Unit("run-1", OHIO.region, tuple(f"{number:012}" for number in range(1, 51)), 0)
    connect = Fleet.of

    def slowly(fleet: Fleet, scope: Scope) -> Any:
        world.clock.advance(timedelta(minutes=1))
        return connect(fleet, scope)

    monkeypatch.setattr(Fleet, "of", slowly)
    outcomes = world.collector().collect(unit, world.clock() + timedelta(minutes=10))
    late = {it.result.scope for it in outcomes if it.failure}
    assert {it.failure.code for it in outcomes if it.failure} == {"DeadlineExceeded"}
    asked = {scope for scope, _ in world.fleet.asked}
    assert len(outcomes) == len(unit.accounts)
    assert 0 < len(asked) <= 10 + PARALLEL_REQUESTS
    assert set(unit.scopes) - asked <= late


def test_a_role_that_cannot_be_assumed_is_a_failure(world: World) -> None:
    world.fleet.no_client[OHIO] = client_error("AccessDenied", "AssumeRole")
    assert is_failed(world, world.collect(), "AccessDenied", "denied")


def test_an_enrichment_that_fails_makes_the_whole_a_failure(world: World) -> None:
    world.fleet.holds(OHIO, a_raw_block("cr-b"))
    world.fleet.fails(OHIO, client_error("RequestLimitExceeded"), "describe_capacity_blocks")
    assert is_failed(world, world.collect(), "RequestLimitExceeded", "throttled")


def test_an_enrichment_that_is_denied_is_named_and_the_listing_stands(world: World) -> None:
    world.fleet.holds(OHIO, a_raw_block("cr-b"))
    denied = client_error("UnauthorizedOperation", "DescribeCapacityBlockStatus")
    world.fleet.fails(OHIO, denied, "describe_capacity_block_status")
    assert world.collect().failure is None
    unanswered = world.scopes.status(OHIO).unanswered
    assert unanswered == ("DescribeCapacityBlockStatus: UnauthorizedOperation",)


def test_a_change_during_a_failure_is_reported_when_it_ends(world: World) -> None:
    world.holds(a="active")
    world.collect()
    world.holds(a="pending")
    world.fleet.fails(OHIO, client_error("InternalError"))
    world.collect()
    world.fleet.recovers()
    world.collect()
    assert world.recorded() == [("a", "active → pending")]
    assert world.scopes.status(OHIO).error is None


def test_a_failed_collection_is_a_failure_in_the_bucket_and_no_empty_snapshot(
    world: World,
) -> None:
    world.fleet.fails(OHIO, client_error("InternalError"))
    world.collect()
    (content,) = world.bucket.objects.values()
    (line,) = [json.loads(it) for it in gzip.decompress(content).splitlines()]
    assert (line["outcome"], line["error"], line["reservations"]) == (
        "failed",
        "InternalError",
        None,
    )
