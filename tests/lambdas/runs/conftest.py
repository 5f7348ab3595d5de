"""Runs and what closes them."""

from __future__ import annotations

import pytest

from lambdas.clients import service
from lambdas.collecting.finish_run import Closer
from lambdas.store.archive import Archive
from lambdas.store.runs import RunStore
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Clock


@pytest.fixture
def runs(stack: Stack) -> RunStore:
    return RunStore(service("dynamodb"), stack.table)


@pytest.fixture
def closer(stack: Stack, runs: RunStore, clock: Clock) -> Closer:
    archive, sent = Archive(service("s3"), stack.bucket), list[str]()
    return Closer(scopes=stack.scopes, runs=runs, archive=archive, clock=clock, send=sent.append)
