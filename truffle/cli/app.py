"""The commands by name; each is loaded when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

from truffle.cli.groups import Commands

COMMANDS: Mapping[str, str] = {
    "capacity": "List your ODCRs and capacity blocks.",
    "offerings": "Find capacity blocks for sale.",
    "validate": "Check whether a training run has capacity.",
    "recommend": "Recommend a type of capacity for a workload.",
    "fleets": "List Capacity Reservation Fleets: target, fulfilled capacity and members.",
    "topology": "Show the network nodes of reservations and blocks as a tree.",
    "use": "Print how to use a reservation with a tool.",
    "report": "Write an HTML report: decisions, timeline, use, events.",
    "timeline": "Draw the capacity blocks as bars over time.",
    "calendar": "Write the capacity blocks as a calendar (iCalendar).",
    "metrics": "Print capacity metrics as OpenMetrics text.",
    "serve": "Serve the report on this machine, and keep it fresh.",
    "mcp": "Serve truffle's tools to a language model (MCP, stdio).",
    "events": "Show what happened to reservations.",
    "history": "Show one reservation with all its events.",
    "usage": "Show reserved, used and idle hours, and their cost.",
    "stranded": "Show On-Demand instances that run while reserved capacity is idle, and why.",
    "status": "Show how current the deployed stack's data is.",
    "sql": "Query the history of your capacity with SQL.",
    "alerts": "Validate, explain and test alert routing.",
    "completion": "Print the completion script for a shell.",
}
"""The first sentence of each command's help; its module has the same name."""


class LoadedCommands(Commands):
    """Loads a command's module by its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"truffle.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(
    cls=LoadedCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Training capacity: truffle capacity --blocks. "
    "Inference capacity: truffle capacity --odcr --gpu-only --available-only.",
)
@click.version_option(package_name="truffle", message="truffle %(version)s")
def app() -> None:
    """Show the GPU capacity that you hold on AWS, in all regions at once.

    Lists On-Demand Capacity Reservations (ODCRs) and Capacity Blocks for ML, live from EC2 with
    your credentials, or from a deployed truffle stack (--api-url, TRUFFLE_API_URL).
    """
