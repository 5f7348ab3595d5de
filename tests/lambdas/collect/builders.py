"""The ``collect`` function over units on its queue."""

from __future__ import annotations

import json

from lambdas.clients import service
from lambdas.store.runs import RunStore
from tests.builders import HOME, OHIO, OTHER, a_run
from tests.lambdas.aws import Stack
from truffle.core.model import Scope
from truffle.core.runs import Run

IRELAND = Scope(HOME, "eu-west-1")
OTHER_OHIO = Scope(OTHER, OHIO.region)


def region(body: str) -> str:
    try:
        return str(json.loads(body)["region"])
    except (ValueError, TypeError, KeyError):
        return body


def open_run(stack: Stack, *regions: str, accounts: tuple[str, ...] = (HOME,)) -> RunStore:
    """A run with a message for each of its regions on the queue."""
    runs = RunStore(service("dynamodb"), stack.table)
    runs.open(a_run(run_id="run-1", regions=regions, accounts=accounts, pending=frozenset(regions)))
    for region in regions:
        stack.send_unit("run-1", region, *accounts)
    return runs


def run_of(runs: RunStore) -> Run:
    run = runs.get("run-1")
    assert run is not None
    return run
