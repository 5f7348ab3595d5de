"""The functions in moto: a pretended AWS and a stack of its own for every test."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from moto.core.model_instances import reset_model_data
from moto.core.models import MockAWS

from lambdas import clients, wiring
from lambdas.account_settings import FILE_VARIABLE as ACCOUNTS_VARIABLE
from lambdas.alert_settings import FILE_VARIABLE
from lambdas.delivery.webhook import ALLOW_LOOPBACK
from lambdas.observability import logger, metrics
from lambdas.settings import Settings
from sandbox.sink.destination import Destination, listening
from tests.lambdas import moto_cost
from tests.lambdas.aws import Stack, untyped
from tests.lambdas.fakes import Clock, FakeContext, Wire
from tests.lambdas.office import Office
from truffle.core.organization import AccountSettings

FUNCTIONS = (
    *(wiring.fan_out, wiring.collect, wiring.hint),
    *(wiring.publish, wiring.query, wiring.deliver, wiring.ledger, wiring.prices),
    wiring.watch,
)
"""Each keeps the parts of a function."""

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-2",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}


@pytest.fixture(scope="package", autouse=True)
def environment() -> Iterator[None]:
    """No AWS of the developer's own; the clients are made once, as in a function."""
    with pytest.MonkeyPatch.context() as patch:
        moto_cost.lower(patch)
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        forget_clients()
        yield
        forget_clients()


@pytest.fixture(scope="package")
def mocked(environment: None) -> Iterator[MockAWS]:
    """moto in place of AWS; a start takes longer than most calls."""
    with mock_aws() as mocked:
        yield mocked


@pytest.fixture(autouse=True)
def aws(mocked: MockAWS) -> None:
    """AWS, empty for each test."""
    mocked.reset()
    reset_model_data()


@pytest.fixture
def stack() -> Stack:
    """The stores, queues and topic of a stack."""
    return Stack()


@pytest.fixture
def deploy(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a function's settings in place, some of them changed; it is cold after that."""

    def put(kind: type[Settings], **changes: str) -> None:
        for name, value in replace(stack.settings(kind), **changes).to_env().items():
            monkeypatch.setenv(name, value)
        _start_cold()
        monkeypatch.setattr(metrics.provider, "namespace", "truffle")
        monkeypatch.setattr(metrics.provider, "service", "truffle")

    return put


@pytest.fixture
def choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts the choice of accounts beside the functions' code."""
    file = tmp_path / "accounts.json"
    monkeypatch.setenv(ACCOUNTS_VARIABLE, str(file))

    def put(**settings: Any) -> None:
        file.write_text(json.dumps(AccountSettings(**settings).to_json()))
        _start_cold()

    return put


def forget_clients() -> None:
    """The next call makes them anew, with the environment of then."""
    clients.session.cache_clear()
    clients.service.cache_clear()


def _start_cold() -> None:
    for parts in FUNCTIONS:
        parts.cache_clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time for every function."""
    made = Clock()
    monkeypatch.setattr(wiring, "now", made)
    _start_cold()
    return made


@pytest.fixture
def context() -> FakeContext:
    return FakeContext()


@pytest.fixture
def wire() -> Iterator[Callable[[str], Wire]]:
    """The line to a service: ``wire("dynamodb")``."""
    made: list[Wire] = []

    def make(name: str) -> Wire:
        made.append(Wire(untyped(name)))
        return made[-1]

    yield make
    for one in made:
        one.mends()


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> Callable[[Destination], None]:
    """A function of the sandbox that trusts a destination's authority, and no other."""

    def put(destination: Destination) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(destination.authority))
        monkeypatch.setenv(ALLOW_LOOPBACK, "1")

    return put


@pytest.fixture
def counted(capsys: pytest.CaptureFixture[str]) -> Callable[[str], list[float]]:
    """The values of a metric since the last call: ``counted("RunsCompleted")``."""

    def read(name: str) -> list[float]:
        lines = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
        return [value for line in lines for value in json.loads(line).get(name, ())]

    return read


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """All that was logged by anyone, at any level, with every field and traceback."""
    caplog.set_level(logging.DEBUG)
    formatter = logger.registered_formatter

    def read() -> str:
        return "\n".join(_line(record, formatter) for record in caplog.records)

    return read


def _line(record: logging.LogRecord, formatter: Any) -> str:
    return f"{record.name}: {record.getMessage()} {formatter.format(record)}"


@pytest.fixture
def office(
    stack: Stack,
    clock: Clock,
    deploy: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Office:
    """The function ``deliver``, without any destination yet."""
    file = tmp_path / "alerts.json"
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    return Office(stack, clock, deploy, file)


@pytest.fixture
def sink(tmp_path: Path, trust: Callable[[Destination], None]) -> Iterator[Destination]:
    """Whoever listens at the other end of HTTPS."""
    with listening(tmp_path) as made:
        trust(made)
        yield made
