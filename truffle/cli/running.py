"""Running a command: an error becomes one sentence on stderr and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from truffle.cli.groups import ClosedPipe
from truffle.core.quoting.terminal import visible, visible_lines
from truffle.errors import TruffleError

OK = 0
FAILED = 1
USAGE = 2
PARTIAL = 3
NO_CAPACITY = 4
CLOSED_PIPE = 141
"""128 and the number of SIGPIPE, as for any program whose reader closed the pipe."""


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit status. Writes to stdout and stderr; never raises."""
    from truffle.cli.app import app

    _prepare_streams()
    try:
        status = app.main(list(arguments), prog_name="truffle", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, ClosedPipe):
        _forget_stdout()
        return CLOSED_PIPE
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else FAILED
    except Exception as error:
        return _failed(error, "--debug" in arguments, _command(arguments))
    return status if isinstance(status, int) else OK


def _prepare_streams() -> None:
    """Make streams escape characters that they cannot encode; replace a closed one."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _forget_stdout() -> None:
    """Discard buffered output after the reader closed the pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command(arguments: Sequence[str]) -> str:
    """The command of these arguments: ``truffle capacity``."""
    from truffle.cli.app import COMMANDS

    return " ".join(["truffle", *[word for word in arguments if word in COMMANDS][:1]])


def _failed(error: Exception, is_debugging: bool, command: str) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return USAGE
    if is_debugging:
        import traceback

        trace = "".join(traceback.format_exception(error))
        click.echo(visible_lines(trace), err=True, nl=False)
    status, text = _status_and_message(error, command)
    click.echo(f"Error: {visible(text)}", err=True)
    return status


def _status_and_message(error: Exception, command: str) -> tuple[int, str]:
    """The exit status of an error, and its sentence."""
    from truffle.query import BadArgument

    if isinstance(error, BadArgument):
        return USAGE, f"{error.named(_flag(error.name))}"
    if isinstance(error, click.Abort):
        return USAGE, "The prompt was aborted."
    if isinstance(error, click.UsageError):
        return USAGE, _usage(error, command)
    if isinstance(error, click.ClickException):
        return FAILED, error.format_message()
    if isinstance(error, TruffleError):
        return error.exit_status, str(error)
    return FAILED, _unexpected(error)


_FLAGS = {
    "types": "--type",
    "severities": "--severity",
    "reservation_id": "ID",
    "event_id": "EVENT_ID",
}


def _flag(name: str) -> str:
    return _FLAGS.get(name, "--" + name.replace("_", "-"))


def _usage(error: click.UsageError, command: str) -> str:
    help_of = error.ctx.command_path if error.ctx else command
    text = " ".join(error.format_message().split())
    stop = "" if text.endswith((".", "?")) else "."
    if "unexpected extra argument" in text:
        stop += " Separate several values of a flag with commas, without spaces."
    return f"{text}{stop} See '{help_of} --help'."


def _unexpected(error: Exception) -> str:
    """The sentence for an unexplained error of AWS, or a bug in truffle."""
    if isinstance(error, OSError):
        return f"{error}."
    from botocore.exceptions import BotoCoreError, ClientError

    from truffle.ec2.errors import error_code, error_message
    from truffle.errors import known_error

    if isinstance(error, (BotoCoreError, ClientError)):
        code, message = error_code(error), error_message(error)
        return str(known_error(code, message) or f"AWS: {code}: {message}")
    return (
        f"truffle failed: {type(error).__name__}: {error}. This is a bug in truffle; --debug "
        "shows the traceback."
    )
