"""``python -m sandbox`` and ``python -m sandbox.ec2``: what is said of bad usage, and to whom."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sandbox import __main__ as command_line
from sandbox.box import Sandbox
from sandbox.ec2.__main__ import main as serve


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["start"], "No such command"),
        (["up", "--port", "0"], "0 is not in the range"),
        (["up", "--port", "70000"], "70000 is not in the range"),
        (["up", "--port", "http"], "'http' is not a valid integer"),
        (["up", "--fleet", "nowhere.json"], "nowhere.json"),
        (["up", "--fleets", "x"], "No such option"),
        (["collect", "now"], "unexpected extra argument"),
        (["logs", "collect", "query"], "unexpected extra argument"),
    ],
)
def test_bad_usage_is_said_before_anything_starts(arguments: list[str], text: str) -> None:
    said = CliRunner().invoke(command_line.main, arguments)
    assert said.exit_code == 2
    assert text in said.output


@pytest.mark.parametrize("command", ["env", "collect", "logs"])
def test_without_a_sandbox_there_is_a_hint(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The commands look at this checkout's own sandbox, which may well be running.
    monkeypatch.setattr(Sandbox, "find", lambda: None)
    monkeypatch.setattr("sys.argv", ["sandbox", command])
    assert command_line.run() == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert "python -m sandbox up" in output.err


def test_stopping_what_does_not_run_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sandbox, "find", lambda: None)
    assert CliRunner().invoke(command_line.main, ["down"]).exit_code == 0


def test_a_scope_is_one_line() -> None:
    scope = {"account_id": "123456789012", "region": "eu-west-1", "error": None}
    counts = {"reservations": 33, "changed": 2}
    line = command_line.scope_line({**scope, **counts})
    assert line.split() == [
        "123456789012",
        "eu-west-1",
        "ok",
        "33",
        "reservations,",
        "2",
        "changed",
    ]
    error = {"code": "UnauthorizedOperation", "message": "no"}
    line = command_line.scope_line({**scope, "error": error})
    assert line.split()[1:4] == ["eu-west-1", "failed", "UnauthorizedOperation:"]
    assert "\n" not in line


class TestSimulator:
    def test_a_wrong_fleet_is_told_in_a_sentence(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fleet = tmp_path / "fleet.json"
        fleet.write_text('{"regions": {"moon": {}}}')
        assert serve(["--fleet", str(fleet)]) == 1
        assert capsys.readouterr().err == "error: regions.moon: 'moon' is no region\n"

    def test_so_is_a_fleet_that_is_not_there(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert serve(["--fleet", str(tmp_path / "fleet.json")]) == 1
        assert "No such file" in capsys.readouterr().err

    def test_a_fleet_must_be_given(self) -> None:
        with pytest.raises(SystemExit) as ended:
            serve([])
        assert ended.value.code == 2
