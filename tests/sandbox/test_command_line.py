"""``python -m sandbox`` and ``python -m sandbox.ec2``: errors of bad usage."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lambdas.clients import SANDBOX_CLOCK, now, wall_clock
from sandbox import box as sandbox_box
from sandbox import command_line
from sandbox.box import Sandbox
from sandbox.errors import SandboxError
from sandbox.state import State
from tests.builders import HOME
from tests.sandbox.worlds import NOW, World, an_odcr

ODCR = an_odcr(7)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["start"], "No such command"),
        (["up", "--port", "0"], "0 is not in the range"),
        (["up", "--port", "70000"], "70000 is not in the range"),
        (["up", "--port", "http"], "'http' is not a valid integer"),
        (["up", "--fleet", "nowhere.json"], "nowhere.json"),
        (["up", "--fleets", "x"], "No such option"),
        (["up", "-c", "accounts"], "'accounts' must be KEY=VALUE"),
        (["up", "-c", "=organization"], "'=organization' must be KEY=VALUE"),
        (["collect", "now"], "unexpected extra argument"),
        (["logs", "collect", "query"], "unexpected extra argument"),
        (["up", "--alerts", "nowhere.yaml"], "nowhere.yaml"),
        (["advance"], "Missing argument 'DISTANCE'"),
        (["advance", "soon"], "'soon' is not a duration: use 6h, 2d, 40m or 1d12h"),
        (["advance", "6"], "'6' is not a duration"),
        (["advance", "99999999999999d"], "is not a duration"),
        (["advance", "--", "-6h"], "'-6h' is not a duration"),
        (["break"], "Missing argument 'REGION'"),
        (["break", "us-east-1", "sometimes"], "'sometimes' is not one of 'throttled', 'internal'"),
        (["break", "us-east-1", "error"], "'error' is not one of"),
        (["event"], "Missing argument 'FILE'"),
        (["event", "nowhere.json"], "nowhere.json"),
        (["secret", "truffle/slack"], "Missing argument 'VALUE'"),
        (["sink", "answer", "never"], "'never' must be ok, down, hang, or a status"),
        (["sink", "answer", "600"], "'600' must be ok, down, hang, or a status"),
        (["sink", "answer", "429", "--retry-after", "soon"], "'soon' is not a valid integer"),
    ],
)
def test_bad_usage_is_reported_before_anything_starts(arguments: list[str], text: str) -> None:
    said = CliRunner().invoke(command_line.main, arguments)
    assert said.exit_code == 2
    assert text in said.output


def test_the_context_of_the_stack_is_set_as_the_cdk_does(
    monkeypatch: pytest.MonkeyPatch, simulated: tuple[Sandbox, World]
) -> None:
    deployed: list[object] = []
    monkeypatch.setattr(Sandbox, "set_context", lambda _, context: deployed.append(context))
    said = invoke("up", "-c", "accounts=organization", "-c", "external_id=a=b")
    assert said.exit_code == 0, said.output
    assert deployed == [{"accounts": "organization", "external_id": "a=b"}]
    assert "it now uses accounts=organization and external_id=a=b" in said.output


@pytest.mark.parametrize(
    "command",
    [
        "env",
        "collect",
        "logs",
        "advance 6h",
        "break us-east-1",
        "mend",
        "secret name value",
        "sink",
        "sink answer ok",
    ],
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


def test_stopping_what_does_not_run_is_not_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_what_is_not_json_is_not_an_event(box: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text("{'region': 'us-east-1'}")
    said = CliRunner().invoke(command_line.main, ["event", str(file)])
    assert said.exit_code == 2
    assert "event.json is not JSON: Expecting property name" in said.output


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that appears to run."""
    (tmp_path / "clock").write_text("0")
    made = Sandbox(
        State(endpoint="http://127.0.0.1:1", ec2_endpoint="http://127.0.0.1:2", account_id=HOME),
        tmp_path,
    )
    monkeypatch.setattr(Sandbox, "find", lambda: made)
    return made


@pytest.mark.parametrize(
    ("distances", "hours"), [(["6h"], 6), (["2d"], 48), (["40m"], 2 / 3), (["1d12h", "6h"], 42)]
)
def test_time_passes_by_the_given_length(
    box: Sandbox, distances: list[str], hours: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_box, "wall_clock", lambda: NOW)
    for distance in distances:
        said = CliRunner().invoke(command_line.main, ["advance", distance])
        assert said.exit_code == 0
    assert box.now() == NOW + timedelta(hours=hours)
    assert said.output.startswith("It is 2026-11-2")
    assert "EC2" not in said.output


def test_an_ec2_of_the_users_own_keeps_its_time(
    tmp_path: Path, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Sandbox(
        State(endpoint="", ec2_endpoint="http://127.0.0.1:2", account_id=HOME, simulates_ec2=False),
        tmp_path,
    )
    monkeypatch.setattr(Sandbox, "find", lambda: own)
    said = CliRunner().invoke(command_line.main, ["advance", "6h"])
    assert said.output.rstrip().endswith(
        "for the functions; their EC2 endpoint keeps its own time."
    )


def test_time_does_not_go_back(box: Sandbox) -> None:
    with pytest.raises(ValueError, match="Time cannot go back"):
        box.advance(-timedelta(seconds=1))


def test_the_functions_have_the_sandboxs_time(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.advance(timedelta(days=14))
    monkeypatch.setenv(SANDBOX_CLOCK, str(box.folder / "clock"))
    before = box.now()
    assert before <= now() <= box.now()
    assert before - wall_clock() > timedelta(days=13)


@pytest.mark.parametrize(("outcome", "status"), [("succeeded", 0), ("closed", 0), ("failed", 3)])
def test_only_failures_that_are_not_expected_make_collect_exit_with_3(
    outcome: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = dict.fromkeys(
        ("succeeded", "closed", "failed", "reservations", "changed", "events"), 0
    )
    manifest = {"scopes": [], "counts": {**counts, "scopes": 1, outcome: 1}}
    monkeypatch.setattr(Sandbox, "collect", lambda box: manifest)
    monkeypatch.setattr(Sandbox, "compact", lambda box: None)
    monkeypatch.setattr(command_line, "running_sandbox", lambda: Sandbox.__new__(Sandbox))
    assert CliRunner().invoke(command_line.main, ["collect"]).exit_code == status


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
    for outcome in ("failed", "closed"):
        line = command_line.scope_line({**scope, "outcome": outcome, "error": error})
        assert line.split()[1:4] == ["eu-west-1", outcome, "UnauthorizedOperation:"]
        assert "\n" not in line


@pytest.fixture
def simulated(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Sandbox, World]:
    """A running sandbox whose simulated EC2 has us-east-2 and eu-west-1."""
    (tmp_path / "clock").write_text("0")
    made = Sandbox(
        State(endpoint="http://127.0.0.1:4566", ec2_endpoint=world.url, account_id=HOME), tmp_path
    )
    monkeypatch.setattr(Sandbox, "find", lambda: made)
    return made, world


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(command_line.main, arguments)


class TestBreaking:
    @pytest.mark.parametrize("kind", command_line.KINDS)
    def test_a_region_is_broken_until_it_is_mended(
        self, simulated: tuple[Sandbox, World], kind: str
    ) -> None:
        box, _ = simulated
        assert invoke("break", "us-east-2", kind).exit_code == 0
        assert [(fault.region, fault.kind) for fault in box.ec2.faults()] == [("us-east-2", kind)]
        assert invoke("mend", "us-east-2").exit_code == 0
        assert box.ec2.faults() == []

    def test_a_broken_region_answers_with_an_internal_error_by_default(
        self, simulated: tuple[Sandbox, World]
    ) -> None:
        invoke("break", "us-east-2")
        code = simulated[1].error("describe_capacity_reservations")[0]
        assert code == "InternalError"

    def test_mending_one_region_leaves_the_others_broken(
        self, simulated: tuple[Sandbox, World]
    ) -> None:
        for region in ("us-east-2", "eu-west-1"):
            invoke("break", region)
        invoke("mend", "us-east-2")
        assert [fault.region for fault in simulated[0].ec2.faults()] == ["eu-west-1"]

    def test_mending_without_a_region_ends_every_fault(
        self, simulated: tuple[Sandbox, World]
    ) -> None:
        for region in ("us-east-2", "eu-west-1"):
            invoke("break", region)
        assert invoke("mend").exit_code == 0
        assert simulated[0].ec2.faults() == []

    @pytest.mark.parametrize("command", ["break", "mend"])
    def test_a_misspelt_region_is_refused_with_the_nearest(
        self, simulated: tuple[Sandbox, World], command: str
    ) -> None:
        refused = invoke(command, "us-esat-2")
        assert refused.exit_code == 2
        assert "Did you mean us-east-2?" in refused.output
        assert simulated[0].ec2.faults() == []

    @pytest.mark.parametrize("command", [("break", "us-east-2"), ("mend",)])
    def test_an_ec2_of_the_users_own_is_left_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
    ) -> None:
        own = Sandbox(
            State(
                endpoint="", ec2_endpoint="http://127.0.0.1:2", account_id=HOME, simulates_ec2=False
            ),
            tmp_path,
        )
        monkeypatch.setattr(Sandbox, "find", lambda: own)
        refused = invoke(*command)
        assert refused.exit_code == 1
        assert "your own EC2 endpoint" in refused.output


class TestUpOnARunningSandbox:
    def test_without_options_nothing_changes(self, simulated: tuple[Sandbox, World]) -> None:
        before = simulated[0].ec2.fleet()
        done = invoke("up")
        assert (done.exit_code, done.output) == (0, "The sandbox is already running.\n")
        assert simulated[0].ec2.fleet() == before

    def test_another_fleet_is_what_ec2_has_from_then_on(
        self, simulated: tuple[Sandbox, World], tmp_path: Path
    ) -> None:
        fleet = tmp_path / "fleet.json"
        fleet.write_text(json.dumps({"regions": {"eu-west-3": {"CapacityReservations": [ODCR]}}}))
        done = invoke("up", "--fleet", str(fleet))
        assert done.exit_code == 0
        assert done.output == f"The sandbox is already running; it now uses {fleet}.\n"
        (row,) = simulated[0].ec2.reservations()
        assert row["CapacityReservationId"] == ODCR["CapacityReservationId"]

    def test_its_dates_count_from_the_sandboxs_time(
        self, simulated: tuple[Sandbox, World], tmp_path: Path
    ) -> None:
        box, _ = simulated
        box.advance(timedelta(days=30))
        fleet = tmp_path / "fleet.json"
        content = {"regions": {"eu-west-3": {"CapacityReservations": [{**ODCR, "EndDate": "+1d"}]}}}
        fleet.write_text(json.dumps(content))
        invoke("up", "--fleet", str(fleet))
        (row,) = box.ec2.reservations()
        ends = datetime.fromisoformat(row["EndDate"])
        assert timedelta(hours=23) < ends - box.now() < timedelta(hours=25)

    def test_a_broken_fleet_changes_nothing(
        self, simulated: tuple[Sandbox, World], tmp_path: Path
    ) -> None:
        before = simulated[0].ec2.fleet()
        fleet = tmp_path / "fleet.json"
        fleet.write_text('{"regions": {"moon": {}}}')
        with pytest.raises(
            SandboxError, match=r"fleet\.json: regions\.moon: 'moon' is not a region"
        ):
            CliRunner().invoke(
                command_line.main, ["up", "--fleet", str(fleet)], catch_exceptions=False
            )
        assert simulated[0].ec2.fleet() == before

    def test_other_alerts_are_deployed(
        self, simulated: tuple[Sandbox, World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deployed: list[Path] = []
        monkeypatch.setattr(Sandbox, "route_alerts", lambda _, path: deployed.append(path))
        alerts = tmp_path / "alerts.yaml"
        alerts.write_text("destinations: {}")
        assert invoke("up", "--alerts", str(alerts)).exit_code == 0
        assert deployed == [alerts]

    def test_another_port_is_refused(self, simulated: tuple[Sandbox, World]) -> None:
        refused = invoke("up", "--port", "4567")
        assert refused.exit_code == 1
        assert "already running on port 4566" in refused.output
        assert "python -m sandbox down" in refused.output

    def test_the_port_that_it_has_is_fine(self, simulated: tuple[Sandbox, World]) -> None:
        assert invoke("up", "--port", "4566").exit_code == 0


INTERRUPTED = """
import os, runpy, signal, sys

class Interrupting:
    def find_spec(self, name, *rest):
        if name == "sandbox.command_line":
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupting())
sys.argv = ["sandbox", "down"]
runpy.run_module("sandbox", run_name="__main__")
"""


def test_an_interrupt_while_the_commands_are_imported_shows_no_traceback() -> None:
    command = [sys.executable, "-c", INTERRUPTED]
    ended = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, "")
