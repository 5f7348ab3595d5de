"""Every command and every snippet of the guide, verbatim."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.sandbox.worlds import Raw, World, a_block, an_odcr

GUIDE = Path(__file__).with_name("guide")
COMMANDS = (GUIDE / "commands.txt").read_text().splitlines()
SNIPPETS = sorted(GUIDE.glob("*-*.txt"))


@pytest.fixture(autouse=True)
def fleet(world: World) -> None:
    week: Raw = {"StartDate": "+2d@11:30", "EndDate": "+9d@11:30"}
    world.has_regions(
        {
            "us-east-1": {
                "CapacityReservations": [
                    a_block(1, 32, **week),
                    a_block(2, 4, InstanceType="p4d.24xlarge", State="payment-failed"),
                    an_odcr(3, TotalInstanceCount=32, AvailableInstanceCount=12),
                ]
            },
            "us-east-2": {},
            "us-west-2": {"CapacityReservations": [an_odcr(4, InstanceType="inf2.xlarge")]},
        }
    )


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_works_as_written(line: str, truffle: Run, tmp_path: Path) -> None:
    words = shlex.split(line, comments=True)
    assert words.pop(0) == "truffle"
    target = words[words.index(">") + 1 :] if ">" in words else []
    found = truffle(*words[: words.index(">")] if target else words)
    assert (found.status, found.err.startswith("Error")) == (0, False)
    assert found.out
    if target:
        assert isinstance(json.loads(found.out), list)


def test_the_guide_has_its_commands_and_snippets() -> None:
    assert len(COMMANDS) > 15
    assert len(SNIPPETS) == 3


def test_the_snippets_run_as_written(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for snippet in SNIPPETS:
        exec(compile(snippet.read_text(), snippet.name, "exec"), names)
    output = capsys.readouterr().out
    assert "Capacity Block: cb-00000000000000001" in output
    assert "  Instances: 32x p5.48xlarge" in output
    assert "  Duration: 168 hours (7 days)" in output
    assert "  UltraCluster: True" in output
    assert "ODCR: cr-00000000000000003" in output
    assert "  Available: 12/32" in output
    assert "  Location: us-east-1" in output
    assert output.endswith("Ready to train!\n")


def test_without_capacity_the_guide_s_validation_says_so(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.has_regions({"us-east-1": {}, "us-east-2": {}})
    names: dict[str, object] = {}
    for snippet in SNIPPETS:
        exec(compile(snippet.read_text(), snippet.name, "exec"), names)
    assert "No capacity available!" in capsys.readouterr().out
