"""The functions in moto: a pretended AWS and a stack of its own for every test."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from moto import mock_aws

from lambdas import alert, clients, collect, fan_out, query, slack
from lambdas.telemetry import logger, metrics
from tests.lambdas.aws import Stack, make_stack
from tests.lambdas.fakes import Clock, FakeContext, Wire

HANDLERS = (alert, collect, fan_out, query, slack)

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-2",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}


@pytest.fixture(scope="package", autouse=True)
def environment() -> Iterator[None]:
    """No AWS of the developer's own; the clients are made once, as in a function."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        _forget(clients)
        yield
        _forget(clients)


@pytest.fixture(autouse=True)
def aws(environment: None) -> Iterator[None]:
    """moto in place of AWS, empty: its transactions copy all the tables that there are."""
    with mock_aws():
        yield


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A deployed stack; the functions are as cold as after a deployment."""
    made = make_stack()
    for settings in made.settings:
        for name, value in settings.to_env().items():
            monkeypatch.setenv(name, value)
    for module in HANDLERS:
        _forget(module)
    monkeypatch.setattr(metrics.provider, "namespace", "truffle")
    monkeypatch.setattr(metrics.provider, "service", "truffle")
    return made


def _forget(module: ModuleType) -> None:
    """Empty what a module's cached functions hold."""
    for value in vars(module).values():
        if getattr(value, "__module__", None) == module.__name__ and hasattr(value, "cache_clear"):
            value.cache_clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time for every function."""
    made = Clock()
    for module in (collect, fan_out, query):
        monkeypatch.setattr(module, "now", made)
    return made


@pytest.fixture
def context() -> FakeContext:
    return FakeContext()


@pytest.fixture
def wire() -> Iterator[Callable[[str], Wire]]:
    """The line to a service: ``wire("dynamodb")``."""
    made: list[Wire] = []

    def make(name: str) -> Wire:
        made.append(Wire(clients.service(name)))
        return made[-1]

    yield make
    for one in made:
        one.mends()


@pytest.fixture
def counted(capsys: pytest.CaptureFixture[str]) -> Callable[[str], list[float]]:
    """What a metric was set to since the last look: ``counted("RunsCompleted")``."""

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
