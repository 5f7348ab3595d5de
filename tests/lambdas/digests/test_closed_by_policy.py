"""A policy that closes hundreds of scopes at once: one message for those who want digests."""

from __future__ import annotations

import json
from datetime import timedelta

from sandbox.sink.destination import Destination
from tests.builders import a_run
from tests.lambdas.digests.builders import QUIET
from tests.lambdas.fakes import client_error
from tests.lambdas.office import Office, bodies
from tests.lambdas.test_shared_outages import REGIONS, Stacked
from truffle.core.model import Scope

ACCOUNTS = tuple(f"{number:012}" for number in range(1, 71))
DELIVERED = 6
"""More than a digest takes to be one; seventy would take the double of AWS half a minute."""

REPORTED_IN = "run-4"
"""The first run lists everything; three more fail in a row."""


def test_a_policy_over_hundreds_of_scopes_is_one_digest(oncall: Office, sink: Destination) -> None:
    # Given a policy that denies seventy accounts every one of their three regions
    stacked = Stacked(ACCOUNTS)
    stacked.run()
    for account_id in ACCOUNTS:
        for region in REGIONS:
            stacked.fleet.fails(Scope(account_id, region), client_error("UnauthorizedOperation"))

    # When that is reported
    stacked.run(5)
    recorded = stacked.recorded()
    assert sorted(message["account_id"] for message in recorded) == list(ACCOUNTS)
    assert {message["run_id"] for message in recorded} == {REPORTED_IN}
    run = a_run(run_id=REPORTED_IN, pending=frozenset({"us-east-1"}))
    oncall.opens_run(run)
    oncall.clock.moment = stacked.clock() + timedelta(minutes=1)
    assert oncall.deliver("oncall", *recorded[:DELIVERED]) == 0
    oncall.finishes_run(run)
    oncall.clock.advance(QUIET)
    assert oncall.flush("oncall", REPORTED_IN) == 0

    # Then there is one message
    (message,) = bodies(sink)
    assert f"{DELIVERED} events" in json.dumps(message)
