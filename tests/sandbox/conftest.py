"""A simulated EC2 on a port, asked by real boto3 clients; its clock stands still at NOW."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.ec2.accounts import KeyOwners
from sandbox.ec2.fleet import Fleet
from sandbox.ec2.server import RunningServer
from sandbox.ec2.simulator import Simulator
from tests.sandbox.worlds import NOW, World


@pytest.fixture(scope="session")
def _shared_world() -> Iterator[World]:
    simulator = Simulator(Fleet(), clock=lambda: NOW, account_of=KeyOwners(None).account_of)
    with RunningServer(simulator) as server:
        yield World(simulator, server.url)


@pytest.fixture
def world(_shared_world: World) -> World:
    """Nothing but an enabled region us-east-2, until a test adds more."""
    _shared_world.simulator.reset()
    _shared_world.has()
    return _shared_world
