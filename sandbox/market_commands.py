"""The commands about the market of capacity blocks."""

from __future__ import annotations

import sys
from typing import Any

import click

from sandbox.running import check_region, running_sandbox, simulating_sandbox
from truffle.core.wording import counted


@click.command()
def watch() -> None:
    """Run all watches now; exit status 3 if a region could not be asked."""
    answers = running_sandbox().watch()
    for answer in answers:
        click.echo(answer_line(answer))
    unknown = sum(answer["outcome"] in ("failed", "not-asked") for answer in answers)
    click.echo(
        f"{len(answers) - unknown} of {counted(len(answers), 'answer')}, "
        f"{counted(sum(answer['events'] for answer in answers), 'event')}",
        err=True,
    )
    sys.exit(3 if unknown else 0)


def answer_line(answer: dict[str, Any]) -> str:
    """A region's answer to a watch as a line of text."""
    where = f"{answer['watch']} {answer['region']:<15} {answer['outcome']:<12}"
    if answer["outcome"] in ("failed", "not-asked"):
        code = f"{answer['code']}: " if answer["code"] else ""
        return f"{where} {code}{answer['message']}"
    offerings = counted(answer["offerings"], "offering")
    above = answer["offerings"] - answer["within_limit"]
    limit = f", {above} above the price limit" if above else ""
    return f"{where} {offerings}{limit}, {counted(answer['events'], 'event')}"


@click.command()
@click.argument("region")
@click.argument("instance_type")
@click.argument("zone")
@click.argument("count", type=click.IntRange(0, 1000))
@click.option(
    "--price", default="31.464", help="The price per instance-hour, in USD.", show_default=True
)
@click.option("--start", default="+1d@11:30", help="The earliest start.", show_default=True)
def sell(region: str, instance_type: str, zone: str, count: int, price: str, start: str) -> None:
    """Put COUNT instances on sale as capacity blocks in ZONE of REGION; 0 removes them."""
    box = simulating_sandbox()
    check_region(box, region)
    market = [
        offer
        for offer in box.ec2.fleet()["regions"][region].get("Market", ())
        if (offer["InstanceType"], offer["AvailabilityZone"]) != (instance_type, zone)
    ]
    offer = {
        "InstanceType": instance_type,
        "AvailabilityZone": zone,
        "Count": count,
        "FirstStart": start,
        "HourlyPrice": price,
    }
    box.ec2.set_market(region, [*market, *([offer] if count else [])])
    click.echo(f"{region} sells {len(market) + bool(count)} kinds of capacity blocks.", err=True)
