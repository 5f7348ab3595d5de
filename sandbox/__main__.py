"""``python -m sandbox``: see ``sandbox.command_line``."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """The command; Ctrl-C during its import ends it without a traceback."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from sandbox.command_line import run

    signal.signal(signal.SIGINT, handler)
    return run()


if __name__ == "__main__":
    sys.exit(main())
