"""``collect``: throttling alone uses up none of a unit's receives, and ends with the period."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from lambdas import collect, scope_clients
from lambdas.clients import service
from lambdas.settings import CollectSettings
from lambdas.store.runs import RunStore
from tests.builders import HOME, OHIO, OTHER, a_run
from tests.lambdas.aws import Stack, deliver, hidden_messages, messages
from tests.lambdas.fakes import LISTING, Clock, FakeContext, Fleet, Wire, a_raw_odcr, client_error
from truffle.core.model import Scope

Json = dict[str, Any]
WireTo = Callable[[str], Wire]

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")

OTHER_OHIO = Scope(OTHER, OHIO.region)
THROTTLED = client_error("RequestLimitExceeded")
PERIOD = timedelta(hours=1)


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """EC2's inventory, in place of the clients that the function would make."""
    made = Fleet()
    monkeypatch.setattr(scope_clients, "ScopeClients", lambda *_: made)
    return made


class Units:
    """A queue whose delays pass at once, and the function that takes messages off it."""

    def __init__(self, stack: Stack, clock: Clock, context: FakeContext, sent: Wire) -> None:
        self._stack, self._clock, self._context, self._sent = stack, clock, context, sent

    def collect(self) -> list[str]:
        """Deliver what is on the queue; the bodies of the messages that stay on it."""
        event = deliver(self._stack.units)
        answer = collect.handler(event, self._context)
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for record in event["Records"]:
            if record["messageId"] not in failed:
                service("sqs").delete_message(
                    QueueUrl=self._stack.units, ReceiptHandle=record["receiptHandle"]
                )
        return [one["body"] for one in event["Records"] if one["messageId"] in failed]

    @property
    def delays(self) -> list[int]:
        sent = self._sent.parameters("SendMessage")
        return [call["DelaySeconds"] for call in sent if "DelaySeconds" in call]

    def wait(self) -> None:
        """Let the delay of the last postponed message pass, for the queue and for the function."""
        self._clock.advance(timedelta(seconds=self.delays[-1]))
        for message in hidden_messages(self._stack.units):
            message.delayed_until = 0

    def collect_until_nothing_is_left(self) -> timedelta:
        """How long a unit is tried; no message may fail meanwhile."""
        began = self._clock()
        for _ in range(100):
            sent = len(self.delays)
            assert self.collect() == []
            if len(self.delays) == sent:
                return self._clock() - began
            self.wait()
        raise AssertionError("the unit comes back for ever")


@pytest.fixture
def units(
    stack: Stack,
    deploy: Callable[..., None],
    fleet: Fleet,
    clock: Clock,
    context: FakeContext,
    wire: WireTo,
) -> Units:
    """A run with a unit of two accounts on its queue."""
    deploy(CollectSettings)
    runs = RunStore(service("dynamodb"), stack.table)
    region = OHIO.region
    pending = frozenset({region})
    runs.open(a_run(run_id="run-1", regions=(region,), accounts=(HOME, OTHER), pending=pending))
    stack.send_unit("run-1", region, HOME, OTHER)
    return Units(stack, clock, context, wire("sqs"))


def listed(fleet: Fleet) -> list[str]:
    return [scope.account_id for scope, operation in fleet.asked if operation == LISTING]


@pytest.mark.parametrize("is_role", [False, True])
def test_a_unit_that_is_only_throttled_is_tried_to_the_end_of_the_period_and_never_dead(
    stack: Stack, fleet: Fleet, units: Units, is_role: bool
) -> None:
    fleet.holds(OHIO)
    if is_role:
        fleet.no_client[OTHER_OHIO] = client_error("Throttling", "AssumeRole")
    else:
        fleet.fails(OTHER_OHIO, THROTTLED)
    tried_for = units.collect_until_nothing_is_left()
    assert PERIOD - timedelta(minutes=15) < tried_for < PERIOD
    assert messages(stack.unit_dead_letters) == []
    status = stack.scopes.status(OTHER_OHIO)
    assert status.error is not None
    assert status.error.kind == "throttled"


def test_only_the_throttled_scopes_are_listed_again(fleet: Fleet, units: Units) -> None:
    fleet.holds(OHIO, a_raw_odcr("cr-a"))
    fleet.fails(OTHER_OHIO, THROTTLED)
    units.collect()
    for _ in range(2):
        fleet.asked.clear()
        units.wait()
        units.collect()
        assert listed(fleet) == [OTHER]


def test_a_scope_that_is_listed_at_last_brings_the_runs_manifest_up_to_date(
    stack: Stack, fleet: Fleet, units: Units
) -> None:
    fleet.fails(OTHER_OHIO, THROTTLED)
    units.collect()
    fleet.recovers()
    units.wait()
    assert units.collect() == []
    counts = stack.document("runs/dt=2026-11-24/run-1.json")["counts"]
    assert (counts["succeeded"], counts["failed"]) == (2, 0)


def test_a_unit_that_also_fails_otherwise_uses_up_its_receives(
    stack: Stack, fleet: Fleet, units: Units
) -> None:
    fleet.fails(OHIO, client_error("InternalError"))
    fleet.fails(OTHER_OHIO, THROTTLED)
    (body,) = units.collect()
    assert json.loads(body)["region"] == OHIO.region
    assert units.delays == []


def test_a_unit_that_cannot_be_postponed_stays_on_the_queue(
    fleet: Fleet, units: Units, wire: WireTo
) -> None:
    fleet.fails(OTHER_OHIO, THROTTLED)
    wire("sqs").fails_before(client_error("ServiceUnavailable"), "SendMessage", call=2)
    assert len(units.collect()) == 1


def test_the_log_names_what_was_throttled(
    fleet: Fleet, units: Units, logs: Callable[[], str]
) -> None:
    fleet.fails(OTHER_OHIO, THROTTLED)
    units.collect_until_nothing_is_left()
    assert "unit throttled" in logs()
    assert "throttled unit left for the next run" in logs()
