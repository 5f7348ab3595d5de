"""Modules that a cold start does not load: they are imported with the first request for them."""

from __future__ import annotations

import subprocess
import sys

import pytest

RARE = {
    "query": (
        *("lambdas.api.feeds", "lambdas.api.market", "lambdas.api.usage", "lambdas.overview"),
        *(
            "lambdas.history.usage",
            "lambdas.scope_clients",
            "truffle.alerts",
            "truffle.ec2.listing",
        ),
        *("truffle.core.market", "truffle.core.validation", "truffle.feeds", "truffle.report"),
    ),
    "deliver": ("lambdas.api", "lambdas.history", "lambdas.scope_clients", "truffle.ec2.listing"),
    "publish": ("lambdas.api", "lambdas.history", "lambdas.scope_clients", "truffle.ec2.listing"),
    "fan_out": ("lambdas.api", "lambdas.history", "lambdas.store.archive", "truffle.messages"),
    "collect": (
        *("lambdas.api", "lambdas.collecting.discovery", "lambdas.collecting.finish_run"),
        *("lambdas.history", "truffle.messages", "truffle.report"),
    ),
}
"""By handler, the rooms and modules that few of its invocations use, if any."""


@pytest.mark.parametrize("name", RARE)
def test_a_handler_loads_nothing_that_few_invocations_use(name: str) -> None:
    program = f"import sys, lambdas.{name}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert f"lambdas.{name}" in loaded
    assert [module for module in loaded if f"{module}.".startswith(prefixes(name))] == []


def prefixes(name: str) -> tuple[str, ...]:
    return tuple(f"{module}." for module in RARE[name])
