"""``truffle offerings``: capacity blocks that can be bought."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from truffle import clock
from truffle.cli.options import (
    INSTANCE_TYPE,
    Choice,
    Common,
    common,
    output_option,
    regions_option,
)

if TYPE_CHECKING:
    from truffle.core.offerings import Wanted
    from truffle.sources.offerings import Market

FORMATS = ("table", "wide", "json", "yaml", "csv")


@click.command("offerings")
@click.option(
    "--instance-type",
    "--instance-types",
    "instance_type",
    required=True,
    type=INSTANCE_TYPE,
    help="The type, or an UltraServer type (u-p6e-gb200x72).",
)
@click.option(
    "--count", metavar="N", default="1", show_default=True, help="Instances of the block, 1 to 64."
)
@click.option(
    "--days",
    metavar="DAYS",
    help="How long, in days or a range (5..10); rounded up to what AWS sells.",
)
@click.option("--duration-hours", metavar="HOURS", help="How long, in hours, instead of --days.")
@click.option(
    "--start-after",
    "--start-date",
    "start_after",
    metavar="TIME",
    help="The earliest start, such as 2026-12-01, tomorrow or 36h.",
)
@click.option("--start", metavar="RANGE", help="When to start: 2026-12-05..2026-12-20.")
@click.option("--end-by", metavar="TIME", help="The latest end; a day means its whole day.")
@click.option(
    "--sort",
    type=Choice(["price", "hourly", "start"]),
    help="By the price of the whole block or of an instance-hour, or by the start."
    "  [default: price; hourly for ranges]",
)
@regions_option()
@output_option(FORMATS)
@common(has_source=False)
def command(
    common: Common, output: str, sort: str | None, regions: tuple[str, ...], **wish: Any
) -> int:
    """Find capacity blocks that can be bought.

    Asks EC2 in all regions at once, with your credentials, and buys nothing. AWS sells blocks in
    steps of 1 day to 14 days, then of 7 days to 182 days, and allows few of these questions: 10,
    then one every 7 seconds, in each region.

    \b
    truffle offerings --instance-type p5.48xlarge --count 8 --days 7
    truffle offerings --instance-type p5en.48xlarge --days 2 --sort start -r us-east-2,us-west-2
    truffle offerings --instance-type p5.48xlarge --days 5..10 --start 2026-12-05..2026-12-20

    Exit status: 0 all regions answered, 3 some failed, 1 all failed or none sells this type, 2 bad
    usage.
    """
    from truffle.arguments import wanted_block
    from truffle.cli.output import progress, put_data, tell_closed, tell_failures, tell_times
    from truffle.query import ask

    wanted = wanted_block(**wish)
    sort = sort or ("hourly" if wanted.is_flexible else "price")
    _tell_rounding(wanted, wish)
    tell_times({name: wish[name] for name in ("start_after", "end_by")})
    named = ask(regions=regions).regions
    client = common.client(named)
    with progress("Asking", named, common.is_verbose) as tick:
        market = client.market(wanted, named, tick)
    offerings = market.offerings(sort)
    if output in ("table", "wide"):
        _put_table(market, sort, output == "wide")
    else:
        items = [offering.to_json() for offering in offerings]
        put_data(output, items, _columns())
    _tell_outcomes(market)
    tell_closed(market.closed)
    status = tell_failures(market.failures, len(market.regions), clock.now())
    return 1 if market.is_sold_nowhere else status


def _put_table(market: Market, sort: str, is_wide: bool) -> None:
    from truffle.cli.output import put, style_of_stdout
    from truffle.core.windows import best_window
    from truffle.render.offerings import render

    offerings, style = market.offerings(sort), style_of_stdout()
    if offerings:
        best = best_window(offerings) if market.wanted.is_flexible else None
        put(render(offerings, replace(style, width=None) if is_wide else style, best))
    elif len(market.failures) < len(market.regions):
        put("No offerings found")


def _columns() -> list[str]:
    from truffle.core.offerings import Offering

    blank = Offering("", "", None, "", None, None, None, None, None, None)
    return list(blank.to_json())


def _tell_rounding(wanted: Wanted, wish: dict[str, Any]) -> None:
    from truffle.arguments import RANGE
    from truffle.cli.output import tell
    from truffle.render.words import counted

    days, hours = wish["days"], wish["duration_hours"]
    if isinstance(days, str) and RANGE in days:
        lengths = ", ".join(f"{each // 24}" for each in reversed(wanted.lengths))
        tell(f"Note: the lengths requested are {lengths} days.")
    elif wanted.duration_hours != (float(hours) if days is None else float(days) * 24):
        given = f"{hours} hours" if days is None else f"{days} days"
        tell(
            f"Note: {given} rounded up to {counted(wanted.duration_hours // 24, 'day')} "
            f"({wanted.duration_hours} h): AWS sells whole days to 14, then weeks to 182 days."
        )


def _length(wanted: Wanted) -> str:
    from truffle.render.words import counted

    longest = counted(wanted.duration_hours // 24, "day")
    return f"{wanted.lengths[-1] // 24} to {longest}" if wanted.shorter_hours else longest


def _tell_outcomes(market: Market) -> None:
    """Tell apart: none now, not sold here, asked too often."""
    from truffle.cli.output import tell
    from truffle.ec2.offerings import RegionOutcome

    name = market.wanted.instance_type
    if market.is_sold_nowhere:
        asked = ", ".join(market.of(RegionOutcome.NOT_SOLD))
        tell(f"Error: {name} is not sold as capacity blocks in {asked}.")
    elif not market.offerings("price") and market.of(RegionOutcome.ANSWERED):
        where = ", ".join(market.of(RegionOutcome.ANSWERED))
        fewer = (
            " Try --count 1, other dates or another duration."
            if market.wanted.count > 1
            else (" Try other dates or another duration.")
        )
        tell(
            f"Note: none for sale now: {market.wanted.count} x {name} for "
            f"{_length(market.wanted)} in {where}.{fewer}"
        )
    if market.of(RegionOutcome.LIMITED):
        where = ", ".join(market.of(RegionOutcome.LIMITED))
        tell(
            f"Warning: asked too often in {where}: AWS allows 10 of these calls, then one every 7 "
            "seconds, over all callers of the account. Whether blocks are for sale there is not "
            "known; ask again in a minute."
        )
