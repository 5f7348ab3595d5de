"""The commands by name; each is loaded when it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module

import click

from truffle.core.nearest import nearest

COMMANDS: Mapping[str, str] = {
    "capacity": "List the ODCRs and capacity blocks that you have.",
    "offerings": "Find capacity blocks that can be bought.",
    "validate": "Tell whether a training run has capacity.",
    "recommend": "Tell which type of capacity a workload should have.",
    "use": "Print how to run on one reservation, by tool.",
    "events": "Show what happened to reservations.",
    "history": "Show one reservation with all its events.",
    "status": "Show how current the deployed stack's data is.",
    "completion": "Print the completion script of a shell.",
}
"""Each command's first sentence of help; its module has its name."""

_ANYWHERE = {"--debug": 0, "--no-color": 0, "-v": 0, "--verbose": 0, "--profile": 1}
_ANYWHERE |= {"-o": 1, "--output": 1, "-r": 1, "--regions": 1, "--region": 1, "--timeout": 1}
"""Options of the commands that may also stand before the command, and how many values they take."""


class Commands(click.Group):
    """Loads a command's module by its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"truffle.cli.{name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = nearest(args[0], COMMANDS)
            hint = f" Did you mean {near}?" if near else ""
            known = ", ".join(COMMANDS)
            message = f"There is no command {args[0]!r}.{hint} The commands are {known}."
            raise click.UsageError(message, ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _command_first(args))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _command_first(args: Sequence[str]) -> list[str]:
    """``-o json capacity`` as ``capacity -o json``."""
    early: list[str] = []
    rest = list(args)
    while len(rest) > 1 and rest[0].partition("=")[0] in _ANYWHERE:
        takes = 0 if "=" in rest[0] else _ANYWHERE[rest[0]]
        early += rest[: takes + 1]
        rest = rest[takes + 1 :]
    return [*rest[:1], *early, *rest[1:]] if rest and not rest[0].startswith("-") else list(args)


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Training capacity: truffle capacity --blocks. "
    "Inference capacity: truffle capacity --odcr --gpu-only --available-only.",
)
@click.version_option(package_name="truffle", message="truffle %(version)s")
def app() -> None:
    """The GPU capacity that you hold on AWS, in every region at once.

    Lists On-Demand Capacity Reservations (ODCRs) and Capacity Blocks for ML, live from EC2 with
    your credentials, or from a deployed truffle stack (--api-url, TRUFFLE_API_URL).
    """
