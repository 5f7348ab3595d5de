"""``truffle timeline``: the capacity blocks as bars."""

from __future__ import annotations

from datetime import timedelta

import click

from truffle import clock
from truffle.cli.options import Common, accounts_option, common, regions_option

MOST_DAYS = 366


@click.command("timeline")
@click.option(
    "--days",
    type=click.IntRange(1, MOST_DAYS),
    metavar="N",
    help=f"Days to show ahead, and a quarter as many back; 1 to {MOST_DAYS}. "
    "[default: 30 days back, up to the last end]",
)
@regions_option()
@accounts_option()
@common()
def command(
    common: Common, days: int | None, regions: tuple[str, ...], accounts: tuple[str, ...]
) -> int:
    """Draw the capacity blocks as bars over time.

    Marks the present and the time at which AWS terminates a block's instances. Fills the width of
    the terminal, at least 60 columns.

    \b
    truffle timeline --days 14

    Exit status: 0 all regions responded, 3 some failed, 1 all failed or the request failed, 2 bad
    usage.
    """
    from truffle.cli.gathering import gathered
    from truffle.cli.output import (
        put,
        show_age,
        show_closed,
        show_failures,
        show_warnings,
        style_of_stdout,
    )
    from truffle.core.timeline import window
    from truffle.overview import OverviewRequest
    from truffle.render.timeline import render_timeline
    from truffle.report.model import spans_of

    since = clock.now() - timedelta(days=days) / 4 if days else None
    request = OverviewRequest(regions=regions, since=since, accounts=accounts)
    inputs, inventory = gathered(common, request)
    blocks = [span for span in spans_of(inputs) if span.row.kind.is_prepaid]
    start, end = window(blocks, inputs.now, since, days)
    put(render_timeline(blocks, start, end, inputs.now, style_of_stdout()))
    if common.is_api:
        show_age(inputs.observed_at)
    show_warnings(inputs.warnings)
    show_closed(inventory.closed)
    return show_failures(inventory.failures, inventory.scopes, clock.now())
