"""The output of a document: to a file or to stdout."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

STDOUT = "-"


def file_option(shown: str) -> Callable[[Command], Command]:
    """``-o FILE``; ``shown`` is the default in the help text."""
    return click.option(
        "-o",
        "--output",
        "output",
        metavar="FILE",
        help=f"The file to write, - for stdout. [default: {shown}]",
    )


def chosen_file(output: str | None, default: str | None = None) -> Path | None:
    """The file to write; None for stdout. ``default`` is used if stdout is a terminal."""
    if output == STDOUT:
        return None
    if output is not None:
        return Path(output)
    return Path(default) if default and sys.stdout.isatty() else None


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file atomically, so that readers never see a partial one.

    Raises OSError.
    """
    path = path.resolve() if path.is_symlink() else path
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        os.close(handle)
        Path(name).write_bytes(content)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
