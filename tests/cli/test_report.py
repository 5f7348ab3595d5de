"""``truffle report``: from either source, into a file or to stdout."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sandbox.ec2.faults import FaultKind
from tests.builders import OHIO, an_event, an_odcr
from tests.builders import a_block as block_row
from tests.cli.conftest import Result, Run
from tests.cli.deployed import Deployed
from tests.sandbox.worlds import FOR_GOOD, World, a_block
from tests.sandbox.worlds import an_odcr as raw_odcr
from truffle.core.events import EventType
from truffle.core.model import Scope


def data_of(html: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html)
    assert found is not None
    return json.loads(found[1])


def ids(result: Result) -> list[str]:
    return [row["id"] for row in data_of(result.out)["rows"]]


def test_a_live_report_has_both_types_in_any_state(truffle: Run, world: World) -> None:
    world.has(raw_odcr(1), a_block(2), a_block(3, State="payment-failed"))
    assert sorted(ids(truffle("report"))) == [f"cr-{number:017x}" for number in (1, 2, 3)]


def test_it_goes_to_a_file_that_is_named(truffle: Run, world: World, tmp_path: Path) -> None:
    world.has(raw_odcr(1))
    file = tmp_path / "monday.html"
    result = truffle("report", "-o", str(file))
    assert (result.status, result.out) == (0, "")
    assert f"Wrote {file}." in result.err
    assert file.read_text().startswith("<!doctype html>")
    assert [path.name for path in tmp_path.iterdir()] == ["monday.html"]


def test_a_folder_that_does_not_exist_is_an_error(truffle: Run, tmp_path: Path) -> None:
    result = truffle("report", "-o", str(tmp_path / "no" / "monday.html"))
    assert result.status == 1
    assert "No such file or directory" in result.err


def test_a_region_that_failed_is_named_and_the_status_is_3(truffle: Run, world: World) -> None:
    world.has(raw_odcr(1))
    world.control.break_calls(FaultKind.UNAUTHORIZED, "eu-west-1")
    result = truffle("report")
    [failed] = data_of(result.out)["failed"]
    assert result.status == 3
    assert (failed["region"], failed["code"]) == ("eu-west-1", "UnauthorizedOperation")
    assert "eu-west-1: UnauthorizedOperation" in result.err


def test_without_any_answer_there_is_no_report(truffle: Run, world: World, tmp_path: Path) -> None:
    world.control.break_calls(FaultKind.HANG, seconds=FOR_GOOD)
    file = tmp_path / "report.html"
    result = truffle("report", "-r", "us-east-2", "--timeout", "1", "-o", str(file))
    assert result.status == 1
    assert "No scope could be listed: us-east-2: DeadlineExceeded" in result.err
    assert not file.exists()


def test_a_live_report_says_why_it_has_no_events(truffle: Run) -> None:
    note = "Events are recorded by the deployed stack; this data comes from EC2 directly."
    assert data_of(truffle("report").out)["events_note"] == note


def test_a_report_of_the_stack_has_its_events(
    truffle: Run, deployed: Deployed, api_url: str
) -> None:
    deployed.collected(OHIO, an_odcr("cr-1"))
    lost = an_event(block_row("cr-2"), type=EventType.VANISHED, observed_at=deployed.clock())
    deployed.events = [lost]
    result = truffle("report", "--api-url", api_url)
    report = data_of(result.out)
    assert result.status == 0
    assert sorted(ids(result)) == ["cr-1", "cr-2"]
    assert [event["reservation"] for event in report["events"]] == ["cr-2"]
    assert (report["source"], report["events_note"]) == (api_url, None)


def test_a_failed_scope_of_the_stack_is_in_the_report(
    truffle: Run, deployed: Deployed, api_url: str
) -> None:
    deployed.collected(OHIO, an_odcr("cr-1"))
    deployed.failed(Scope("123456789012", "eu-west-1"), "Throttled", an_odcr("cr-old"))
    result = truffle("report", "--api-url", api_url)
    assert result.status == 3
    assert [scope["code"] for scope in data_of(result.out)["failed"]] == ["Throttled"]


def test_prices_cost_what_is_idle(truffle: Run, world: World, tmp_path: Path) -> None:
    world.has(raw_odcr(1, AvailableInstanceCount=4))
    file = tmp_path / "alerts.yaml"
    file.write_text("prices:\n  g6.xlarge: 5\n")
    [row] = data_of(truffle("report", "--prices", str(file)).out)["rows"]
    assert row["usd_per_hour"] == 20


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--since", "soon"), "--since: invalid value 'soon'"),
        (("--since", "2026-11-20", "--until", "2026-11-19"), "--until: invalid value '2026-11-19'"),
        (("--prices", "no.yaml"), "--prices: invalid value 'no.yaml'. It cannot be read"),
        (("--open", "-o", "-"), "--open needs a file"),
    ],
)
def test_bad_usage_is_named_before_ec2_is_asked(
    truffle: Run, world: World, arguments: tuple[str, ...], named: str
) -> None:
    world.control.break_calls(FaultKind.UNAUTHORIZED)
    result = truffle("report", *arguments)
    assert result.status == 2
    assert named in result.err


def test_invalid_prices_are_bad_usage(truffle: Run, tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text("prices:\n  p5*: lots\n")
    result = truffle("report", "--prices", str(file))
    assert result.status == 2
    assert "lots" in result.err
