"""``truffle status``: the status of the deployed stack's data."""

from __future__ import annotations

import click

from truffle.cli.options import Common, Sources, accounts_option, common, output_option

FORMATS = ("table", "json", "yaml")

SHOWN = 20
"""How many scopes a table shows without --all."""


@click.command("status")
@click.option("--all", "is_all", is_flag=True, help="Every scope, not only the worst 20.")
@accounts_option()
@output_option(FORMATS)
@common(Sources.STACK)
def command(common: Common, output: str, is_all: bool, accounts: tuple[str, ...]) -> int:
    """Show how current the deployed stack's data is.

    Shows totals by state and by error, the scopes (an account in a region) that have failed for the
    longest time, and the last runs; -o json and -o yaml have every scope.

    Exit status: 0 all scopes are current, or closed as expected_denied expects, 3 some have old
    data, 1 all of them, or the request failed.
    """
    from truffle.arguments import account_query
    from truffle.cli.output import put, put_data, style_of_stdout
    from truffle.cli.running import FAILED, OK, PARTIAL
    from truffle.render.events import render_status
    from truffle.sources.status import worst_status

    common.needs_api("Statuses")
    client = common.client()
    is_short = output == "table" and not is_all
    if is_short:
        status = worst_status(client.api(), SHOWN, account_query(accounts))
    else:
        status = client.status(accounts)
    if output == "table":
        put(render_status(status, style_of_stdout()))
    else:
        put_data(output, status)
    if status["collection"]["complete"]:
        return OK
    return PARTIAL if status["totals"]["by_state"]["current"] else FAILED
