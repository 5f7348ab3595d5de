"""``truffle topology``: where reservations lie in the network, as a tree."""

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

    Reservations that share a lower node are nearer to each other. Ids of nodes can be compared
    within one account only. Live: asks EC2 in all regions at once, with your credentials. With a
    deployed stack: those of every account that it collects, at most a day old.

    \b
    truffle topology --instance-types 'p5*'
    truffle topology -r us-east-2 -o json

    Exit status: 0 all regions answered, 3 some failed, 1 all failed, 2 bad usage.
    """
    from truffle.cli.output import progress, put, put_data, style_of_stdout, tell, tell_failures
    from truffle.core.topology import Placement
    from truffle.query import ask
    from truffle.render.topology import render

    question = ask(regions=regions, instance_types=instance_types, accounts=accounts)
    client = common.client(question.regions)
    with progress("Asking", question.regions, common.is_verbose) as tick:
        found = client.every_placement(question, tick)
    if output != "tree":
        blank = Placement("", "")
        put_data(output, [item.to_json() for item in found.items], list(blank.to_json()))
    elif found.items:
        put(render(found.items, style_of_stdout()))
    elif len(found.failures) < found.regions:
        put("No reservations found")
    if found.unsupported:
        tell(f"Note: EC2 has no topology of reservations in {', '.join(found.unsupported)}.")
    return tell_failures(found.failures, found.regions, clock.now())
