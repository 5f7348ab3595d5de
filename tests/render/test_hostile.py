"""Snippets of reservations whose every name is hostile: all of it stays data."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.builders import a_block, an_odcr
from tests.effort import examples
from tests.hostile import texts
from truffle.core.model import Odcr, Reservation
from truffle.render.terraform import to_terraform
from truffle.render.use import SNIPPETS

ARN = "arn:aws:ec2:us-east-2:123456789012:placement-group/"

names = texts.filter(bool)
hostile_odcrs = st.builds(
    lambda id_, kind, zone, group, platform, state, interruptible: an_odcr(
        id_,
        instance_type=kind,
        availability_zone=zone,
        placement_group_arn=ARN + group,
        platform=platform,
        state=state,
        interruptible=interruptible,
    ),
    *[names] * 4,
    st.sampled_from(["Linux/UNIX", "Windows", "Red Hat Enterprise Linux"]) | names,
    st.just("active") | names,
    st.booleans(),
)
hostile_blocks = st.builds(
    lambda id_, kind, zone: a_block(id_, instance_type=kind, availability_zone=zone), *[names] * 3
)
hostile_rows = st.one_of(hostile_odcrs, hostile_blocks)

STUB = """#!/bin/sh
printf '%s\\0' "$#" "$@" >> "$CALLS"
"""


class Shell:
    """Runs snippets with an ``aws`` that only notes what it is called with."""

    def __init__(self, folder: Path) -> None:
        self._bin, self._work, self._calls = folder / "bin", folder / "work", folder / "calls"
        self._bin.mkdir()
        self._work.mkdir()
        (self._bin / "aws").write_text(STUB)
        (self._bin / "aws").chmod(0o755)

    def run(self, script: str, *, options: str = "-eu") -> list[list[str]]:
        """The words of each call of ``aws``; nothing else has happened."""
        self._calls.write_text("")
        names = ("AMI_ID", "SUBNET_ID", "CLUSTER", "NODE_ROLE_ARN", "COUNT", "HOURS")
        path = f"{self._bin}{os.pathsep}{os.environ['PATH']}"
        environment = {"PATH": path, "CALLS": str(self._calls), **dict.fromkeys(names, "1")}
        done = subprocess.run(
            ["sh", options, "-c", script], cwd=self._work, env=environment, capture_output=True
        )
        assert done.returncode == 0 or "e" not in options, done.stderr
        assert list(self._work.iterdir()) == []
        words = self._calls.read_bytes().decode().split("\0")[:-1]
        calls = []
        while words:
            length = int(words[0])
            calls.append(words[1 : length + 1])
            words = words[length + 1 :]
        return calls


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(tmp_path_factory.mktemp("shell"))


def value_of(words: list[str], option: str) -> str:
    """The value behind ``--option``, or joined to it."""
    joined = [word for word in words if word.startswith(f"--{option}=")]
    return joined[0].partition("=")[2] if joined else words[words.index(f"--{option}") + 1]


def placed(value: str) -> str:
    if value.startswith("{"):
        group: str = json.loads(value)["GroupName"]
        return group
    return dict([value.split("=")])["GroupName"]


runs = settings(
    max_examples=examples(30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@runs
@given(row=hostile_odcrs)
def test_run_instances_gets_each_name_as_it_is(shell: Shell, row: Odcr) -> None:
    (words,) = shell.run(SNIPPETS["ec2-run-instances"](row))

    assert words[:2] == ["ec2", "run-instances"]
    assert value_of(words, "instance-type") == row.instance_type
    assert row.placement_group_arn is not None
    assert placed(value_of(words, "placement")) == row.placement_group_arn.removeprefix(ARN)


@runs
@given(row=hostile_odcrs)
def test_the_launch_template_of_eks_gets_each_name_as_it_is(shell: Shell, row: Odcr) -> None:
    template, group = shell.run(SNIPPETS["eks-nodegroup"](row))

    data = json.loads(value_of(template, "launch-template-data"))
    assert data["InstanceType"] == row.instance_type
    assert ARN + data["Placement"]["GroupName"] == row.placement_group_arn
    assert group[:2] == ["eks", "create-nodegroup"]


@runs
@given(row=hostile_rows, tool=st.sampled_from(sorted(SNIPPETS)))
def test_a_comment_does_nothing_even_where_a_shell_runs_it(
    shell: Shell, row: Reservation, tool: str
) -> None:
    """As zsh does with what is pasted at its prompt (its options, INTERACTIVE_COMMENTS)."""
    comments = [line for line in SNIPPETS[tool](row).splitlines() if line.startswith("#")]

    assert shell.run("\n".join("true " + line[2:] for line in comments), options="-u") == []


def read(document: str) -> list[Any]:
    """The value in YAML 1.1 and 1.2, if they agree."""
    found = list(yaml.safe_load_all(document))
    assert list(YAML(typ="safe", pure=True).load_all(document)) == found
    return found


@settings(max_examples=examples(40), deadline=None)
@given(hostile_rows.map(lambda row: replace(row, platform="Linux/UNIX")))
def test_parallelcluster_reads_each_name_as_it_is(row: Reservation) -> None:
    (config,) = read(SNIPPETS["parallelcluster"](row)) or [None]
    if config is None:
        assert getattr(row, "interruptible", False)
        return
    (queue,) = config["Scheduling"]["SlurmQueues"]
    (resource,) = queue["ComputeResources"]
    assert resource["InstanceType"] == row.instance_type
    assert resource["CapacityReservationTarget"] == {"CapacityReservationId": row.reservation_id}
    if isinstance(row, Odcr):
        assert ARN + queue["Networking"]["PlacementGroup"]["Name"] == row.placement_group_arn


@settings(max_examples=examples(40), deadline=None)
@given(hostile_rows)
def test_karpenter_reads_each_name_as_it_is(row: Reservation) -> None:
    node_class, pool = read(SNIPPETS["karpenter"](row))
    assert node_class["spec"]["capacityReservationSelectorTerms"] == [{"id": row.reservation_id}]
    requirements = pool["spec"]["template"]["spec"]["requirements"]
    assert requirements[2]["values"] == [row.instance_type]
    assert node_class["metadata"]["name"] == pool["metadata"]["name"]


@settings(max_examples=examples(40), deadline=None)
@given(hostile_rows)
def test_terraform_reads_one_block(row: Reservation) -> None:
    read_back = hcl2.loads(to_terraform([row]) + "\n")

    assert sum(len(read_back.get(kind, [])) for kind in ("import", "data")) <= 1
    assert set(read_back) <= {"import", "data", "__comments__"}
