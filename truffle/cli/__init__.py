"""The command line. Everything beyond this module is loaded when a command needs it."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130
"""The exit status after Ctrl-C: 128 and the number of the signal."""


def main() -> NoReturn:
    """The ``truffle`` command. Ends at once: no thread that waits for AWS is waited for."""
    signal.signal(signal.SIGINT, _interrupt)
    from truffle.cli.running import run

    status = run(sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    """Ctrl-C: shows the cursor again, which a progress bar hides, and ends."""
    if sys.stderr is not None and sys.stderr.isatty():
        os.write(sys.stderr.fileno(), b"\x1b[?25h\n")
    os._exit(INTERRUPTED)
