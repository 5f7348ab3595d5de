"""What all tests share: the effort of random tests, their processes, and how children end."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.effort import EFFORT, examples

settings.register_profile(
    "truffle",
    max_examples=examples(60),
    deadline=None,
    derandomize=EFFORT == 1,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("truffle")

SHARED_SETUP = ("end_to_end", "infra")
"""Rooms whose tests share what takes long to make: a sandbox, the synthesized templates."""

OWN_SETUP = ("test_organization.py", "test_two_weeks.py")
"""End to end tests with sandboxes of their own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In parallel runs, each of these rooms and every other file stays in one process."""
    for item in items:
        room = next((name for name in SHARED_SETUP if name in item.path.parts), None)
        if room == "end_to_end" and item.path.name in OWN_SETUP:
            room = "own sandboxes"
        item.add_marker(pytest.mark.xdist_group(room or item.nodeid.partition("::")[0]))


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> Iterator[None]:
    """SIGINT and SIGHUP have their usual effect on children, also where the tests themselves were
    started with them ignored: a shell's background jobs and nohup's are, and hand that down."""
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGHUP, hangup)
