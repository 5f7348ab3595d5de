"""``as_of``: the API returns for a past moment what it returned then."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from lambdas import ledger
from lambdas.clients import service
from lambdas.settings import LedgerSettings, QuerySettings
from tests.builders import HOME, HOUR, NOON, OTHER, an_odcr
from tests.lambdas.api import Answer, ask
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import (
    Clock,
    FakeContext,
    Fleet,
    Wire,
    a_raw_block,
    a_raw_odcr,
    client_error,
)
from tests.lambdas.hours import IRELAND, OHIO, Hours
from truffle.core.codec import encode
from truffle.core.times import format_time

MINUTE = timedelta(minutes=1)
ROUTES = ("/reservations", "/odcrs", "/capacity-blocks", "/summary")


@pytest.fixture
def hours(stack: Stack, clock: Clock, deploy: Callable[..., None]) -> Hours:
    return Hours(stack, clock, deploy)


def at(moment: datetime) -> str:
    return format_time(moment)


def test_each_list_answers_what_it_answered_then(hours: Hours) -> None:
    recorded: dict[datetime, list[Any]] = {}
    stories: list[Callable[[Fleet], None]] = [
        lambda fleet: fleet.holds(OHIO, a_raw_odcr("cr-a"), a_raw_block("cr-b")),
        lambda fleet: fleet.holds(IRELAND, a_raw_odcr("cr-c", AvailableInstanceCount=0)),
        lambda fleet: fleet.fails(OHIO, client_error("RequestLimitExceeded")),
        lambda fleet: None,
        lambda fleet: None,
        lambda fleet: fleet.fails(IRELAND, client_error("UnauthorizedOperation")),
        lambda fleet: fleet.recovers(),
        lambda fleet: fleet.holds(OHIO),
    ]
    for story in stories:
        story(hours.fleet)
        hours.next()
        moment = hours.clock.advance(20 * MINUTE)
        recorded[moment] = [hours.ask(route).body for route in ROUTES]
        hours.clock.advance(-20 * MINUTE)
    hours.clock.advance(24 * HOUR)
    for moment, before in recorded.items():
        assert [hours.ask(route, as_of=at(moment)).body for route in ROUTES] == before


def test_one_hours_objects_are_read_and_not_the_archive(
    hours: Hours, wire: Callable[[str], Wire]
) -> None:
    hours.fleet.holds(OHIO, a_raw_odcr("cr-a"))
    for _ in range(5):
        hours.next()
    hours.deploy(QuerySettings)
    calls = wire("s3")
    assert ask("/odcrs", as_of=at(NOON + 4.5 * HOUR)).ids == ["cr-a"]
    read = [params["Key"] for params in calls.parameters("GetObject")]
    assert sorted(name.split("/")[0] for name in read) == ["runs", "snapshots", "snapshots"]


def test_a_moment_before_the_first_snapshot_is_unknown_and_the_earliest_named(
    hours: Hours,
) -> None:
    hours.run()
    answer = hours.ask("/odcrs", as_of="2026-11-24T11:00:00Z")
    assert (answer.status, answer.body["title"]) == (404, "Before the first snapshot")
    assert answer.body["earliest"] == "2026-11-24T12:00:01Z"
    assert hours.ask("/odcrs", as_of=answer.body["earliest"]).status == 200


def test_without_any_snapshot_there_is_no_earliest_time(hours: Hours) -> None:
    answer = hours.ask("/summary", as_of=at(NOON))
    assert (answer.status, answer.body["earliest"]) == (404, None)


def test_a_moment_that_is_yet_to_come_is_refused(hours: Hours) -> None:
    answer = hours.ask("/reservations", as_of=at(NOON + MINUTE))
    assert answer.status == 400
    assert answer.body["parameter"] == "as_of"
    assert "2026-11-24T12:00:00Z" in answer.body["allowed"]


def test_a_stack_that_stood_still_names_its_scopes_as_old(hours: Hours) -> None:
    hours.fleet.holds(OHIO, a_raw_odcr("cr-a"))
    hours.run()
    hours.clock.advance(6 * HOUR)
    answer = hours.ask("/odcrs", as_of=at(NOON + 5 * HOUR))
    assert answer.ids == ["cr-a"]
    assert [it["error"] for it in answer.body["collection"]["failed_scopes"]] == [
        "NotCollected",
        "NotCollected",
    ]


def test_one_reservation_has_its_values_and_events_of_then(hours: Hours) -> None:
    hours.fleet.holds(OHIO, a_raw_odcr("cr-a", State="pending"))
    hours.run()
    hours.fleet.holds(OHIO, a_raw_odcr("cr-a", State="active"))
    hours.next()
    hours.fleet.holds(OHIO)
    hours.next()
    hours.clock.advance(HOUR)
    then = [
        hours.ask("/reservations/cr-a", as_of=at(NOON + (n + 0.5) * HOUR)).body for n in range(3)
    ]
    assert [it["state"] for it in then] == ["pending", "active", "active"]
    assert [len(it["events"]) for it in then] == [0, 1, 2]
    assert [it["vanished_at"] is None for it in then] == [True, True, False]


def test_a_reservation_of_later_is_unknown_then(hours: Hours) -> None:
    hours.run()
    hours.fleet.holds(OHIO, a_raw_odcr("cr-a"))
    hours.next()
    answer = hours.ask("/reservations/cr-a", as_of=at(NOON + 0.5 * HOUR))
    assert (answer.status, answer.body["title"]) == (404, "Unknown reservation")


def test_pages_go_on_at_the_same_moment(hours: Hours) -> None:
    hours.fleet.holds(OHIO, *(a_raw_odcr(f"cr-{n}") for n in range(3)))
    hours.run()
    hours.fleet.holds(OHIO)
    hours.next()
    moment, found = at(NOON + 0.5 * HOUR), []
    token: str | None = ""
    while token is not None:
        asked = {"next_token": token} if token else {}
        answer = hours.ask("/odcrs", as_of=moment, limit="1", **asked)
        found += answer.ids
        token = answer.body["next_token"]
    assert found == ["cr-0", "cr-1", "cr-2"]


# --- the bucket of an earlier release ------------------------------------------------------------


class OldBucket:
    """One object for each successful scope, its reservations alone, and the run's manifest."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def holds(self, account: str, moment: datetime, *names: str) -> None:
        rows = [encode(an_odcr(name, account_id=account, observed_at=moment)) for name in names]
        body = gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())
        self._put(
            f"snapshots/dt={moment:%Y-%m-%d}/hour={moment:%H}/"
            f"{account}-us-east-2-{moment:%H%M%S}.json.gz",
            body,
        )

    def ran(self, moment: datetime, **observed: datetime) -> None:
        """A run of an hour's beginning: the last success of each scope, by account."""
        scopes = [
            {
                "account_id": account.removeprefix("a"),
                "region": "us-east-2",
                "outcome": "succeeded" if seen >= moment else "failed",
                "error": None if seen >= moment else {"code": "InternalError", "message": "oh"},
                "observed_at": at(seen),
            }
            for account, seen in observed.items()
        ]
        run_id = f"{moment:%Y%m%dT%H%M%SZ}-scheduled"
        manifest = {
            "run_id": run_id,
            "started_at": at(moment),
            "finished_at": at(moment + MINUTE),
            "scopes": scopes,
        }
        self._put(f"runs/dt={moment:%Y-%m-%d}/{run_id}.json", json.dumps(manifest).encode())

    def _put(self, name: str, body: bytes) -> None:
        service("s3").put_object(Bucket=self._stack.bucket, Key=name, Body=body)


@pytest.fixture
def old(stack: Stack) -> OldBucket:
    return OldBucket(stack)


def asked(hours: Hours, moment: datetime) -> Answer:
    hours.clock.moment = NOON + 48 * HOUR
    return hours.ask("/odcrs", as_of=at(moment))


def test_the_objects_of_an_earlier_release_are_read(hours: Hours, old: OldBucket) -> None:
    seen = NOON + timedelta(seconds=7)
    old.holds(HOME, seen, "cr-a", "cr-b")
    old.holds(OTHER, seen)
    old.ran(NOON, **{f"a{HOME}": seen, f"a{OTHER}": seen})
    answer = asked(hours, NOON + HOUR / 2)
    assert answer.ids == ["cr-a", "cr-b"]
    assert answer.body["collection"]["complete"]


def test_a_failure_of_an_earlier_release_is_in_its_manifest(hours: Hours, old: OldBucket) -> None:
    seen = NOON + timedelta(seconds=7)
    old.holds(HOME, seen, "cr-a")
    old.ran(NOON, **{f"a{HOME}": seen})
    old.ran(NOON + 5 * HOUR, **{f"a{HOME}": seen})
    answer = asked(hours, NOON + 5.5 * HOUR)
    assert answer.ids == ["cr-a"]
    (failed,) = answer.body["collection"]["failed_scopes"]
    assert (failed["error"], failed["last_success"]) == ("InternalError", at(seen))


def test_usage_of_an_earlier_release_goes_as_far_as_its_snapshots(
    hours: Hours, old: OldBucket
) -> None:
    """Hourly until 15:00, then once at 20:00: what followed more than two hours is unobserved."""
    for hour in (12, 13, 14, 15, 20):
        seen = NOON + (hour - 12) * HOUR + timedelta(seconds=7)
        old.holds(HOME, seen, "cr-a")
        old.ran(seen - timedelta(seconds=7), **{f"a{HOME}": seen})
    hours.clock.moment = NOON + 48 * HOUR

    def found() -> tuple[float, float, float]:
        answer = hours.ask("/usage", since="2026-11-24", until="2026-11-25")
        (row,) = answer.body["items"]
        return row["reserved_hours"], row["used_hours"], round(row["unobserved_hours"], 2)

    unobserved = round(8 * (9 - 7 / 3600), 2)
    assert found() == (8 * 3, 5 * 3, unobserved)
    hours.deploy(LedgerSettings)
    context: Any = FakeContext(remaining_milliseconds=900_000)
    assert ledger.handler({}, context)["days"] > 0
    assert found() == (8 * 3, 5 * 3, unobserved)


def test_an_object_that_is_damaged_is_named(hours: Hours, old: OldBucket) -> None:
    old._put("snapshots/dt=2026-11-24/hour=12/us-east-2-0-120001-abcdef01.json.gz", b"no gzip")
    answer = asked(hours, NOON + HOUR / 2)
    assert (answer.status, answer.body["title"]) == (503, "The bucket cannot be read")
    assert "us-east-2-0-120001-abcdef01" in answer.body["detail"]
