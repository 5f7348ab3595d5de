"""A destination whose events wait for a digest."""

from __future__ import annotations

import pytest

from sandbox.sink.destination import Destination
from tests.builders import a_run
from tests.lambdas.office import RUN, Office, put_secret


@pytest.fixture
def oncall(office: Office, sink: Destination) -> Office:
    """A destination that wants at most three messages of a run, and a run that is not over."""
    put_secret("truffle/oncall", sink.url())
    office.opens(oncall={"kind": "slack", "secret": "truffle/oncall", "digest_above": 3})
    office.opens_run(a_run(run_id=RUN, pending=frozenset({"us-east-1"})))
    return office
