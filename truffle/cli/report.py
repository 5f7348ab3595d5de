"""``truffle report``: one HTML page of held capacity and pending decisions."""

from __future__ import annotations

import click

from truffle import clock
from truffle.cli.files import file_option
from truffle.cli.gathering import gathering_options
from truffle.cli.options import Common, accounts_option, common, regions_option

FILE = "truffle-report.html"
"""The default file if stdout is a terminal."""


@click.command("report")
@file_option(f"{FILE} on a terminal, else stdout")
@click.option("--open", "is_opened", is_flag=True, help="Open it in the browser.")
@gathering_options()
@regions_option()
@accounts_option()
@common()
def command(
    common: Common,
    output: str | None,
    is_opened: bool,
    since: str | None,
    until: str | None,
    prices: str | None,
    team_tag: str,
    regions: tuple[str, ...],
    accounts: tuple[str, ...],
) -> int:
    """Write an HTML report: decisions, timeline, use, events.

    Writes one self-contained file that you can forward: pending decisions and their deadlines, the
    capacity blocks over time, the use of ODCRs, idle capacity, and the regions that could not be
    listed.

    \b
    truffle report --open
    truffle report -o monday.html --since 14d --prices alerts.yaml

    Exit status: 0 all regions responded, 3 some failed and are named in the report, 1 all failed or
    the request failed, 2 bad usage.
    """
    from pathlib import Path

    from truffle.cli.files import STDOUT, chosen_file, replace_file
    from truffle.cli.gathering import gathered, wanted
    from truffle.cli.output import note, put_text, show_failures, show_warnings
    from truffle.report.page import page

    if is_opened and output == STDOUT:
        message = "--open needs a file: -o FILE."
        raise click.UsageError(message, click.get_current_context())
    request = wanted(regions, since, until, prices, team_tag, accounts)
    inputs, inventory = gathered(common, request)
    html = page(inputs)
    path = Path(output or FILE) if is_opened else chosen_file(output, FILE)
    if path is None:
        put_text(html.removesuffix("\n"))
    else:
        replace_file(path, html.encode())
        note(f"Wrote {path}.")
    show_warnings(inputs.warnings)
    if is_opened and path is not None:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
    return show_failures(inventory.failures, inventory.scopes, clock.now())
