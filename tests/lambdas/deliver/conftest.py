"""One destination that alerts go to."""

from __future__ import annotations

import pytest

from sandbox.sink.destination import Destination
from tests.lambdas.office import Office, put_secret


@pytest.fixture
def oncall(office: Office, sink: Destination) -> Office:
    """One destination: Slack, whose webhook the sink plays."""
    put_secret("truffle/oncall", sink.url())
    office.opens(oncall={"kind": "slack", "secret": "truffle/oncall"})
    return office
