"""The stack, synthesized once a session: with everything, and as cdk.json has it by default."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.asset import duckdb_layer, lambda_asset
from infra.context import parse_context
from infra.node import use_bundled_node
from tests.infra.synthesized import ALERTS, EVERYTHING, FORWARDED, Json, Synthesized

CANARY = "Canary"
"""A stack with a fault, beside the real one: it proves that cdk-nag looked."""


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
def nagged(everything: Json, asset: Path, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """The stack with everything, beside the canary, with cdk-nag's report."""
    return synthesize(everything, asset, tmp_path_factory.mktemp("nagged"), with_nag=True)


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
def plain(asset: Path, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """The stack of a context without any key."""
    return synthesize({}, asset, tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="session")
def neighbour(
    everything: Json, asset: Path, tmp_path_factory: pytest.TempPathFactory
) -> Synthesized:
    """The stack with everything under another name, as it may stand beside the first one."""
    context = {**everything, "stack_name": "gpu-b"}
    return synthesize(context, asset, tmp_path_factory.mktemp("neighbour"))


@pytest.fixture(scope="session")
def findings(nagged: Synthesized) -> list[tuple[str, str]]:
    """What cdk-nag found: rule and construct."""
    report: dict[str, Any] = json.loads(
        (nagged.directory / "validation-report.json").read_text("utf-8")
    )
    return [
        (violation["ruleName"], construct["constructPath"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]


def synthesize(raw: Json, asset: Path, directory: Path, with_nag: bool = False) -> Synthesized:
    """The stack of a context."""
    use_bundled_node()
    from aws_cdk import App, Stack, Validations
    from aws_cdk.aws_sqs import Queue
    from cdk_nag import AwsSolutionsChecks

    from infra.forwarding import forwarding_stacks
    from infra.functions import Deployment
    from infra.stack import TruffleStack

    app = App(outdir=str(directory))
    name = parse_context(raw).stack_name
    TruffleStack(app, name, Deployment(parse_context(raw), asset, duckdb_layer()))
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
