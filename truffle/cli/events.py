"""``truffle events``: the events of reservations."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from truffle import clock
from truffle.cli.options import (
    Common,
    Seconds,
    Sources,
    Suggested,
    accounts_option,
    common,
    output_option,
)
from truffle.core.events import EventType, Severity

if TYPE_CHECKING:
    from truffle.client import Truffle

FORMATS = ("table", "json", "yaml", "csv")


@click.command("events")
@click.option(
    "--since", metavar="TIME", help="A time, a date, yesterday, or 90m, 24h, 7d ago. [default: 7d]"
)
@click.option("--until", metavar="TIME", help="Only events before this time.")
@click.option(
    "--type",
    "types",
    multiple=True,
    type=Suggested("types", lambda: [kind.value for kind in EventType]),
    help="Types of events, comma-separated.",
)
@click.option(
    "--severity",
    "severities",
    multiple=True,
    type=Suggested("severities", lambda: [severity.value for severity in Severity]),
    help=f"Severities, comma-separated: {', '.join(Severity)}.",
)
@accounts_option()
@click.option("--reservation-id", metavar="ID", help="Only events of this reservation.")
@click.option(
    "--limit",
    metavar="N",
    default="100",
    show_default=True,
    help="The newest N events, from 1 to 10000.",
)
@click.option("--follow", "-f", is_flag=True, help="Keep running, and print events as they happen.")
@click.option(
    "--interval",
    type=Seconds(1),
    default=15,
    show_default=True,
    help="Seconds between requests, with --follow.",
)
@output_option(FORMATS)
@common(Sources.STACK)
def command(
    common: Common,
    output: str,
    limit: str,
    follow: bool,
    interval: float,
    since: str | None,
    until: str | None,
    **filters: Any,
) -> int:
    """Show what happened to reservations.

    The deployed stack compares what EC2 lists from run to run; this command shows the changes, the
    newest first. With --follow it runs until Ctrl-C, with the newest last, and -o json prints one
    event per line.

    \b
    truffle events --since 24h --severity warning,critical
    truffle events --follow
    """
    from truffle.arguments import event_limit, event_query, moment

    common.needs_api("Events")
    if follow and output in ("yaml", "csv"):
        message = "--follow prints a table or JSON lines: -o table or -o json."
        raise click.UsageError(message, click.get_current_context())
    if follow and until is not None:
        message = "--follow cannot be combined with --until."
        raise click.UsageError(message, click.get_current_context())
    start, most = moment("since", since, ahead=False), event_limit(limit)
    client = common.client()
    if follow:
        return _follow(client, output, interval, start, most, filters)
    query = event_query(start, until, **filters)
    _show(client, output, query, most)
    return 0


def _show(client: Truffle, output: str, query: list[tuple[str, str]], limit: int) -> None:
    from truffle.cli.output import put, put_data, show_age, style_of_stdout
    from truffle.render.events import EVENT_FIELDS, render_events
    from truffle.sources.events import list_events

    found = list_events(client.api(), query, limit)
    if output == "table":
        put(render_events(found.items, found.count, style_of_stdout()))
        show_age(found.observed_at)
    else:
        put_data(output, found.items, EVENT_FIELDS)


def _follow(
    client: Truffle,
    output: str,
    interval: float,
    since: datetime | str | None,
    limit: int,
    filters: dict[str, Any],
) -> int:
    """Print each event once, the oldest first, until Ctrl-C.

    Raises what the first request does; a later failure is reported, and the request repeated. Each
    request signs in anew, since the credentials of the first do not last.
    """
    from truffle.cli.output import note
    from truffle.errors import UnreachableError
    from truffle.sources.api import ApiError

    seen: set[str] = set()
    start: datetime | str | None = since
    most: int | None = limit
    while True:
        polled_at = clock.now()
        try:
            client.sign_in()
            _put_new(client, output, start, most, filters, seen)
            start, most = polled_at - timedelta(hours=1), None
        except (ApiError, UnreachableError) as error:
            if most is not None:
                raise
            note(f"Warning: {error}")
        time.sleep(interval)


def _put_new(
    client: Truffle,
    output: str,
    since: datetime | str | None,
    limit: int | None,
    filters: dict[str, Any],
    seen: set[str],
) -> None:
    from truffle.arguments import event_query
    from truffle.cli.output import put, put_text, style_of_stdout
    from truffle.core.quoting.terminal import visible_values
    from truffle.render.events import event_lines
    from truffle.sources.events import list_events

    found = list_events(client.api(), event_query(since, None, **filters), limit)
    style = style_of_stdout()
    for event in reversed(found.items):
        if event["event_id"] not in seen:
            seen.add(event["event_id"])
            if output == "json":
                put_text(json.dumps(event))
            else:
                put("\n".join(event_lines(visible_values(event), style)))
