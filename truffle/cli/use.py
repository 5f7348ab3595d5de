"""``truffle use``: how to run on one reservation, by tool."""

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
@click.option("--for", "tool", type=Choice(TOOLS), required=True, help="The tool.")
@regions_option()
@common()
def command(common: Common, reservation_id: str, tool: str, regions: tuple[str, ...]) -> int:
    """Print how to run on one reservation, by tool.

    The snippet that targets this reservation: its id, type, zone and size are filled in, and what
    only you know is in capital letters. Nothing is launched.

    \b
    truffle use cr-0123456789abcdef0 --for karpenter
    truffle use cr-0123456789abcdef0 --for ec2-run-instances > launch.sh
    """
    from truffle.arguments import check_reservation_id
    from truffle.cli.output import put_text, tell
    from truffle.completeness import find
    from truffle.core.model import TERMINAL_STATES, TYPES
    from truffle.query import BadArgument, ask
    from truffle.render.use import SNIPPETS

    check_reservation_id(reservation_id, is_of_ec2=not common.is_api)
    everything = ask(reservation_type=list(TYPES), regions=regions or None, active_only=False)
    client = common.client(everything.regions)
    row: Reservation = find(client.inventory(everything), reservation_id)
    if tool not in row.kind.tools:
        allowed = f"{row.reservation_id} is {row.kind.one}, for {', '.join(row.kind.tools)}."
        raise BadArgument("for", tool, allowed)
    put_text(SNIPPETS[tool](row))
    if row.state in TERMINAL_STATES:
        tell(f"Warning: {row.reservation_id} is {row.state}: nothing can be launched in it.")
    elif row.state != "active":
        tell(f"Note: {row.reservation_id} is {row.state}: launches work once it is active.")
    elif row.available_capacity == 0:
        tell(f"Note: all instances of {row.reservation_id} are in use: none can be launched now.")
    return 0
