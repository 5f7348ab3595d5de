"""``python -m sandbox`` and ``python -m sandbox.ec2``: what is said of bad usage, and to whom."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from lambdas.clients import SANDBOX_CLOCK, now, wall_clock
from sandbox import __main__ as command_line
from sandbox.box import Sandbox, State
from sandbox.ec2.__main__ import main as serve
from tests.builders import HOME


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
        (["up", "--alerts", "nowhere.yaml"], "nowhere.yaml"),
        (["advance"], "Missing argument 'DISTANCE'"),
        (["advance", "soon"], "'soon' is no length of time: use 6h, 2d, 40m or 1d12h"),
        (["advance", "6"], "'6' is no length of time"),
        (["advance", "99999999999999d"], "is no length of time"),
        (["advance", "--", "-6h"], "'-6h' is no length of time"),
        (["event"], "Missing argument 'FILE'"),
        (["event", "nowhere.json"], "nowhere.json"),
        (["secret", "truffle/slack"], "Missing argument 'VALUE'"),
        (["sink", "answer", "never"], "'never' is none of ok, down, hang, or a status"),
        (["sink", "answer", "600"], "'600' is none of ok, down, hang, or a status"),
        (["sink", "answer", "429", "--retry-after", "soon"], "'soon' is not a valid integer"),
    ],
)
def test_bad_usage_is_said_before_anything_starts(arguments: list[str], text: str) -> None:
    said = CliRunner().invoke(command_line.main, arguments)
    assert said.exit_code == 2
    assert text in said.output


@pytest.mark.parametrize(
    "command",
    ["env", "collect", "logs", "advance 6h", "secret name value", "sink", "sink answer ok"],
)
def test_without_a_sandbox_there_is_a_hint(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The commands look at this checkout's own sandbox, which may well be running.
    monkeypatch.setattr(Sandbox, "find", lambda: None)
    monkeypatch.setattr("sys.argv", ["sandbox", *command.split()])
    assert command_line.run() == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert "python -m sandbox up" in output.err


def test_stopping_what_does_not_run_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sandbox, "find", lambda: None)
    assert CliRunner().invoke(command_line.main, ["down"]).exit_code == 0


@pytest.mark.parametrize("payload", ['{"region": "us-east-1"}', "null", "[1, 2]"])
def test_an_event_is_whatever_json_holds(
    payload: str, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[object] = []
    monkeypatch.setattr(Sandbox, "send_event", lambda self, envelope: sent.append(envelope))
    assert CliRunner().invoke(command_line.main, ["event", "-"], input=payload).exit_code == 0
    assert sent == [json.loads(payload)]


def test_what_is_no_json_is_no_event(box: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text("{'region': 'us-east-1'}")
    said = CliRunner().invoke(command_line.main, ["event", str(file)])
    assert said.exit_code == 2
    assert "event.json is no JSON: Expecting property name" in said.output


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that runs, as far as the commands can tell."""
    (tmp_path / "clock").write_text("0")
    made = Sandbox(State("http://127.0.0.1:1", "http://127.0.0.1:2", HOME), tmp_path)
    monkeypatch.setattr(Sandbox, "find", lambda: made)
    return made


@pytest.mark.parametrize(
    ("distances", "hours"), [(["6h"], 6), (["2d"], 48), (["40m"], 2 / 3), (["1d12h", "6h"], 42)]
)
def test_time_passes_by_as_much_as_is_said(
    box: Sandbox, distances: list[str], hours: float
) -> None:
    began = box.now()
    for distance in distances:
        said = CliRunner().invoke(command_line.main, ["advance", distance])
        assert said.exit_code == 0
    passed = box.now() - began
    assert timedelta() <= passed - timedelta(hours=hours) < timedelta(minutes=1)
    assert said.output.startswith("It is 20")
    assert "EC2" not in said.output


def test_an_ec2_of_the_users_own_keeps_its_time(
    tmp_path: Path, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Sandbox(State("", "http://127.0.0.1:2", HOME, simulates_ec2=False), tmp_path)
    monkeypatch.setattr(Sandbox, "find", lambda: own)
    said = CliRunner().invoke(command_line.main, ["advance", "6h"])
    assert said.output.rstrip().endswith(
        "for the functions; the EC2 that they ask keeps its own time."
    )


def test_time_does_not_go_back(box: Sandbox) -> None:
    with pytest.raises(ValueError, match="Time goes forward"):
        box.advance(-timedelta(seconds=1))


def test_the_functions_have_the_sandboxs_time(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.advance(timedelta(days=14))
    monkeypatch.setenv(SANDBOX_CLOCK, str(box.folder / "clock"))
    assert timedelta() <= now() - box.now() < timedelta(minutes=1)
    assert now() - wall_clock() > timedelta(days=13)


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
