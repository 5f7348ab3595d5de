"""Tasks in threads that do not keep a process from ending."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from truffle.threads import start


def test_the_result_is_in_the_future() -> None:
    assert start(lambda: 17).result(60) == 17


def test_what_the_task_raises_is_in_the_future() -> None:
    with pytest.raises(ZeroDivisionError):
        start(lambda: 1 / 0).result(60)


def test_every_task_has_a_thread_of_its_own() -> None:
    everybody = threading.Barrier(3)

    waiting = [start(lambda: everybody.wait(60)) for _ in range(3)]

    assert sorted(future.result(60) for future in waiting) == [0, 1, 2]


def test_a_process_does_not_wait_for_a_task_at_its_end() -> None:
    program = "import time; from truffle.threads import start; start(lambda: time.sleep(600))"

    ended = subprocess.run([sys.executable, "-c", program], timeout=120, check=False)

    assert ended.returncode == 0
