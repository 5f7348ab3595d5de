"""``python -m sandbox``: the whole stack on this machine."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

import click

from sandbox.box import FLEET, Sandbox
from sandbox.ec2.control import ControlError
from sandbox.ec2.dates import parse_distance
from sandbox.ec2.faults import FaultKind
from sandbox.errors import SandboxError
from sandbox.market_commands import sell, watch
from sandbox.processes import end_as_interrupted
from sandbox.running import check_region, running_sandbox, simulating_sandbox
from sandbox.sink.control import Sink
from sandbox.sink.destination import DOWN, EVERYWHERE, OK, ReceivedRequest, Reply, request_to_json
from truffle.core.times import format_time
from truffle.core.wording import counted

KINDS = [kind.value for kind in FaultKind if kind is not FaultKind.ERROR]
"""The faults that `break` offers; the control API can also inject an error with any code."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The whole stack on this machine: an embedded AWS, the deployed stack, a simulated EC2."""


class Setting(click.ParamType[tuple[str, str]]):
    """A key of the context and its value."""

    name = "setting"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        key, equals, text = value.partition("=")
        if not key or not equals:
            self.fail(f"{value!r} must be KEY=VALUE.", param, ctx)
        return key, text


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the embedded AWS.")
@click.option(
    "--fleet",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The contents of EC2; default: a bundled organization.",
)
@click.option(
    "--alerts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Destinations and routes of the alerts; default: those of cdk.json.",
)
@click.option(
    "-c",
    "--context",
    type=Setting(),
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the stack, as for cdk -c; can be repeated.",
)
def up(
    port: int | None, fleet: Path | None, alerts: Path | None, context: list[tuple[str, str]]
) -> None:
    """Start the sandbox and deploy the stack; a running one applies the options."""
    box = Sandbox.find()
    if box is None:
        box = Sandbox.up(port=port, fleet=fleet or FLEET, alerts=alerts, context=dict(context))
        click.echo(f"The sandbox is up: {box.environment()['AWS_ENDPOINT_URL']}", err=True)
        return
    if port not in (None, box.port):
        raise click.ClickException(
            f"The sandbox is already running on port {box.port}. "
            "Stop it first to change the port: python -m sandbox down"
        )
    if fleet is not None:
        box.replace_fleet(fleet)
    if alerts is not None:
        box.route_alerts(alerts)
    if context:
        box.set_context(dict(context))
    applied = [str(path) for path in (fleet, alerts) if path is not None]
    applied += [f"{key}={value}" for key, value in context]
    click.echo(f"The sandbox is already running{_now_with(applied)}.", err=True)


def _now_with(applied: list[str]) -> str:
    return f"; it now uses {' and '.join(applied)}" if applied else ""


@main.command()
def env() -> None:
    """Print the environment variables for programs that use the sandbox."""
    for name, value in running_sandbox().environment().items():
        click.echo(f"{name}={value}")


@main.command()
def collect() -> None:
    """Run the collection now; exit status 3 if scopes failed unexpectedly.

    Then updates the tables for SQL.
    """
    box = running_sandbox()
    manifest = box.collect()
    box.compact()
    for scope in manifest["scopes"]:
        click.echo(scope_line(scope))
    counts = manifest["counts"]
    closed = f"{counts['closed']} closed as expected, " if counts["closed"] else ""
    click.echo(
        f"{counts['succeeded']} of {counted(counts['scopes'], 'scope')}, {closed}"
        f"{counted(counts['reservations'], 'reservation')}, {counts['changed']} changed, "
        f"{counted(counts['events'], 'event')}",
        err=True,
    )
    sys.exit(3 if counts["failed"] else 0)


def scope_line(scope: dict[str, Any]) -> str:
    """One scope of a run's manifest as a line of text."""
    where = f"{scope['account_id']} {scope['region']:<15}"
    if error := scope["error"]:
        return f"{where} {scope['outcome']:<6}  {error['code']}: {error['message']}"
    rows = counted(scope["reservations"], "reservation")
    return f"{where} ok      {rows:>18}, {scope['changed']} changed"


class Distance(click.ParamType[timedelta]):
    """A duration: ``6h``, ``2d``, ``40m``."""

    name = "distance"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        try:
            return parse_distance(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@main.command()
@click.argument("distance", type=Distance())
def advance(distance: timedelta) -> None:
    """Let time pass: 6h, 2d, 40m. Schedules and retries continue in real time."""
    box = running_sandbox()
    now = box.advance(distance)
    whose = "" if box.simulates_ec2 else " for the functions; their EC2 endpoint keeps its own time"
    click.echo(f"It is {format_time(now)}{whose}.", err=True)


@main.command("break", epilog=f"KIND is one of: {', '.join(KINDS)}. Default: {FaultKind.INTERNAL}.")
@click.argument("region")
@click.argument(
    "kind", type=click.Choice(KINDS), default=FaultKind.INTERNAL.value, metavar="[KIND]"
)
def break_(region: str, kind: str) -> None:
    """Make EC2 calls in REGION fail, until you mend it."""
    box = simulating_sandbox()
    check_region(box, region)
    box.ec2.break_calls(FaultKind(kind), region)
    click.echo(
        f"EC2 in {region} now fails ({kind}). To repair it: python -m sandbox mend {region}",
        err=True,
    )


@main.command()
@click.argument("region", required=False)
def mend(region: str | None) -> None:
    """End the faults of REGION, or of every region."""
    box = simulating_sandbox()
    if region is None:
        box.ec2.clear_faults()
        click.echo("EC2 works in every region.", err=True)
        return
    check_region(box, region)
    box.ec2.mend(region)
    click.echo(f"EC2 works in {region}.", err=True)


@main.command()
@click.argument("file", type=click.File())
def event(file: TextIO) -> None:
    """Send an EventBridge event of EC2, with its envelope, from a JSON FILE, or - for stdin."""
    try:
        envelope = json.load(file)
    except ValueError as error:
        raise click.BadParameter(f"{file.name} is not JSON: {error}", param_hint="FILE") from error
    running_sandbox().send_event(envelope)


@main.command()
@click.argument("name")
@click.argument("value")
def secret(name: str, value: str) -> None:
    """Store a secret, such as a webhook URL, for the functions."""
    running_sandbox().put_secret(name, value)


@main.group(invoke_without_command=True)
@click.option(
    "--follow", "-f", is_flag=True, help="Keep running, and print requests as they arrive."
)
@click.pass_context
def sink(context: click.Context, follow: bool) -> None:
    """Print the requests to the local destination, one line of JSON each."""
    if context.invoked_subcommand is not None:
        return
    box = running_sandbox()
    click.echo(f"Webhooks can be sent to {box.sink.url('/<any path>')}", err=True)
    shown = _put_requests(box.sink, 0)
    while follow:
        time.sleep(0.5)
        shown = _put_requests(box.sink, shown)


def _put_requests(destination: Sink, shown: int) -> int:
    """Print all requests but the first ones; return the total number."""
    requests = destination.requests()
    for request in requests[shown:]:
        click.echo(json.dumps(_for_people(request), ensure_ascii=False))
    return len(requests)


def _for_people(request: ReceivedRequest) -> dict[str, Any]:
    """A request, with its body as JSON if possible."""
    try:
        return {**request_to_json(request), "body": request.json}
    except ValueError:
        return request_to_json(request)


class ReplyType(click.ParamType[Reply]):
    """A reply: ``ok``, ``down``, ``hang``, or a status."""

    name = "reply"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> Reply:
        named = {"ok": OK, "down": DOWN, "hang": Reply(seconds=60)}
        is_status = value.isdecimal() and 200 <= int(value) <= 599
        if value not in named and not is_status:
            allowed = "ok, down, hang, or a status from 200 to 599"
            self.fail(f"{value!r} must be {allowed}.", param, ctx)
        return named.get(value) or Reply(int(value), "")


@sink.command()
@click.argument("reply", metavar="{ok|down|hang|STATUS}", type=ReplyType())
@click.option("--path", default=EVERYWHERE, help="The URL; default: all others.")
@click.option("--retry-after", type=click.IntRange(0), help="Seconds.")
def answer(reply: Reply, path: str, retry_after: int | None) -> None:
    """Set the response for a path from now on: ok, down, hang, or a status such as 429."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    running_sandbox().sink.answer(replace(reply, headers=headers), path)


@main.command()
@click.argument("function", required=False)
def logs(function: str | None) -> None:
    """Print the logs of all functions, or of one FUNCTION, such as collect."""
    box = running_sandbox()
    names = {
        key.removesuffix("FunctionName"): value
        for key, value in box.outputs.items()
        if key.endswith("FunctionName")
    }
    wanted = (function or "").replace("_", "").lower()
    chosen = {name: value for name, value in names.items() if wanted in ("", name.lower())}
    if not chosen:
        known = ", ".join(sorted(names))
        raise click.ClickException(f"Unknown function {function}. The functions are {known}.")
    for name, value in chosen.items():
        for line in _log_lines(box, value):
            click.echo(f"{name}: {line}")


def _log_lines(box: Sandbox, function_name: str) -> list[str]:
    client = box.client("lambda")
    configuration = client.get_function_configuration(FunctionName=function_name)
    default = f"/aws/lambda/{function_name}"
    group = configuration.get("LoggingConfig", {}).get("LogGroup", default)
    logs = box.client("logs")
    try:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"].rstrip() for page in pages for event in page["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []


@main.command()
def down() -> None:
    """Stop the sandbox and discard its state."""
    box = Sandbox.find()
    if box is not None:
        box.down()
    click.echo("The sandbox is down.", err=True)


for command in (watch, sell):
    main.add_command(command)


def run() -> int:
    """Run the command; print failures as sentences."""
    end_as_interrupted()
    try:
        main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except (SandboxError, ControlError) as error:
        click.echo(f"Error: {error}", err=True)
        return 1
    except (KeyboardInterrupt, click.Abort):
        return 130
    return 0
