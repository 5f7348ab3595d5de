"""``python -m tests.cli.recording``: docs/truffle.svg, the command line on the sandbox's fleet."""

from __future__ import annotations

import io
import os
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from tests.cli.documents import ROOT, documented
from truffle.cli.running import run

RECORDING = ROOT / "docs" / "truffle.svg"
COLUMNS = 104
COMMANDS = (
    "truffle capacity --blocks --accelerator H100 --active-only",
    "truffle validate --instance-type p5.48xlarge --count 4 --days 2 --regions us-east-1",
    "truffle timeline --days 10 --regions 'us-*'",
)


WEB_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
"""Rich's SVG loads fonts of a web site; a monospaced one of the reader's machine does as well."""


class Terminal(io.StringIO):
    """A stream that a program takes for a terminal of Unicode."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Beside(io.StringIO):
    """Errors in the same picture, without the progress that only a terminal gets."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self._terminal = terminal

    def write(self, text: str) -> int:
        return self._terminal.write(text)


def recorded() -> str:
    """The terminal's output of the commands as an SVG; the same for the same responses."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    with documented(), patch.dict(os.environ, {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}):
        for command in COMMANDS:
            console.print(Text.assemble(("$ ", "dim"), (command, "bold")))
            console.print(Text.from_ansi(_shown(command)))
            console.print()
    svg = console.export_svg(title="truffle", theme=DIMMED_MONOKAI, unique_id="truffle")
    return WEB_FONT.sub("", svg)


def _shown(command: str) -> str:
    terminal = Terminal()
    with redirect_stdout(terminal), redirect_stderr(Beside(terminal)):
        run(shlex.split(command)[1:])
    return terminal.getvalue().rstrip()


def main() -> None:
    """Write the recording."""
    RECORDING.write_text(recorded())


if __name__ == "__main__":
    main()
