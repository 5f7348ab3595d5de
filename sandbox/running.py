"""The running sandbox of a command, which must simulate EC2 for some commands."""

from __future__ import annotations

import click

from sandbox.box import Sandbox
from truffle.core.suggest import nearest


def running_sandbox() -> Sandbox:
    box = Sandbox.find()
    if box is None:
        raise click.ClickException("The sandbox is not running. Start it: python -m sandbox up")
    return box


def simulating_sandbox() -> Sandbox:
    """A running sandbox whose EC2 can be broken."""
    box = running_sandbox()
    if not box.simulates_ec2:
        raise click.ClickException(
            "The functions query your own EC2 endpoint, where the sandbox cannot cause faults."
        )
    return box


def check_region(box: Sandbox, region: str) -> None:
    known = sorted(box.ec2.fleet()["regions"])
    if region not in known:
        near = nearest(region, known)
        hint = f" Did you mean {near}?" if near else ""
        raise click.BadParameter(
            f"{region!r} is not a region of the fleet.{hint} It has {', '.join(known)}.",
            param_hint="REGION",
        )
