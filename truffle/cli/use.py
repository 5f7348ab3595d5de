"""``truffle use``: how to use a reservation with a tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from truffle.cli.options import Choice, Common, common, regions_option

if TYPE_CHECKING:
    from truffle.core.model import Reservation

TOOLS = (
    "parallelcluster",
    "karpenter",
    "eks-nodegroup",
    "ec2-run-instances",
    "sagemaker",
    "hyperpod",
    "rds",
)


@click.command("use")
@click.argument("reservation_id", metavar="ID")
@click.option("--for", "tool", type=Choice(TOOLS), required=True, help="The tool to print for.")
@regions_option()
@common()
def command(common: Common, reservation_id: str, tool: str, regions: tuple[str, ...]) -> int:
    """Print how to use a reservation with a tool.

    Prints a snippet that targets this reservation, with its id, type, zone and size; replace the
    placeholders in capital letters. Launches nothing.

    \b
    truffle use cr-0123456789abcdef0 --for karpenter
    truffle use cr-0123456789abcdef0 --for ec2-run-instances > launch.sh
    """
    from truffle.arguments import check_reservation_id
    from truffle.cli.output import note, put_text
    from truffle.completeness import find
    from truffle.core.model import TERMINAL_STATES, TYPES
    from truffle.query import BadArgument, list_query
    from truffle.render.use import SNIPPETS

    check_reservation_id(reservation_id, is_of_ec2=not common.is_api)
    everything = list_query(
        reservation_type=list(TYPES), regions=regions or None, active_only=False
    )
    client = common.client(everything.regions)
    row: Reservation = find(client.inventory(everything), reservation_id)
    if tool not in row.kind.tools:
        allowed = f"{row.reservation_id} is {row.kind.one}, for {', '.join(row.kind.tools)}."
        raise BadArgument("for", tool, allowed)
    put_text(SNIPPETS[tool](row))
    if row.state in TERMINAL_STATES:
        note(f"Warning: {row.reservation_id} is {row.state}: nothing can be launched in it.")
    elif row.state != "active":
        note(f"Note: {row.reservation_id} is {row.state}: launches work once it is active.")
    elif row.available_capacity == 0:
        note(f"Note: all instances of {row.reservation_id} are in use: none can be launched now.")
    return 0
