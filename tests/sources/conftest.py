"""A simulated EC2 and the environment of a laptop."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sandbox.ec2.fleet import Fleet
from sandbox.ec2.server import RunningServer
from sandbox.ec2.simulator import Simulator
from sandbox.environment import SIMULATED
from tests.ec2.sts import STS
from tests.sandbox.worlds import HOME, NOW, World, an_odcr
from tests.sources.worlds import IRELAND, OHIO, PARIS


@pytest.fixture(scope="module")
def _world() -> Iterator[World]:
    simulator = Simulator(Fleet(), clock=lambda: NOW)
    with RunningServer(simulator) as server:
        yield World(simulator, server.url)


@pytest.fixture
def world(_world: World) -> World:
    """One reservation in Ohio, one in Ireland, none in Paris; Milan is not enabled."""
    _world.simulator.reset()
    _world.has_regions(
        {
            OHIO: {"CapacityReservations": [an_odcr(1)]},
            IRELAND: {"CapacityReservations": [an_odcr(2)]},
            PARIS: {},
            "eu-south-1": {"OptInStatus": "not-opted-in", "CapacityReservations": [an_odcr(3)]},
        }
    )
    return _world


@pytest.fixture(scope="module")
def _sts() -> Iterator[STS]:
    with STS() as sts:
        yield sts


@pytest.fixture
def sts(_sts: STS) -> STS:
    _sts.identifies(HOME)
    _sts.calls = 0
    return _sts


@pytest.fixture(autouse=True)
def environment(world: World, sts: STS, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own AWS; EC2 and STS are the simulated ones."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    variables = {
        **dict.fromkeys(SIMULATED, world.url),
        "AWS_ENDPOINT_URL_STS": sts.url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": OHIO,
        "NO_PROXY": "*",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
