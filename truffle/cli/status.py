"""``truffle status``: how current the deployed stack's data is."""

from __future__ import annotations

import click

from truffle.cli.options import Common, common, output_option

FORMATS = ("table", "json", "yaml")


@click.command("status")
@output_option(FORMATS)
@common(is_api=True)
def command(common: Common, output: str) -> int:
    """Show how current the deployed stack's data is.

    Every scope (an account in a region) with its last success and its last error, and the last
    runs.

    Exit status: 0 all scopes are current, 3 some have old data, 1 all of them, or the request
    failed.
    """
    from truffle.cli.output import put, put_data, style_of_stdout
    from truffle.cli.running import FAILED, OK, PARTIAL
    from truffle.render.events import render_status

    common.needs_api("Statuses")
    status = common.client().status()
    if output == "table":
        put(render_status(status, style_of_stdout()))
    else:
        put_data(output, status)
    failing = [scope for scope in status["scopes"] if scope["error"]]
    if not failing and status["scopes"]:
        return OK
    return FAILED if len(failing) == len(status["scopes"]) else PARTIAL
