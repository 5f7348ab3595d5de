"""``truffle metrics``: capacity metrics as OpenMetrics text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from truffle import clock
from truffle.cli.files import file_option
from truffle.cli.options import Choice, Common, accounts_option, common, regions_option

if TYPE_CHECKING:
    from truffle.client import Truffle
    from truffle.overview import OverviewRequest
    from truffle.sources.listing import Listing


@click.command("metrics")
@file_option("stdout")
@click.option(
    "--by",
    type=Choice(["reservation"]),
    help="Also write samples for each reservation, labelled with its id.",
)
@click.option(
    "--prices",
    metavar="FILE",
    help="An alerts.yaml with prices, for the cost of idle capacity.",
)
@regions_option()
@accounts_option()
@common()
def command(
    common: Common,
    output: str | None,
    by: str | None,
    prices: str | None,
    regions: tuple[str, ...],
    accounts: tuple[str, ...],
) -> int:
    """Print capacity metrics as OpenMetrics text.

    Instances and accelerators by state and use, the cost of idle ones, and the age and success of
    each scope, for example for the textfile collector of node_exporter. Needs the extra
    truffle[metrics].

    \b
    truffle metrics -o /var/lib/node_exporter/truffle.prom

    Exit status: 0 all regions responded, 3 some failed, 1 all failed or the request failed, 2 bad
    usage.
    """
    from truffle.cli.files import chosen_file, replace_file
    from truffle.cli.gathering import wanted
    from truffle.cli.output import put_text, show_failures, show_warnings

    request = replace(wanted(regions, prices=prices, accounts=accounts), has_events=False)
    text, inventory = _metrics(common.client(), request, by is not None)
    path = chosen_file(output)
    if path is None:
        put_text(text.decode().removesuffix("\n"))
    else:
        replace_file(path, text)
    show_warnings(inventory.warnings)
    return show_failures(inventory.failures, inventory.scopes, clock.now())


def _metrics(
    client: Truffle, request: OverviewRequest, by_reservation: bool
) -> tuple[bytes, Listing]:
    from truffle.extras import extra
    from truffle.feeds.inputs import MetricsInput
    from truffle.overview import gather, scope_states

    with extra("metrics"):
        from truffle.feeds.metrics import metrics

    answered: dict[str, bool] = {}
    inputs, inventory = gather(client, request, answered.__setitem__)
    scopes = scope_states(client, inventory, answered, request.accounts)
    held = MetricsInput(inputs.rows, scopes, inputs.now, inputs.prices, by_reservation)
    return metrics(held), inventory
