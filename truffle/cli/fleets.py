"""``truffle fleets``: Capacity Reservation Fleets and their fulfilled capacity."""

from __future__ import annotations

import click

from truffle import clock
from truffle.cli.options import Common, accounts_option, common, output_option, regions_option


@click.command("fleets")
@accounts_option()
@regions_option()
@output_option(("table", "wide", "json", "yaml", "csv"))
@common()
def command(
    common: Common, output: str, regions: tuple[str, ...], accounts: tuple[str, ...]
) -> int:
    """List Capacity Reservation Fleets: target, fulfilled capacity and members.

    Live: queries EC2 in all regions at once, with your credentials. With a deployed stack: shows
    the fleets of every account that it collects, since when a fleet is below its target, and the
    age of the data.

    \b
    truffle fleets
    truffle fleets -r us-east-1 -o json

    Exit status: 0 all regions responded, 3 some failed, 1 all failed, 2 bad usage.
    """
    from dataclasses import replace

    from truffle.cli.output import progress, put, put_data, show_failures, style_of_stdout
    from truffle.core.fleets import CapacityFleet
    from truffle.query import list_query
    from truffle.render.fleets import render

    query = list_query(regions=regions, accounts=accounts)
    client = common.client(query.regions)
    with progress("Querying", query.regions, common.is_verbose) as tick:
        found = client.every_fleet(query, tick)
    if output in ("table", "wide"):
        style = style_of_stdout()
        if found.items:
            put(render(found.items, replace(style, width=None) if output == "wide" else style))
        elif len(found.failures) < found.regions:
            put("No fleets found")
    else:
        blank = CapacityFleet(fleet_id="", region="", state="")
        put_data(output, [fleet.to_json() for fleet in found.items], list(blank.to_json()))
    return show_failures(found.failures, found.regions, clock.now())
