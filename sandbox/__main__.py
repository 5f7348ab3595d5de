"""``python -m sandbox``: the whole stack on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from sandbox.box import FLEET, Sandbox
from sandbox.ec2.control import ControlError
from sandbox.errors import SandboxError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The whole stack on this machine: an embedded AWS, the deployed stack, a simulated EC2."""


def _running() -> Sandbox:
    box = Sandbox.find()
    if box is None:
        raise click.ClickException("The sandbox is not running. Start it: python -m sandbox up")
    return box


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the embedded AWS.")
@click.option(
    "--fleet",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=FLEET,
    help="What EC2 has; default: a bundled organization.",
)
def up(port: int | None, fleet: Path) -> None:
    """Start it and deploy the stack; a second time changes nothing."""
    if Sandbox.find() is not None:
        click.echo("The sandbox is running already.", err=True)
        return
    box = Sandbox.up(port=port, fleet=fleet)
    click.echo(f"The sandbox is up: {box.environment()['AWS_ENDPOINT_URL']}", err=True)


@main.command()
def env() -> None:
    """Print what a program needs to use it as AWS."""
    for name, value in _running().environment().items():
        click.echo(f"{name}={value}")


@main.command()
def collect() -> None:
    """Run the collection now; exit status 3 where scopes failed."""
    manifest = _running().collect()
    for scope in manifest["scopes"]:
        click.echo(scope_line(scope))
    counts = manifest["counts"]
    click.echo(
        f"{counts['succeeded']} of {counts['scopes']} scopes, {counts['reservations']} "
        f"reservations, {counts['changed']} changed, {counts['events']} events",
        err=True,
    )
    sys.exit(3 if counts["failed"] else 0)


def scope_line(scope: dict[str, Any]) -> str:
    """One scope of a run's manifest, for people."""
    where = f"{scope['account_id']} {scope['region']:<15}"
    if scope["error"]:
        return f"{where} failed  {scope['error']['code']}: {scope['error']['message']}"
    return f"{where} ok      {scope['reservations']:>5} reservations, {scope['changed']} changed"


@main.command()
@click.argument("function", required=False)
def logs(function: str | None) -> None:
    """Print the functions' logs, or those of FUNCTION, such as collect."""
    box = _running()
    names = {
        key.removesuffix("FunctionName"): value
        for key, value in box.outputs.items()
        if key.endswith("FunctionName")
    }
    wanted = (function or "").replace("_", "").lower()
    chosen = {name: value for name, value in names.items() if wanted in ("", name.lower())}
    if not chosen:
        known = ", ".join(sorted(names))
        raise click.ClickException(f"There is no function {function}; there are {known}.")
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
    """Stop it and forget its state."""
    box = Sandbox.find()
    if box is not None:
        box.down()
    click.echo("The sandbox is down.", err=True)


def run() -> int:
    """The command with its failures as sentences."""
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


if __name__ == "__main__":
    sys.exit(run())
