"""The command as a process of its own: Ctrl-C, closed pipes, terminals, completion, start."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.request import urlopen

import pytest

from sandbox.ec2.faults import FaultKind
from tests.cli.conftest import variables
from tests.sandbox.worlds import FOR_GOOD, World, an_odcr

TRUFFLE = [sys.executable, "-m", "truffle"]


def environment(world: World, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, **variables(world.url), "PYTHONPATH": os.getcwd(), **more}


def truffle(
    world: World, *arguments: str, encoding: str = "utf-8", **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TRUFFLE, *arguments],
        env=environment(world, **more),
        capture_output=True,
        encoding=encoding,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def on_a_terminal(
    arguments: Sequence[str], env: Mapping[str, str], answers: bytes = b""
) -> tuple[int, str]:
    """The exit status of a command on a terminal, and all that it wrote there."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(TRUFFLE[0], [*TRUFFLE, *arguments], dict(env))
    os.write(terminal, answers)
    shown = b""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode()


def test_ctrl_c_ends_it_while_regions_hang(world: World) -> None:
    world.control.break_calls(FaultKind.HANG, seconds=FOR_GOOD)
    process = subprocess.Popen(
        [*TRUFFLE, "capacity"],
        env=environment(world),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not world.control.calls():
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out, err) == ("", "")


@pytest.mark.parametrize(
    "arguments", [["capacity", "-o", "json"], ["--help"], ["completion", "bash"]], ids=" ".join
)
def test_a_closed_pipe_is_silent(world: World, arguments: list[str]) -> None:
    world.has(*(an_odcr(number) for number in range(1, 400)))
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [*TRUFFLE, *arguments],
        env=environment(world),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writing)
    os.close(reading)
    _, err = process.communicate(timeout=120)
    assert err == ""
    assert process.returncode == 141


def test_stdout_is_pure_json_whatever_stderr_says(world: World) -> None:
    world.has(an_odcr(1))
    world.control.break_calls(FaultKind.UNAUTHORIZED, "eu-west-1")
    found = truffle(world, "capacity", "-o", "json")
    assert found.returncode == 3
    assert found.stdout.startswith("[\n")
    assert found.stdout.endswith("]\n")
    assert "eu-west-1" in found.stderr


def test_letters_that_a_terminal_lacks_do_not_stop_it(world: World) -> None:
    world.has(an_odcr(1, Tags=[{"Key": "team", "Value": "röd"}]))
    plain = {"PYTHONIOENCODING": "ascii"}
    assert "\\u00f6" in truffle(world, "capacity", "-o", "json", **plain).stdout
    assert truffle(world, "capacity", **plain).stdout.startswith("Capacity Reservation Summary")


@pytest.mark.parametrize("output", ["csv", "yaml", "json"])
def test_data_loses_nothing_on_a_stream_that_lacks_its_letters(world: World, output: str) -> None:
    world.has(an_odcr(1, Tags=[{"Key": "Name", "Value": "研究"}]))
    found = truffle(world, "capacity", "-o", output, PYTHONIOENCODING="cp1252", encoding="utf-8")
    assert "研究" in found.stdout or "\\u7814\\u7a76" in found.stdout
    lines = found.stderr.splitlines()
    assert len(lines) == (0 if output == "json" else 1)
    assert all("it is written in UTF-8" in line for line in lines)


def test_a_table_says_once_that_it_shows_escapes(world: World) -> None:
    world.has(an_odcr(1, InstanceType="研究"), an_odcr(2, InstanceType="研究"))
    found = truffle(world, "capacity", PYTHONIOENCODING="cp1252", encoding="cp1252")
    assert "\\u7814\\u7a76" in found.stdout
    assert found.stderr.count("cp1252 cannot encode every character") == 1


class TestTerminal:
    @pytest.fixture(autouse=True)
    def fleet(self, world: World) -> None:
        world.has(an_odcr(1, InstanceType="p4d.24xlarge"))

    def test_it_has_colours_a_bar_and_the_width(self, world: World) -> None:
        env = environment(world, TERM="xterm-256color", COLUMNS="80")
        status, shown = on_a_terminal(["capacity"], env)
        assert status == 0
        assert "\x1b[32mactive" in shown or "\x1b[1m" in shown
        assert "responded" in shown
        assert "Not shown at this width: Region" in shown
        rules = [line for line in shown.splitlines() if line.startswith("+--")]
        assert rules
        assert max(map(len, rules)) <= 80

    def test_no_color_is_respected(self, world: World) -> None:
        env = environment(world, TERM="xterm-256color", NO_COLOR="1", COLUMNS="200")
        _, shown = on_a_terminal(["capacity"], env)
        assert "\x1b[32m" not in shown
        assert "\x1b[1m📊" not in shown
        assert "active" in shown

    def test_recommend_asks_on_a_terminal(self, world: World) -> None:
        env = environment(world, TERM="dumb", COLUMNS="100")
        answers = b"training\n10\n\np5.48xlarge\n64\n"
        status, shown = on_a_terminal(["recommend"], env, answers)
        assert status == 0
        assert "Reserve a Capacity Block for ML" in shown
        assert "--instance-type p5.48xlarge --count 64 --days 10" in shown

    def test_recommend_asks_again_for_what_cannot_be_used(self, world: World) -> None:
        env = environment(world, TERM="dumb", COLUMNS="100")
        answers = b"training\nten\n10\n2020-01-01\n\nH100\np5.48xlarge\nmany\n64\n"
        status, shown = on_a_terminal(["recommend"], env, answers)
        assert status == 0
        assert "Error: 'ten': It must be a number of days above 0" in shown
        assert "Error: '2020-01-01': It must be today or later." in shown
        assert "Error: 'H100': H100 is an accelerator." in shown
        assert "Error: 'many': It must be a whole number" in shown
        assert "--instance-type p5.48xlarge --count 64 --days 10" in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script(world: World, shell: str) -> None:
    found = truffle(world, "completion", shell)
    assert found.returncode == 0
    assert "_TRUFFLE_COMPLETE" in found.stdout


def test_bash_completes_with_the_script(world: World) -> None:
    script = truffle(world, "completion", "bash").stdout
    line = "COMP_WORDS=(truffle use cr-1 --for kar); COMP_CWORD=4; COMPREPLY=()"
    asked = f'{line}; _truffle_completion truffle; echo "${{COMPREPLY[*]}}"'
    found = subprocess.run(
        ["bash", "-c", f"{script.replace('$1)', '$PYTHON -m truffle)')}\n{asked}"],
        env=environment(world, PYTHON=sys.executable),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert found.stdout == "karpenter\n"


def test_fish_keeps_values_with_commas_whole(world: World) -> None:
    assert 'string split -m 1 ","' in truffle(world, "completion", "fish").stdout


def test_completion_knows_commands_flags_and_values(world: World) -> None:
    def complete(line: str) -> list[str]:
        more = {"_TRUFFLE_COMPLETE": "bash_complete", "COMP_WORDS": line}
        words = str(len(line.split(" ")) - 1)
        shown = truffle(world, **more, COMP_CWORD=words).stdout
        return [item.partition(",")[2] for item in shown.splitlines()]

    assert complete("truffle cap") == ["capacity"]
    assert "--instance-types" in complete("truffle capacity --inst")
    assert complete("truffle capacity --regions us-east-1,us-we") == [
        "us-east-1,us-west-1",
        "us-east-1,us-west-2",
    ]
    assert "p5.48xlarge" in complete("truffle capacity --instance-types p5.")
    assert complete("truffle use cr-1 --for karp") == ["karpenter"]


def test_importing_the_client_is_cheap() -> None:
    """The time itself is measured in the benchmarks: here, what makes it long is not loaded."""
    code = (
        "import sys; from truffle import Truffle, ReservationType, TruffleError; Truffle();"
        "print(*sorted({'boto3','botocore','click','rich','yaml','asyncio'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert found.stdout == "\n"


def test_help_loads_neither_boto3_nor_rich() -> None:
    code = (
        "import sys; from truffle.cli.running import run; run(['capacity', '--help']);"
        "print(*sorted({'boto3','botocore','rich','yaml'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert found.stdout.splitlines()[-1] == ""


def test_the_version(world: World) -> None:
    assert truffle(world, "--version").stdout.startswith("truffle ")


def test_the_typed_marker_is_there() -> None:
    import truffle as package

    assert Path(package.__file__).with_name("py.typed").exists()


def test_the_demo_is_served_without_aws_until_ctrl_c() -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = subprocess.Popen(
        [*TRUFFLE, "serve", "--demo", "--port", "0"],
        env={**kept, "PYTHONPATH": os.getcwd(), "AWS_EC2_METADATA_DISABLED": "true"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        url = line.removeprefix("Serving ").partition(" ")[0]
        with urlopen(url, timeout=120) as answer:
            page = answer.read().decode()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert "llm-pretrain-07" in page
