"""Shared by all tests: the effort of random tests, their processes, and the end of child
processes."""

import gc
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.effort import EFFORT, examples
from tests.processes import Rooms

settings.register_profile(
    "truffle",
    max_examples=examples(30),
    deadline=None,
    derandomize=EFFORT == 1,
    # mutmut runs the tests several times in one process.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)
settings.load_profile("truffle")


gc.set_threshold(50_000, 20, 100)


def pytest_collection_finish() -> None:
    """Thousands of tests and all modules are here to stay: the garbage collector need not visit
    them again and again, which takes a fifth of the time of most tests."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Rooms:
    """Keep rooms and files whole, whatever ``--dist`` is."""
    return Rooms(config, log)


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> Iterator[None]:
    """SIGINT and SIGHUP have their usual effect on children, also where the tests themselves were
    started with them ignored: a shell's background jobs and nohup's are, and hand that down."""
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGHUP, hangup)
