"""Tasks in threads that never prevent the process from ending."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def start(task: Callable[[], Result]) -> Future[Result]:
    """Run a task in its own thread; the future has its result or exception.

    The thread is a daemon, unlike those of a ThreadPoolExecutor, which a process joins at its end,
    however long a connection hangs.
    """
    future: Future[Result] = Future()
    Thread(target=_run, args=(task, future), daemon=True).start()
    return future


def _run(task: Callable[[], Result], future: Future[Result]) -> None:
    try:
        result = task()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
