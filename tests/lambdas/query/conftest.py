"""The query function over a table that collections write to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lambdas.settings import QuerySettings
from tests.builders import DAY, HOME, NOON, a_block, an_odcr
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Clock
from tests.lambdas.query.builders import IRELAND, Api


@pytest.fixture
def api(stack: Stack, deploy: Callable[..., None], clock: Clock) -> Api:
    deploy(QuerySettings)
    stack.scopes.groups.write(None, {HOME: 0})
    return Api(stack, clock)


@pytest.fixture
def fleet(api: Api) -> Api:
    """Two scopes: two ODCRs and a block in Ohio, an ODCR in Ireland."""
    api.collects(
        an_odcr("cr-a", tags={"Team": "ML"}),
        an_odcr("cr-b", instance_type="g6.xlarge", available_capacity=0, state="expired"),
        a_block("cr-c"),
    )
    api.collects(an_odcr("cr-d", region="eu-west-1", available_capacity=8), scope=IRELAND)
    return api


@pytest.fixture
def story(api: Api) -> Api:
    """Five events in five days, the last at noon."""
    api.clock.moment = NOON - 5 * DAY
    for state in ("pending", "active", "pending", "active", "pending"):
        api.collects(an_odcr("cr-a", state=state))
        api.clock.advance(DAY)
    api.collects(an_odcr("cr-a", state="pending"), a_block("cr-b"))
    return api
