"""``truffle topology``: the network nodes of reservations, as a tree."""

from __future__ import annotations

import click

from truffle import clock
from truffle.cli.options import (
    INSTANCE_TYPES,
    Common,
    accounts_option,
    common,
    output_option,
    regions_option,
)


@click.command("topology")
@click.option(
    "--instance-types",
    "--instance-type",
    "instance_types",
    multiple=True,
    type=INSTANCE_TYPES,
    help="Types or globs (p5*), comma-separated.  [default: all]",
)
@accounts_option()
@regions_option()
@output_option(("tree", "json", "yaml", "csv"))
@common()
def command(
    common: Common,
    output: str,
    regions: tuple[str, ...],
    accounts: tuple[str, ...],
    instance_types: tuple[str, ...],
) -> int:
    """Show the network nodes of reservations and blocks as a tree.

    Reservations that share a lower node are closer to each other. Node ids can be compared only
    within one account. Live: queries EC2 in all regions at once, with your credentials. With a
    deployed stack: shows the nodes of every account that it collects, at most a day old.

    \b
    truffle topology --instance-types 'p5*'
    truffle topology -r us-east-2 -o json

    Exit status: 0 all regions responded, 3 some failed, 1 all failed, 2 bad usage.
    """
    from truffle.cli.output import note, progress, put, put_data, show_failures, style_of_stdout
    from truffle.core.topology import Placement
    from truffle.query import list_query
    from truffle.render.topology import render

    query = list_query(regions=regions, instance_types=instance_types, accounts=accounts)
    client = common.client(query.regions)
    with progress("Querying", query.regions, common.is_verbose) as tick:
        found = client.every_placement(query, tick)
    if output != "tree":
        blank = Placement(reservation_id="", region="")
        put_data(output, [item.to_json() for item in found.items], list(blank.to_json()))
    elif found.items:
        put(render(found.items, style_of_stdout()))
    elif len(found.failures) < found.regions:
        put("No reservations found")
    if found.unsupported:
        note(f"Note: EC2 provides no topology of reservations in {', '.join(found.unsupported)}.")
    return show_failures(found.failures, found.regions, clock.now())
