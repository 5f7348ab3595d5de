"""A stack that an earlier version wrote is taken over in place: nothing is lost, nothing repeated.

Table, bucket and answers are that version's own (``recorded/README.md``).
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from lambdas import collect, fan_out, wiring
from lambdas.clients import service
from lambdas.settings import CollectSettings, FanOutSettings, QuerySettings
from tests.builders import HOME, HOUR, OTHER
from tests.lambdas.api import ask
from tests.lambdas.aws import Stack, deliver
from tests.lambdas.fakes import Clock, FakeContext, Fleet, client_error
from truffle.core.model import Scope

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent / "recorded" / "stack-8afdc50.json").read_text()
)
THIRD = "333344445555"
REGIONS: list[str] = RECORDED["regions"]

Deploy = Callable[..., None]


@pytest.fixture
def old(stack: Stack, clock: Clock, deploy: Deploy) -> Stack:
    """The recorded stack, at the moment of its last run, under the present functions."""
    clock.moment = datetime.fromisoformat(RECORDED["at"])
    table, bucket = service("dynamodb"), service("s3")
    for item in RECORDED["items"]:
        table.put_item(TableName=stack.table, Item=item)
    for name, content in RECORDED["objects"].items():
        bucket.put_object(Bucket=stack.bucket, Key=name, Body=base64.b64decode(content))
    deploy(QuerySettings)
    return stack


@pytest.fixture
def fleet() -> Fleet:
    """EC2's last listings, with the failures of that time."""
    made = Fleet()
    for scope in RECORDED["listed"]:
        raw = [_with_dates(it) for it in scope["reservations"]]
        made.holds(Scope(scope["account_id"], scope["region"]), *raw)
    for region in REGIONS:
        made.fails(Scope(THIRD, region), client_error("UnauthorizedOperation"))
    return made


def _with_dates(raw: dict[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(it) if name.endswith("Date") and it else it
        for name, it in raw.items()
    }


@pytest.fixture
def run(
    old: Stack, fleet: Fleet, deploy: Deploy, choose: Deploy, clock: Clock
) -> Callable[[], None]:
    """A run of the present functions, an hour later."""

    def start() -> None:
        clock.advance(HOUR)
        context: Any = FakeContext(str(clock()))
        choose(listed=tuple(RECORDED["accounts"]))
        deploy(FanOutSettings, regions=",".join(REGIONS))
        fan_out.handler({}, context)
        deploy(CollectSettings)
        wiring.collect().ec2 = fleet  # type: ignore[assignment]
        assert collect.handler(deliver(old.units), context) == {"batchItemFailures": []}
        deploy(QuerySettings)

    return start


def known(now: dict[str, Any], then: dict[str, Any], *without: str) -> dict[str, Any]:
    """The part of an answer that that version also had."""
    return {name: now[name] for name in then if name not in without}


def rows(*without: str) -> list[dict[str, Any]]:
    then = RECORDED["answers"]["/reservations"]["items"]
    found = ask("/reservations").body["items"]
    assert [row["reservation_id"] for row in found] == [row["reservation_id"] for row in then]
    return [known(now, row, *without) for now, row in zip(found, then, strict=True)]


def recorded_rows(*without: str) -> list[dict[str, Any]]:
    then = RECORDED["answers"]["/reservations"]["items"]
    return [{name: it for name, it in row.items() if name not in without} for row in then]


def event_ids() -> list[str]:
    return [event["event_id"] for event in ask("/events").body["items"]]


def test_before_the_first_run_the_lists_are_those_of_then(old: Stack) -> None:
    assert rows() == recorded_rows()


def test_before_the_first_run_each_scope_has_its_state_of_then(old: Stack) -> None:
    then = RECORDED["answers"]["/status"]["scopes"]
    found = ask("/status").body["scopes"]
    assert [known(now, scope) for now, scope in zip(found, then, strict=True)] == then


def test_events_stay_as_they_were(old: Stack, run: Callable[[], None]) -> None:
    then = RECORDED["answers"]["/events"]["items"]
    before = ask("/events").body["items"]
    assert [event["event_id"] for event in before] == [event["event_id"] for event in then]
    assert [event["summary"] for event in before] == [event["summary"] for event in then]
    run()
    run()
    assert event_ids() == [event["event_id"] for event in then]


@pytest.mark.parametrize("name", ["cr-gone", "cr-left"])
def test_before_the_first_run_a_reservation_that_is_gone_is_found(old: Stack, name: str) -> None:
    assert ask(f"/reservations/{name}").status == 200


def test_a_reservation_is_found_with_its_events(
    run: Callable[[], None], subtests: pytest.Subtests
) -> None:
    run()
    for name in ("cr-gone", "cr-left", "cr-shared"):
        with subtests.test(name):
            then, now = (
                RECORDED["answers"][f"/reservations/{name}"],
                ask(f"/reservations/{name}").body,
            )
            differs = ("collection", "events", "observed_at")
            assert known(now, then, *differs) == known(then, then, *differs)
            published = [it["event_id"] for it in then["events"]]
            assert [it["event_id"] for it in now["events"]] == published


def test_the_first_runs_change_nothing_but_when_it_was_observed(run: Callable[[], None]) -> None:
    run()
    run()
    assert rows("observed_at") == recorded_rows("observed_at")


def test_the_first_run_has_a_whole_manifest_and_inventory(
    old: Stack, run: Callable[[], None]
) -> None:
    run()
    (name,) = [it for it in set(old.keys()) - set(RECORDED["objects"]) if it.startswith("runs/")]
    counts = old.document(name)["counts"]
    assert (counts["scopes"], counts["succeeded"], counts["failed"]) == (6, 4, 2)
    # The shared reservation gets its consumers, which were not asked for then.
    assert (counts["changed"], counts["events"]) == (1, 0)
    latest = [
        it for kind in ("odcrs", "capacity-blocks") for it in old.document(f"latest/{kind}.json")
    ]
    assert {it["reservation_id"] for it in latest} == {"cr-a", "cr-b", "cr-block", "cr-shared"}


def test_no_object_of_then_is_lost(old: Stack, run: Callable[[], None]) -> None:
    run()
    kept = {name for name in RECORDED["objects"] if not name.startswith("latest/")}
    assert kept <= set(old.keys())


def change(fleet: Fleet, name: str, **facts: Any) -> None:
    for scope, listed in list(fleet.raw.items()):
        raw = [it | facts if it["CapacityReservationId"] == name else it for it in listed]
        fleet.holds(scope, *raw)


def test_a_change_across_the_upgrade_is_one_event(
    old: Stack, fleet: Fleet, run: Callable[[], None]
) -> None:
    before = set(event_ids())
    change(fleet, "cr-a", State="pending")
    change(fleet, "cr-shared", TotalInstanceCount=10)
    run()
    run()
    new = [it for it in ask("/events").body["items"] if it["event_id"] not in before]
    assert sorted((it["reservation_id"], it["type"], it["account_id"]) for it in new) == [
        ("cr-a", "state_changed", HOME),
        ("cr-shared", "resized", HOME),
    ]


def test_a_scope_that_recovers_across_the_upgrade_says_so_once(
    old: Stack, fleet: Fleet, run: Callable[[], None]
) -> None:
    before = set(event_ids())
    fleet.recovers()
    run()
    run()
    new = [it for it in ask("/events").body["items"] if it["event_id"] not in before]
    assert {(it["type"], it["account_id"]) for it in new} == {("scope_recovered", THIRD)}
    assert len(new) == len({(it["region"]) for it in new})


def test_an_account_that_left_stays_away(run: Callable[[], None]) -> None:
    run()
    accounts = {scope["account_id"] for scope in ask("/status").body["scopes"]}
    assert accounts == {HOME, OTHER, THIRD}


# --- the past ----------------------------------------------------------------------------------


def snapshots_at(hour: int) -> dict[str, dict[str, Any]]:
    """The reservations in the recorded objects of an hour, as their owners list them."""
    lines = [
        json.loads(line)
        for name, content in RECORDED["objects"].items()
        if f"/hour={hour}/" in name
        for line in gzip.decompress(base64.b64decode(content)).splitlines()
    ]
    return {it["reservation_id"]: it for it in lines if it["account_id"] == it["owner_id"]}


@pytest.mark.parametrize("hour", [13, 14])
def test_a_past_moment_has_what_that_version_listed(old: Stack, hour: int) -> None:
    found = ask("/reservations", f"as_of=2026-11-24T{hour}:30:00Z").body["items"]
    then = snapshots_at(hour)
    assert {row["reservation_id"] for row in found} == set(then)
    for row in found:
        before = then[row["reservation_id"]]
        assert known(row, before, "seen_by") == known(before, before, "seen_by")


def test_the_last_moment_has_what_that_version_answered(old: Stack) -> None:
    answer = ask("/reservations", f"as_of={RECORDED['at'].replace('+00:00', 'Z')}").body
    then = RECORDED["answers"]["/reservations"]
    assert [it["reservation_id"] for it in answer["items"]] == [
        it["reservation_id"] for it in then["items"]
    ]
    now, before = (it["collection"]["failed_scopes"] for it in (answer, then))
    assert {one["region"] + one["account_id"]: known(one, before[0]) for one in now} == {
        one["region"] + one["account_id"]: one for one in before
    }


def test_usage_adds_up_what_that_version_listed(old: Stack) -> None:
    period = "since=2026-11-24T13:00:00Z&until=2026-11-24T17:00:00Z"
    rows_of = ask("/usage", f"{period}&interval=total&by=reservation").body["items"]
    found = {it["group"]["reservation"]: it for it in rows_of}
    hours = [snapshots_at(hour) for hour in range(13, 17)]
    for name in ("cr-a", "cr-shared"):
        assert found[name]["reserved_hours"] == sum(hour[name]["total_capacity"] for hour in hours)
        assert found[name]["used_hours"] == sum(hour[name]["used_capacity"] for hour in hours)
    assert "cr-block" not in found, "it was not active yet"
