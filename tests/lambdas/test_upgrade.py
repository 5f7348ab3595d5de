"""A table and a bucket from before there were heartbeats are read on: nothing is lost or repeated.

The items are written as the version before did, field by field, and not by the code under test.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lambdas import collect, fan_out, wiring
from lambdas.clients import service
from lambdas.settings import CollectSettings, FanOutSettings
from lambdas.store.rows import digest_of
from lambdas.store.statuses import NO_ROWS
from tests.builders import HOME, HOUR, NOON, OTHER
from tests.lambdas.aws import Stack, deliver
from tests.lambdas.fakes import Clock, FakeContext, Fleet, a_raw_odcr
from truffle.core.json_text import json_object
from truffle.core.model import Scope
from truffle.ec2.mapping import to_odcr

OHIO, OTHER_OHIO = Scope(HOME, "us-east-2"), Scope(OTHER, "us-east-2")
GONE = Scope("333344445555", "us-east-2")
BEFORE = "2026-11-24T11:00:00.000000Z"
RAW = a_raw_odcr("cr-a", OwnerId=HOME)


def status_item(scope: Scope, **attributes: Any) -> dict[str, Any]:
    """A scope's item with the attributes of a success an hour ago."""
    return {
        "pk": {"S": "SCOPES"},
        "sk": {"S": f"{scope.account_id}#{scope.region}"},
        "revision": {"N": "0"},
        "observed_at": {"S": BEFORE},
        "attempted_at": {"S": BEFORE},
        "digest": {"S": NO_ROWS},
        "seconds": {"N": "0.5"},
        "reservations": {"N": "0"},
        "changed": {"N": "0"},
        "events": {"N": "0"},
        "unanswered": {"S": ""},
        "run_id": {"S": "20261124T110000Z-scheduled"},
        "baselines": {"N": "1"},
        "idle": {"S": '{"due": null, "lengths": "24h / 24h"}'},
        **attributes,
    }


@pytest.fixture
def old(stack: Stack, clock: Clock) -> Stack:
    """A stack with a scope that holds a reservation, an empty one that fails, and a retired one."""
    row = to_odcr(RAW, OHIO, NOON - HOUR, {})
    body = {**json.loads(json_object(row))}
    for name in ("observed_at", "seen_by"):
        body.pop(name)
    items = [
        status_item(
            OHIO, revision={"N": "3"}, reservations={"N": "1"}, digest={"S": digest_of([row])}
        ),
        status_item(
            OTHER_OHIO,
            attempted_at={"S": "2026-11-24T11:30:00.000000Z"},
            failing_since={"S": "2026-11-24T11:30:00.000000Z"},
            error={"S": '{"code": "InternalError", "message": "x", "kind": "error"}'},
            streak={"S": '{"runs": ["a", "b", "c"], "is_told": true}'},
        ),
        status_item(GONE, retired_at={"S": BEFORE}),
        {
            "pk": {"S": f"SCOPE#{HOME}#us-east-2"},
            "sk": {"S": "cr-a"},
            "body": {"S": json.dumps(body)},
            "reported": {"N": "1"},
        },
        {
            "pk": {"S": "REPORT#cr-a"},
            "sk": {"S": "REPORT"},
            "version": {"N": "1"},
            "body": {
                "S": json.dumps(
                    {
                        "news": 1,
                        "row": body,
                        "looked_at": "2026-11-24T11:00:00Z",
                        "members": [HOME],
                        "is_known": True,
                        "baseline": 0,
                        "idle_told": {},
                    }
                )
            },
        },
        {"pk": {"S": "BASELINES"}, "sk": {"S": "us-east-2"}, "baselines": {"N": "1"}},
        {
            "pk": {"S": "RUNS"},
            "sk": {"S": "20261124T110000Z-scheduled"},
            "started_at": {"S": "2026-11-24T11:00:00Z"},
            "regions": {"L": [{"S": "us-east-2"}]},
            "accounts": {"L": [{"S": HOME}, {"S": OTHER}]},
            "pending": {"SS": ["us-east-2"]},
        },
    ]
    for item in items:
        service("dynamodb").put_item(TableName=stack.table, Item=item)
    return stack


def test_before_the_first_run_everything_is_known(old: Stack) -> None:
    found = {status.scope: status for status in old.scopes.statuses()}
    assert found.keys() == {OHIO, OTHER_OHIO}
    assert found[OHIO].observed_at == NOON - HOUR
    assert found[OTHER_OHIO].error is not None
    assert [row.reservation_id for row in old.scopes.reservations(found[OHIO])] == ["cr-a"]


Deploy = Callable[..., None]


@pytest.fixture
def run(old: Stack, deploy: Deploy, choose: Deploy, clock: Clock) -> Callable[[Fleet], None]:
    """The first run after the upgrade."""

    def start(fleet: Fleet) -> None:
        context: Any = FakeContext()
        choose(listed=(HOME, OTHER))
        deploy(FanOutSettings, regions="us-east-2")
        fan_out.handler({}, context)
        deploy(CollectSettings)
        wiring.collect().ec2 = fleet  # type: ignore[assignment]
        assert collect.handler(deliver(old.units), context) == {"batchItemFailures": []}

    return start


Run = Callable[[Fleet], None]


def test_an_unchanged_scope_has_no_event_and_a_recovered_one_has_its_event(
    old: Stack, run: Run
) -> None:
    fleet = Fleet()
    fleet.holds(OHIO, RAW)
    run(fleet)
    assert [event["type"] for event in old.events()] == ["scope_recovered"]
    found = {status.scope: status for status in old.scopes.statuses()}
    assert {scope: it.observed_at for scope, it in found.items()} == {OHIO: NOON, OTHER_OHIO: NOON}
    assert found[OHIO].revision == 3


def test_a_change_across_the_upgrade_is_reported_once(old: Stack, run: Run) -> None:
    fleet = Fleet()
    fleet.holds(OHIO, {**RAW, "State": "pending"})
    run(fleet)
    assert ("cr-a", "active → pending") in old.happenings()
    assert [name for name, _ in old.happenings() if name] == ["cr-a"]


def test_a_retired_scope_stays_retired(old: Stack, run: Run) -> None:
    run(Fleet())
    assert GONE not in {status.scope for status in old.scopes.statuses()}
    assert old.scopes.status(GONE).is_retired


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_a_message_of_the_version_before_still_closes_its_run(
    old: Stack, deploy: Deploy, clock: Clock
) -> None:
    fleet = Fleet()
    fleet.holds(OHIO, RAW)
    body = {
        "run_id": "20261124T110000Z-scheduled",
        "region": "us-east-2",
        "accounts": [HOME, OTHER],
    }
    service("sqs").send_message(QueueUrl=old.units, MessageBody=json.dumps(body))
    deploy(CollectSettings)
    wiring.collect().ec2 = fleet  # type: ignore[assignment]
    context: Any = FakeContext()
    for _ in ("unit", "latest/"):
        assert collect.handler(deliver(old.units), context) == {"batchItemFailures": []}
    manifest = old.document("runs/dt=2026-11-24/20261124T110000Z-scheduled.json")
    assert manifest["counts"]["succeeded"] == 2
    assert [row["reservation_id"] for row in old.document("latest/odcrs.json")] == ["cr-a"]
