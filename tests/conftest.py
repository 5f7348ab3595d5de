"""What all tests share: how hard the property-based ones look, and how their children end."""

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


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> Iterator[None]:
    """SIGINT and SIGHUP have their usual effect on children, also where the tests themselves were
    started with them ignored: a shell's background jobs and nohup's are, and hand that down."""
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGHUP, hangup)
