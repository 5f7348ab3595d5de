"""A group of commands: suggestions for unknown ones, and options before the command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from truffle.core.suggest import nearest

_ANYWHERE = {"--debug": 0, "--no-color": 0, "-v": 0, "--verbose": 0, "--profile": 1}
_ANYWHERE |= {"--source": 1, "--api-url": 1}
_ANYWHERE |= {"-o": 1, "--output": 1, "-r": 1, "--regions": 1, "--region": 1, "--timeout": 1}
"""Options of commands that are also accepted before the command, and their numbers of values."""


class ClosedPipe(Exception):
    """The reader of stdout closed the pipe. Not a BrokenPipeError, which click turns into exit
    status 1."""


@contextmanager
def _closed_pipe() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise ClosedPipe from None


class Commands(click.Group):
    """Suggests the nearest command for an unknown one; also accepts a command's options before it.

    Raises ClosedPipe if the reader of stdout closed the pipe.
    """

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _closed_pipe():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _closed_pipe():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            near = nearest(args[0], known)
            hint = f" Did you mean {near}?" if near else ""
            message = f"Unknown command {args[0]!r}.{hint} The commands are {', '.join(known)}."
            raise click.UsageError(message, ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] == "help":
            args = [*args[1:], "--help"]
        return super().parse_args(ctx, _command_first(args))


def _command_first(args: Sequence[str]) -> list[str]:
    """Reorder ``-o json capacity`` to ``capacity -o json``."""
    early: list[str] = []
    rest = list(args)
    while len(rest) > 1 and rest[0].partition("=")[0] in _ANYWHERE:
        takes = 0 if "=" in rest[0] else _ANYWHERE[rest[0]]
        early += rest[: takes + 1]
        rest = rest[takes + 1 :]
    return [*rest[:1], *early, *rest[1:]] if rest and not rest[0].startswith("-") else list(args)
