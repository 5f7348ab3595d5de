"""The command line. Everything beyond this module is loaded when a command needs it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn


def main() -> NoReturn:
    """The ``truffle`` command. Exits at once, without joining threads that wait for AWS."""
    end = _ending(_terminal())
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    from truffle.cli.running import run

    status = run(sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)


def _ending(restore: Callable[[], None]) -> Callable[[int, FrameType | None], NoReturn]:
    """Handle Ctrl-C and a request to terminate: the exit status is 128 and the signal's number.

    Show the cursor again, which a progress bar hides, and typed characters, which a prompt for an
    MFA code hides.
    """

    def end(signum: int, frame: FrameType | None) -> NoReturn:
        restore()
        if sys.stderr is not None and sys.stderr.isatty():
            os.write(sys.stderr.fileno(), b"\x1b[?25h\n")
        os._exit(128 + signum)

    return end


def _terminal() -> Callable[[], None]:
    """A function that restores the terminal's present state; it does nothing without a terminal."""
    if sys.platform == "win32":
        return lambda: None
    import termios

    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        attributes = termios.tcgetattr(terminal)
    except (OSError, termios.error):
        return lambda: None

    def restore() -> None:
        """Restore only in the foreground: the kernel stops a background process that does this."""
        with suppress(OSError, termios.error):
            if os.tcgetpgrp(terminal) == os.getpgrp():
                termios.tcsetattr(terminal, termios.TCSANOW, attributes)

    return restore
