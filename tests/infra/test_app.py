"""`python app.py`, as the CDK command line and the sandbox run it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import app
from infra.asset import ROOT
from tests.infra.synthesized import ALERTS, Json, Synthesized, target

OUTPUTS = {
    "ApiUrl",
    "TableName",
    "BucketName",
    "TopicArn",
    "DatabaseName",
    "WorkgroupName",
    "CompactFunctionName",
    "FanOutFunctionName",
    "CollectFunctionName",
    "HintFunctionName",
    "LedgerFunctionName",
    "PricesFunctionName",
    "PublishFunctionName",
    "QueryFunctionName",
    "CollectRoleArn",
    "FanOutRoleArn",
    "UnitsQueueUrl",
    "UnitsDeadLetterQueueUrl",
    "AlertDeadLetterQueueUrl",
    "ScheduleName",
    "HintRuleName",
}


def _run(out: Path, context: Json) -> subprocess.CompletedProcess[str]:
    """Without a PATH that has Node.js, without credentials, a region or a home."""
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        cwd=out.parent,
        env={
            "PATH": "/usr/bin:/bin",
            "CDK_OUTDIR": str(out),
            "CDK_CONTEXT_JSON": json.dumps(context),
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    out = tmp_path_factory.mktemp("app") / "out"
    context = {
        "stack_name": "other",
        "schedule": "rate(2 hours)",
        "removal_policy": "destroy",
        "accounts": "organization",
        "organization_stack": "true",
    }
    done = _run(out, context)
    assert done.returncode == 0, done.stderr
    return Synthesized(out, "other")


def test_the_command_lines_context_decides(assembly: Synthesized) -> None:
    schedule = assembly.get(target(assembly.outputs["ScheduleName"]["Value"]))
    (bucket,) = assembly.of_type("S3::Bucket")
    assert schedule["ScheduleExpression"] == "rate(2 hours)"
    assert bucket.body["DeletionPolicy"] == "Delete"
    variables = assembly.function("query")["Environment"]["Variables"]
    assert variables["TRUFFLE_SCHEDULE_MINUTES"] == "120"


def test_the_stack_belongs_to_no_account_or_region(assembly: Synthesized) -> None:
    manifest = json.loads((assembly.directory / "manifest.json").read_text("utf-8"))
    assert manifest["artifacts"]["other"]["environment"] == "aws://unknown-account/unknown-region"
    assert not manifest.get("missing")


def test_the_code_is_in_the_assembly(assembly: Synthesized) -> None:
    assert (assembly.asset / "lambdas" / "fan_out.py").is_file()


def _stacks(out: Path) -> dict[str, str]:
    """The environment of each stack in an assembly."""
    artifacts = json.loads((out / "manifest.json").read_text("utf-8"))["artifacts"]
    return {
        name: artifact["environment"]
        for name, artifact in artifacts.items()
        if artifact["type"] == "aws:cloudformation:stack"
    }


@pytest.fixture
def main(out: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Runs ``app.py`` in this process, and gives the directory of the assembly."""

    def run(context: Json, **variables: str) -> Path:
        monkeypatch.setenv("CDK_CONTEXT_JSON", json.dumps(context))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert app.main() == 0
        return out

    return run


Main = Callable[..., Path]


def test_the_command_lines_region_is_where_the_others_events_go(main: Main) -> None:
    out = main({"regions": ["us-east-2", "eu-west-1"]}, CDK_DEFAULT_REGION="eu-west-1")
    assert _stacks(out) == {
        "truffle": "aws://unknown-account/eu-west-1",
        "truffle-forwarding-us-east-2": "aws://unknown-account/us-east-2",
    }


def test_another_account_gets_its_forwarding_alone(main: Main) -> None:
    context = {
        "home_account": "999988887777",
        "home_region": "eu-west-1",
        "regions": ["us-east-2", "eu-west-1"],
    }
    out = main(context)
    assert set(_stacks(out)) == {"truffle-forwarding-us-east-2", "truffle-forwarding-eu-west-1"}
    assert not list(out.glob("asset.*"))


def test_the_stack_set_of_an_organization_is_a_stack_of_its_own(assembly: Synthesized) -> None:
    assert set(_stacks(assembly.directory)) == {"other", "other-organization"}
    organization = Synthesized(assembly.directory, "other-organization")
    (stack_set,) = organization.of_type("CloudFormation::StackSet")
    trusted = [
        one["ParameterValue"]
        for one in stack_set["Parameters"]
        if one["ParameterKey"] == "CollectorRoleArn"
    ]
    assert "Collect" in json.dumps(trusted)


def test_in_the_management_account_the_stack_set_is_alone(main: Main) -> None:
    role = "arn:aws:iam::999988887777:role/truffle-collect"
    out = main({"organization_stack": "true", "collector_role_arn": role})
    assert set(_stacks(out)) == {"truffle-organization"}
    assert not list(out.glob("asset.*"))


def test_a_wrong_context_stops_before_synthesis(tmp_path: Path) -> None:
    done = _run(tmp_path / "out", {"scedule": 1, "log_level": "loud"})
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "The context of cdk.json is wrong:",
        '  log_level = "loud": use DEBUG, INFO, WARNING, ERROR, CRITICAL',
        "  scedule: the context has no such key; did you mean schedule?",
    ]
    assert done.stdout == ""
    assert not (tmp_path / "out").exists()


def test_the_outputs(stack: Synthesized, plain: Synthesized) -> None:
    assert set(plain.outputs) == OUTPUTS
    names = (*ALERTS["destinations"], "slack")
    titles = {f"Destination{name.title().replace('-', '')}" for name in names}
    queues = {f"{title}{kind}Url" for title in titles for kind in ("Queue", "DeadLetterQueue")}
    topics = {f"Destination{name}TopicArn" for name in ("Chat", "People", "Silent")}
    assert (
        set(stack.outputs)
        == OUTPUTS
        | {"DeliverFunctionName", "DeliverRoleArn", "WatchFunctionName"}
        | queues
        | topics
    )


def test_the_template_is_far_below_its_quota(plain: Synthesized) -> None:
    """A template in a bucket, where the CDK puts it, may have a megabyte."""
    assert _size(plain) < 120_000
    assert (plain.directory / "truffle.template.json").stat().st_size < 120_000


def test_a_destination_adds_little_to_the_template(stack: Synthesized, plain: Synthesized) -> None:
    """So that a hundred stay far below the megabyte that a template may have in a bucket."""
    watch = 4_000
    added = _size(stack) - _size(plain) - watch
    assert added / (len(ALERTS["destinations"]) + 1) < 5_000


def _size(stack: Synthesized) -> int:
    return len(json.dumps(stack.template, separators=(",", ":")))
