"""``truffle calendar`` and ``truffle metrics`` from either source."""

from __future__ import annotations

import builtins
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.ec2.faults import FaultKind
from tests.builders import OHIO, OTHER
from tests.builders import a_block as block_row
from tests.cli.conftest import Run
from tests.cli.deployed import Deployed
from tests.sandbox.worlds import World, a_block, an_odcr
from truffle.core.model import Scope

ID = f"cr-{2:017x}"


def test_the_calendar_has_the_blocks(truffle: Run, world: World) -> None:
    world.has(an_odcr(1), a_block(2))
    result = truffle("calendar")
    assert result.status == 0
    assert result.out.count("BEGIN:VEVENT") == 3
    assert f"UID:{ID}@truffle" in result.out


def test_a_calendar_that_exists_is_brought_up_to_date(
    truffle: Run, world: World, tmp_path: Path
) -> None:
    file = tmp_path / "blocks.ics"
    world.has(a_block(2, EndDate="2026-11-30T11:30:00Z"))
    truffle("calendar", "-o", str(file))
    first = file.read_bytes()
    truffle("calendar", "-o", str(file))
    assert file.read_bytes() == first
    world.control.patch(ID, EndDate="2026-12-01T11:30:00Z")
    truffle("calendar", "-o", str(file))
    assert b"SEQUENCE:0" in first
    assert b"SEQUENCE:0" not in file.read_bytes()
    assert file.read_bytes().count(b"SEQUENCE:1\r\n") == 3


def test_another_file_is_not_replaced(truffle: Run, world: World, tmp_path: Path) -> None:
    file = tmp_path / "thesis.txt"
    file.write_text("mine")
    result = truffle("calendar", "-o", str(file))
    assert (result.status, file.read_text()) == (2, "mine")
    assert "It must be a new file, or a calendar that truffle wrote." in result.err


def test_a_calendar_that_is_cut_off_is_named(truffle: Run, world: World, tmp_path: Path) -> None:
    file = tmp_path / "blocks.ics"
    world.has(a_block(2))
    truffle("calendar", "-o", str(file))
    file.write_bytes(file.read_bytes()[:400])
    result = truffle("calendar", "-o", str(file))
    assert result.status == 2
    assert "It cannot be read" in result.err


def test_metrics_name_the_scopes_that_failed(truffle: Run, world: World) -> None:
    world.has(an_odcr(1))
    world.control.break_calls(FaultKind.UNAUTHORIZED, "eu-west-1")
    result = truffle("metrics")
    lines = result.out.splitlines()
    assert result.status == 3
    assert lines[-1] == "# EOF"
    assert 'truffle_scope_success{account_id="123456789012",region="eu-west-1"} 0.0' in lines
    assert 'truffle_scope_success{account_id="123456789012",region="us-east-2"} 1.0' in lines


def test_metrics_of_the_stack_have_every_scope(
    truffle: Run, deployed: Deployed, api_url: str
) -> None:
    deployed.collected(OHIO, block_row("cr-1"))
    deployed.failed(Scope("210987654321", "eu-west-1"), "Throttled", block_row("cr-2"))
    result = truffle("metrics", "--api-url", api_url, "--by", "reservation")
    assert result.status == 3
    assert 'truffle_scope_success{account_id="210987654321",region="eu-west-1"} 0.0' in result.out
    assert result.out.count("truffle_block_effective_end_timestamp_seconds{") == 2


@pytest.mark.parametrize("command", ["calendar", "metrics", "report", "timeline"])
def test_accounts_narrow_whatever_shows_everything(
    truffle: Run, deployed: Deployed, api_url: str, command: str
) -> None:
    deployed.collected(OHIO, block_row("cr-mine"))
    deployed.collected(
        Scope(OTHER, OHIO.region), block_row("cr-theirs", account_id=OTHER, seen_by=(OTHER,))
    )
    by = ("--by", "reservation") if command == "metrics" else ()
    everything = truffle(command, "--api-url", api_url, *by)
    assert {"cr-mine", "cr-theirs"} <= set(re.findall(r"cr-(?:mine|theirs)", everything.out))
    narrowed = truffle(command, "--api-url", api_url, *by, "--accounts", OTHER)
    assert narrowed.status == 0, narrowed.err
    assert set(re.findall(r"cr-(?:mine|theirs)", narrowed.out)) == {"cr-theirs"}
    assert "123456789012" not in narrowed.out


@pytest.mark.parametrize(
    ("command", "package"), [("calendar", "icalendar"), ("metrics", "prometheus_client")]
)
def test_without_its_extra_a_command_says_what_to_install(
    truffle: Run, monkeypatch: pytest.MonkeyPatch, command: str, package: str
) -> None:
    load = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        return load(name, *arguments)

    monkeypatch.delitem(sys.modules, f"truffle.feeds.{command}", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    result = truffle(command)
    assert result.status == 1
    assert f"pip install 'truffle[{command}]'" in result.err
