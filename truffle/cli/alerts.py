"""``truffle alerts``: validate, explain and test alert routing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from truffle import clock
from truffle.cli.groups import Commands
from truffle.cli.options import Common, Sources, common, output_option

if TYPE_CHECKING:
    from truffle.alerts.settings import AlertSettings

FORMATS = ("table", "json", "yaml")
FILE = "alerts.yaml"
"""The default name of the file."""
STDIN = "-"


@click.command("alerts", cls=Commands)
def command() -> None:
    """Validate, explain and test alert routing.

    The settings are one file of destinations, routes and mutes, which the deployment reads;
    docs/alerts.md explains its keys.
    """


@command.command("check")
@click.argument("file", default=FILE)
@output_option(FORMATS)
@click.option("--no-color", is_flag=True, help="No colours; NO_COLOR does the same.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback.")
def check(file: str, output: str, no_color: bool) -> int:
    """Validate a file of settings before it is deployed.

    Reports all invalid keys and values at once, or shows the routes of each destination. The file
    is alerts.yaml by default; - reads from stdin. Needs no network and no credentials.

    Exit status: 0 the file can be deployed, 1 it cannot, 2 bad usage.
    """
    from truffle.alerts.settings import SettingsError
    from truffle.alerts.settings_json import settings_to_json
    from truffle.cli.options import set_no_colour
    from truffle.cli.output import note, put, put_data, style_of_stdout
    from truffle.cli.running import FAILED, OK
    from truffle.render.alerts import render_settings

    set_no_colour(no_color)
    name = "stdin" if file == STDIN else file
    settings: AlertSettings | None = None
    problems: tuple[str, ...] = ()
    try:
        settings = _read(file)
    except SettingsError as error:
        problems = error.problems
    if output != "table":
        shown = None if settings is None else settings_to_json(settings)
        watches = [] if settings is None else _pace(settings)
        answer = {"ok": not problems, "problems": list(problems), "settings": shown}
        put_data(output, {**answer, "watches": watches})
    elif settings is not None:
        put(render_settings(settings, name, clock.now(), style_of_stdout()))
    else:
        note(f"Error: {name} cannot be deployed:")
        for problem in problems:
            note(f"  {problem}")
    return FAILED if problems else OK


def _pace(settings: AlertSettings) -> list[dict[str, Any]]:
    """The interval of each watch in seconds: in the file, and within the request budget of its
    regions."""
    from truffle.core.market.budget import really_every

    watches, now = settings.watches, clock.now()
    return [
        {
            "name": watch.name,
            "every_seconds": int(watch.every.total_seconds()),
            "really_every_seconds": int(really_every(watch, watches, now).total_seconds()),
        }
        for watch in watches
    ]


@command.command("explain")
@click.argument("event_id")
@click.option("--file", metavar="FILE", help="Use this alerts file instead of the deployed one.")
@click.option(
    "--since", metavar="TIME", help="How far back to search: a date, or 90d.  [default: 31d]"
)
@output_option(FORMATS)
@common(Sources.STACK)
def explain(common: Common, event_id: str, file: str | None, since: str | None, output: str) -> int:
    """Show which destinations get an event, why, and its delivery.

    EVENT_ID is the id that `truffle events` shows, or its first digits. For each destination:
    delivered, waiting for a digest, retrying (with the response), dead letter, muted, or no route,
    with the routes that match, the mute and its end, or the first failed condition of each route.
    With --file, the event is read from the stack and routed by the file; - reads it from stdin.

    \b
    truffle events --since 24h
    truffle alerts explain bf14c51f --file alerts.yaml
    """
    from truffle.alerts.settings import SettingsError
    from truffle.arguments import explain_query
    from truffle.cli.output import put, put_data, style_of_stdout
    from truffle.render.alerts import render_explanation

    explain_query(event_id, since)
    try:
        settings = _read(file) if file else None
    except SettingsError as error:
        raise _bad_usage(f"{file}: {'; '.join(error.problems)}") from error
    common.needs_api("Events")
    answer = common.client().explain(event_id, since=since)
    if settings is not None:
        answer["decisions"] = _decided_here(answer["event"], settings)
    if output == "table":
        put(render_explanation(answer, style_of_stdout()))
    else:
        put_data(output, answer)
    return 0


@command.command("test")
@click.option("--route", required=True, metavar="NAME", help="The route to test.")
@output_option(FORMATS)
@common(Sources.STACK)
def test(common: Common, route: str, output: str) -> int:
    """Send a sample to each destination of a route.

    The deployed stack creates an event that matches the route, and delivers it like any alert,
    marked as a test; mutes do not apply to it.

    Exit status: 0 it is queued for every destination, 1 only for some or none, or the request
    failed, 2 bad usage.
    """
    from truffle.arguments import check_route
    from truffle.cli.output import put, put_data, style_of_stdout
    from truffle.cli.running import FAILED, OK
    from truffle.render.alerts import render_trial

    check_route(route)
    common.needs_api("Samples")
    answer = common.client().test_route(route)
    if output == "table":
        put(render_trial(answer, style_of_stdout()))
    else:
        put_data(output, answer)
    return FAILED if any(sent["error"] for sent in answer["sent"]) else OK


@command.command("republish")
@click.option("--since", required=True, metavar="TIME", help="A time, a date, or 90m, 24h, 7d.")
@click.option("--until", metavar="TIME", help="A time or a date.  [default: now]")
@output_option(FORMATS)
@common(Sources.STACK)
def republish(common: Common, since: str, until: str | None, output: str) -> int:
    """Publish the events that could not be published.

    The deployed stack publishes those events of the period, at most 7 days ago, that it has not
    published yet. Use it after an outage of the alerts topic.

    Exit status: 0 all are published, 1 some are left, or the request failed, 2 bad usage.
    """
    from truffle.arguments import republish_query
    from truffle.cli.output import put, put_data, style_of_stdout
    from truffle.cli.running import FAILED, OK
    from truffle.render.alerts import render_republication

    query = republish_query(since, until)
    common.needs_api("Events")
    answer = common.client().republish(dict(query)["since"], dict(query)["until"])
    if output == "table":
        put(render_republication(answer, style_of_stdout()))
    else:
        put_data(output, answer)
    return FAILED if answer["error"] else OK


def _read(file: str) -> AlertSettings:
    """The settings in a file, or in stdin for ``-``. Raises SettingsError, or UsageError if it
    cannot be read."""
    from truffle.alerts.yaml_file import parse_alerts, read_alerts

    try:
        if file == STDIN:
            return parse_alerts(sys.stdin.buffer.read())
        return read_alerts(Path(file))
    except OSError as error:
        raise _bad_usage(f"{file} cannot be read: {error.strerror}") from error


def _decided_here(message: dict[str, Any], settings: AlertSettings) -> list[dict[str, Any]]:
    from truffle.alerts.explanation import explain
    from truffle.core.events import from_message

    return explain(from_message(message), settings)


def _bad_usage(message: str) -> click.UsageError:
    return click.UsageError(message, click.get_current_context())
