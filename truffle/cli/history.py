"""``truffle history``: one reservation with all its events."""

from __future__ import annotations

import click

from truffle.cli.options import Common, Sources, common, output_option

FORMATS = ("table", "json", "yaml")


@click.command("history")
@click.argument("reservation_id", metavar="ID")
@output_option(FORMATS)
@common(Sources.STACK)
def command(common: Common, reservation_id: str, output: str) -> int:
    """Show one reservation with all its events.

    For a reservation that is gone, it shows the last known values, and when EC2 stopped listing it.

    \b
    truffle history cr-0123456789abcdef0
    """
    from truffle.arguments import check_reservation_id
    from truffle.cli.output import put, put_data, show_age, style_of_stdout
    from truffle.core.times import parse_time
    from truffle.render.events import render_history

    common.needs_api("Histories")
    check_reservation_id(reservation_id)
    history = common.client().api().get(f"/reservations/{reservation_id}", "events")
    if output == "table":
        put(render_history(history, style_of_stdout()))
        observed_at = (history.get("collection") or {}).get("observed_at")
        show_age(parse_time(observed_at) if observed_at else None)
    else:
        put_data(output, history)
    return 0
