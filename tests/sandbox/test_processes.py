"""Processes that outlive their command: known again, stopped whole, never mixed up."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.processes import Process, start, tail

PARENT_AND_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def started(tmp_path: Path, program: str) -> Process:
    root = str(Path(__file__).parent.parent.parent)
    environment = {**os.environ, "PYTHONPATH": root}
    return start([sys.executable, "-c", program], environment, tmp_path, tmp_path / "log")


def eventually(check: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not check() and time.monotonic() < deadline:
        time.sleep(0.02)
    return check()


def is_there(pid: int) -> bool:
    """A child of a dead process may stay as a zombie if no process reaps it."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return False
    return status[0] != "Z"


def test_stopping_ends_the_process_and_what_it_started(tmp_path: Path) -> None:
    process = started(tmp_path, PARENT_AND_CHILD)
    assert eventually(lambda: (tmp_path / "log").read_text().endswith("\n"))
    child = int((tmp_path / "log").read_text())
    assert process.is_running
    process.stop()
    assert not process.is_running
    if Path("/proc").exists():
        assert eventually(lambda: not is_there(child))


def test_one_that_ended_by_itself_is_not_running(tmp_path: Path) -> None:
    process = started(tmp_path, "")
    assert eventually(lambda: not process.is_running)
    process.stop()


def test_one_that_does_not_want_to_go_is_killed(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('here', flush=True); time.sleep(600)"
    )
    process = started(tmp_path, stubborn)
    assert eventually(lambda: "here" in (tmp_path / "log").read_text())
    process.stop(seconds=0.2)
    assert eventually(lambda: not process.is_running)


def test_a_stranger_with_the_same_id_is_left_alone(tmp_path: Path) -> None:
    process = started(tmp_path, "import time; time.sleep(600)")
    stranger = Process(process.pid, "another time")
    assert not stranger.is_running
    stranger.stop()
    assert process.is_running
    process.stop()


def test_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == ""
    log.write_text("\n".join(map(str, range(9))))
    assert tail(log, 2) == "7\n8"


INTERRUPTED = """
import sys, time
from sandbox.processes import end_as_interrupted
end_as_interrupted()
print("here", flush=True)
try:
    time.sleep(600)
finally:
    print("stopped what it started", flush=True)
"""

UNDISTURBED = """
import time
from sandbox.processes import signals_blocked
try:
    with signals_blocked():
        print("here", flush=True)
        while not open("go.txt", "a+").tell():
            time.sleep(0.02)
    print("done", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_process_that_is_ended_stops_what_it_started(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = started(tmp_path, INTERRUPTED)
    log = tmp_path / "log"
    assert eventually(lambda: "here" in log.read_text())
    os.kill(process.pid, number)
    assert eventually(lambda: not process.is_running)
    assert "stopped what it started" in log.read_text()


def test_stopping_is_not_interrupted(tmp_path: Path) -> None:
    process = started(tmp_path, UNDISTURBED)
    log = tmp_path / "log"
    assert eventually(lambda: "here" in log.read_text())
    os.kill(process.pid, signal.SIGINT)
    (tmp_path / "go.txt").write_text("go")
    assert eventually(lambda: "done" in log.read_text())
    os.kill(process.pid, signal.SIGINT)
    assert eventually(lambda: not process.is_running)
    assert "interrupted" in log.read_text()
