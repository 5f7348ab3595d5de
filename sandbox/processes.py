"""Processes that outlive the command that started them, and can be identified later."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process by its id and start time, since ids are reused."""

    pid: int
    started: str

    @property
    def is_running(self) -> bool:
        return _started(self.pid) == self.started

    def stop(self, seconds: float = 10) -> None:
        """End the process and its children; does nothing if it is gone."""
        if not self.is_running:
            return
        os.killpg(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while self.is_running and time.monotonic() < deadline:
            _reap(self.pid)
            time.sleep(0.05)
        if self.is_running:
            os.killpg(self.pid, signal.SIGKILL)
            _reap(self.pid)


def end_as_interrupted() -> None:
    """Make SIGTERM and a closed terminal end this process like Ctrl-C, stopping what it started,
    unless they are ignored (``nohup``)."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Block signals in this context: a second Ctrl-C would leave processes running."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def start(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path
) -> Process:
    """Start a process in its own session, with its output in a log."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # It is identified by pid and start time, so this object need not wait for it.
    process.returncode = 0
    return Process(process.pid, _started(process.pid))


def _started(pid: int) -> str:
    """When a process was started; empty if it does not exist or is dead."""
    return _from_proc(pid) if Path("/proc/self/stat").exists() else _from_ps(pid)


def _from_proc(pid: int) -> str:
    """Linux: the start in clock ticks since boot (proc(5), /proc/pid/stat, field 22)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _from_ps(pid: int) -> str:
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    status, _, moment = answer.stdout.strip().partition(" ")
    return "" if status.startswith("Z") else moment.strip()


def _reap(pid: int) -> None:
    """Reap a child of this process; the child of another process cannot be waited for."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def tail(log: Path, lines: int = 25) -> str:
    """The last lines of a log; empty if there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
