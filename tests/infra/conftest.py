"""The stack, synthesized once a session: with everything, and as cdk.json has it by default."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import app
from infra.asset import duckdb_layer, lambda_asset
from infra.context import parse_context
from infra.node import use_bundled_node
from tests.infra.synthesized import ALERTS, EVERYTHING, FORWARDED, Json, Synthesized

use_bundled_node()  # jsii starts Node.js when a module of the tests imports the CDK.

CANARY = "Canary"
"""A stack with a fault, beside the real one: it proves that cdk-nag ran."""


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """A context that deploys every resource there is, destinations of every kind included."""
    file = tmp_path_factory.mktemp("alerts") / "alerts.yaml"
    file.write_text(json.dumps(ALERTS))
    return {**EVERYTHING, "alerts_file": str(file)}


@pytest.fixture(scope="session")
def asset(everything: Json) -> Iterator[Path]:
    context = parse_context(everything)
    with lambda_asset(context.alerts, context.account_settings) as directory:
        yield directory


@pytest.fixture(scope="session")
def no_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In place of the functions' code: copying that takes longer than a synthesis."""
    directory = tmp_path_factory.mktemp("code")
    (directory / "nothing.py").touch()
    return directory


@pytest.fixture
def out(tmp_path: Path, no_code: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where ``app.py``, run in this process, writes the assembly, which has no code. CDK_OUTDIR
    does not lead there: Node.js has the environment in which it was started."""
    import aws_cdk

    directory = tmp_path / "out"
    monkeypatch.setattr(aws_cdk, "App", partial(aws_cdk.App, outdir=str(directory)))
    monkeypatch.setattr(app, "lambda_asset", lambda *_: nullcontext(no_code))
    monkeypatch.setattr(app, "duckdb_layer", lambda: no_code)
    return directory


@pytest.fixture(scope="session")
def nagged(everything: Json, asset: Path, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """The stack with everything, beside the canary, with cdk-nag's report."""
    directory = tmp_path_factory.mktemp("nagged")
    return synthesize(everything, asset, directory, duckdb_layer(), with_nag=True)


@pytest.fixture(scope="session")
def stack(nagged: Synthesized) -> Synthesized:
    """The stack with everything."""
    return nagged


@pytest.fixture(scope="session")
def forwarding(nagged: Synthesized) -> Synthesized:
    """The forwarding of another region of the same account."""
    return Synthesized(nagged.directory, "truffle-forwarding-eu-west-1")


@pytest.fixture(scope="session")
def foreign_forwarding(nagged: Synthesized) -> Synthesized:
    """The forwarding of another account, in the region where the stack is in its own."""
    return Synthesized(nagged.directory, "other-forwarding-us-east-1")


@pytest.fixture(scope="session")
def plain(no_code: Path, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """The stack of a context without any key."""
    return synthesize({}, no_code, tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="session")
def neighbour(
    everything: Json, no_code: Path, tmp_path_factory: pytest.TempPathFactory
) -> Synthesized:
    """The stack with everything under another name, as it may stand beside the first one."""
    context = {**everything, "stack_name": "gpu-b"}
    return synthesize(context, no_code, tmp_path_factory.mktemp("neighbour"))


@pytest.fixture(scope="session")
def findings(nagged: Synthesized) -> list[tuple[str, str]]:
    """The findings of cdk-nag: rule and construct."""
    report: dict[str, Any] = json.loads(
        (nagged.directory / "validation-report.json").read_text("utf-8")
    )
    return [
        (violation["ruleName"], construct["constructPath"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]


def synthesize(
    raw: Json, code: Path, directory: Path, layer: Path | None = None, with_nag: bool = False
) -> Synthesized:
    """The stack of a context, with this code, also in place of a layer."""
    from aws_cdk import App, Stack, Validations
    from aws_cdk.aws_sqs import Queue
    from cdk_nag import AwsSolutionsChecks

    from infra.forwarding import forwarding_stacks
    from infra.functions import Deployment
    from infra.stack import TruffleStack

    app = App(outdir=str(directory))
    name = parse_context(raw).stack_name
    TruffleStack(app, name, Deployment(parse_context(raw), code, layer or code))
    if not with_nag:
        app.synth()
        return Synthesized(directory, name)
    for context in FORWARDED:
        forwarding_stacks(app, parse_context(context))
    Queue(Stack(app, CANARY), "PlainHttp")
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    return Synthesized(directory)
