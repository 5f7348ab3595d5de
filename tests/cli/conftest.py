"""A simulated EC2, a deployed stack beside it, and the command line between them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader

from sandbox.ec2.fleet import Fleet
from sandbox.ec2.server import RunningServer
from sandbox.ec2.simulator import Simulator
from sandbox.environment import SIMULATED
from tests.cli.deployed import Deployed, Serving
from tests.sandbox.worlds import HOME, World, running_now
from truffle import clock
from truffle.cli.running import run
from truffle.sources import offerings


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def ids(self) -> list[str]:
        """The reservations of a JSON array."""
        return [row["reservation_id"] for row in self.json]


Run = Callable[..., Result]


@pytest.fixture(scope="session", autouse=True)
def models() -> Iterator[None]:
    """botocore's models are read once, not for every command: that was most of the tests' time."""
    load_file = JSONFileLoader.load_file
    load_once = cache(lambda path: load_file(JSONFileLoader(), path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: load_once(path))
        yield


@pytest.fixture(scope="session")
def running_world() -> Iterator[World]:
    simulator = Simulator(Fleet(), clock=running_now)
    with RunningServer(simulator) as server:
        yield World(simulator, server.url)


@pytest.fixture(scope="session")
def running_server() -> Iterator[Serving]:
    serving = Serving()
    yield serving
    serving.close()


@pytest.fixture
def world(running_world: World) -> World:
    """EC2 with an empty us-east-2 and an empty eu-west-1, until a test adds more."""
    running_world.simulator.reset()
    running_world.has()
    return running_world


@pytest.fixture
def deployed(running_server: Serving) -> Deployed:
    """A stack that has collected nothing, until a test adds more."""
    running_server.deployed = Deployed()
    return running_server.deployed


@pytest.fixture
def api_url(running_server: Serving, deployed: Deployed) -> str:
    return running_server.url


@pytest.fixture(autouse=True)
def environment(running_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own AWS; EC2 is the simulated one, and so is the time."""
    monkeypatch.setattr(clock, "now", running_now)
    for name in [name for name in os.environ if name.startswith(("AWS_", "TRUFFLE_"))]:
        monkeypatch.delenv(name)
    for name, value in variables(running_world.url).items():
        monkeypatch.setenv(name, value)
    offerings.budgets.clear()


def variables(ec2_url: str) -> dict[str, str]:
    """The environment of a user; the account is known without STS."""
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ACCOUNT_ID": HOME,
        "AWS_DEFAULT_REGION": "us-east-2",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        **dict.fromkeys(SIMULATED, ec2_url),
        "NO_PROXY": "*",
    }


@pytest.fixture
def truffle(capsys: pytest.CaptureFixture[str], world: World) -> Run:
    """Runs a command in this process: ``truffle("capacity", "--blocks")``."""

    def call(*arguments: str) -> Result:
        capsys.readouterr()
        status = run(arguments)
        output = capsys.readouterr()
        return Result(status, output.out, output.err)

    return call


def calls_of(world: World) -> int:
    """EC2 calls so far."""
    return sum(world.control.calls().values())
