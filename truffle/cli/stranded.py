"""``truffle stranded``: instances that run On-Demand beside idle reserved capacity."""

from __future__ import annotations

import click

from truffle.cli.options import (
    Common,
    Sources,
    accounts_option,
    common,
    output_option,
    regions_option,
)


@click.command("stranded")
@click.option(
    "--instance-types",
    "--instance-type",
    multiple=True,
    metavar="TYPES",
    help="Instance types or globs (p5*), comma-separated.",
)
@accounts_option()
@regions_option()
@output_option(("table", "wide", "json", "yaml", "csv"))
@common(Sources.STACK)
def command(
    common: Common,
    output: str,
    regions: tuple[str, ...],
    instance_types: tuple[str, ...],
    accounts: tuple[str, ...],
) -> int:
    """Show On-Demand instances that run while reserved capacity is idle, and why.

    Requires the stack's setting stranded. Each instance, and each idle instance of a reservation,
    counts once. The cost is - if no price is known.

    \b
    truffle stranded
    truffle stranded --instance-types 'p5*' -r us-east-1 -o json

    Exit status: 0 all scopes were asked, 3 some could not be asked, 1 the request failed, 2 bad
    usage.
    """
    from dataclasses import replace

    from truffle.cli.output import put, put_data, show_warnings, style_of_stdout
    from truffle.render.stranded import NAMES, Shown, render

    common.needs_api("Stranded instances")
    found = common.client().stranded(instance_types or None, regions or None, accounts or None)
    if output in ("table", "wide"):
        style = style_of_stdout()
        shown = Shown(found.items, found.usd_per_hour, found.unpriced_instances)
        put(render(shown, replace(style, width=None) if output == "wide" else style))
    else:
        put_data(output, found.items, NAMES)
    show_warnings(found.warnings)
    show_warnings(
        f"{it['account_id']}/{it['region']}: instances not listed: {it['error']}"
        for it in found.unanswered
    )
    return 3 if found.unanswered else 0
