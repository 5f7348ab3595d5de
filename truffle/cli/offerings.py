"""``truffle offerings``: capacity blocks for sale."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from truffle import clock
from truffle.cli.options import (
    INSTANCE_TYPE,
    Choice,
    Common,
    Sources,
    common,
    output_option,
    regions_option,
)

if TYPE_CHECKING:
    from truffle.core.offerings import Wanted
    from truffle.sources.offerings import LiveOfferings

FORMATS = ("table", "wide", "json", "yaml", "csv")


@click.command("offerings")
@click.option(
    "--instance-type",
    "--instance-types",
    "instance_type",
    type=INSTANCE_TYPE,
    help="The type, up to 10 alternative types, or an UltraServer type (u-p6e-gb200x72). "
    "From a stack: types or globs.",
)
@click.option("--count", metavar="N", help="Instances of the block, 1 to 64.  [default: 1]")
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
@click.option(
    "--start", metavar="RANGE", help="The range of starts, such as 2026-12-05..2026-12-20."
)
@click.option("--end-by", metavar="TIME", help="The latest end; a day means its whole day.")
@click.option(
    "--sort",
    type=Choice(["price", "hourly", "start"]),
    help="Sort by the price of the block, by the price per instance-hour, or by the start."
    "  [default: price; hourly for ranges]",
)
@click.option(
    "--include",
    type=Choice(["training-plans"]),
    multiple=True,
    help="Also search SageMaker's training plans.",
)
@click.option(
    "--matrix", is_flag=True, help="A table of types by region: lowest price, earliest start."
)
@click.option("--history", is_flag=True, help="From a stack: price and lead time over time.")
@click.option("--watch", metavar="NAMES", help="From a stack: only what these watches found.")
@click.option("--since", metavar="TIME", help="From a stack: only what was found since this time.")
@click.option("--until", metavar="TIME", help="From a stack: only what was found before this time.")
@regions_option()
@output_option(FORMATS)
@common(Sources.EC2_UNLESS_NAMED)
def command(
    common: Common,
    output: str,
    sort: str | None,
    regions: tuple[str, ...],
    include: tuple[str, ...],
    matrix: bool,
    history: bool,
    watch: str | None,
    since: str | None,
    until: str | None,
    **request: Any,
) -> int:
    """Find capacity blocks for sale.

    Queries EC2 in all regions at once, with your credentials; never buys. AWS sells blocks in steps
    of 1 day up to 14 days, then of 7 days up to 182 days, and allows few of these requests: 10,
    then one every 7 seconds, in each region. With --source api, or without a type, shows what the
    watches of the deployed stack found.

    \b
    truffle offerings --instance-type p5.48xlarge --count 8 --days 7
    truffle offerings --instance-type p5en.48xlarge --days 2 --sort start -r us-east-2,us-west-2
    truffle offerings --instance-type p5.48xlarge --days 5..10 --start 2026-12-05..2026-12-20
    truffle offerings --instance-types p5.48xlarge,p5en.48xlarge --days 2 --matrix
    truffle offerings --instance-type p5.48xlarge --days 7 --include training-plans
    truffle offerings --matrix
    truffle offerings --history --since 30d -o csv

    Exit status: 0 all regions responded, 3 some failed, 1 all failed or none sells this type, 2 bad
    usage.
    """
    of_a_stack = {"watch": watch, "since": since, "until": until}
    names_nothing = all(value is None for value in request.values())
    if common.is_api or history or names_nothing:
        chosen = {"watches": watch, "since": since, "until": until, **request}
        chosen |= {"regions": regions, "sort": sort}
        _refuse_include(include)
        return _watched(common, output, chosen, matrix=matrix, history=history)
    from truffle.arguments import check_of_a_stack, wanted_block
    from truffle.cli.output import progress, put_data, show_closed, show_failures, show_times
    from truffle.query import list_query

    if request["instance_type"] is None:
        raise click.MissingParameter(param_type="option", param_hint="--instance-type")
    check_of_a_stack(**of_a_stack)
    wanted = wanted_block(**{**request, "count": request["count"] or "1"})
    sort = sort or ("hourly" if wanted.is_flexible else "price")
    _show_rounding(wanted, request)
    show_times({name: request[name] for name in ("start_after", "end_by")})
    named = list_query(regions=regions).regions
    client = common.client(named)
    with progress("Querying", named, common.is_verbose) as tick:
        market = client.market(wanted, named, tick, include)
    offerings = market.offerings(sort)
    if matrix:
        _put_matrix(market, output)
    elif output in ("table", "wide"):
        _put_table(market, sort, output == "wide")
    else:
        items = [offering.to_json() for offering in offerings]
        put_data(output, items, _columns())
    _show_outcomes(market)
    show_closed(market.closed)
    status = show_failures(market.failures, len(market.regions), clock.now())
    return 1 if market.is_sold_nowhere else status


def _refuse_include(include: tuple[str, ...]) -> None:
    """Raises BadArgument: watches search only for capacity blocks."""
    from truffle.query import BadArgument

    if include:
        raise BadArgument("include", include[0], "Training plans are searched live, by type.")


def _watched(
    common: Common, output: str, chosen: dict[str, Any], *, matrix: bool, history: bool
) -> int:
    from truffle.cli import watched

    common.needs_api("Offerings found by watches")
    client = replace(common, source="api").client()
    if history:
        return watched.show_history(client, output, chosen)
    return watched.show_finds(client, output, chosen, is_matrix=matrix)


def _put_matrix(market: LiveOfferings, output: str) -> None:
    from truffle.cli.watched import put_matrix
    from truffle.sources.market import live_matrix

    put_matrix(live_matrix(market, clock.now()), output)


def _put_table(market: LiveOfferings, sort: str, is_wide: bool) -> None:
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

    blank = Offering(
        offering_id="",
        instance_type="",
        instance_count=None,
        region="",
        availability_zone=None,
        start_date=None,
        end_date=None,
        duration_hours=None,
        upfront_fee=None,
        currency_code=None,
    )
    return list(blank.to_json())


def _show_rounding(wanted: Wanted, request: dict[str, Any]) -> None:
    from truffle.arguments import RANGE
    from truffle.cli.output import note
    from truffle.core.wording import counted

    days, hours = request["days"], request["duration_hours"]
    if isinstance(days, str) and RANGE in days:
        lengths = ", ".join(f"{each // 24}" for each in reversed(wanted.lengths))
        note(f"Note: searched for blocks of {lengths} days.")
    elif wanted.duration_hours != (float(hours) if days is None else float(days) * 24):
        given = f"{hours} hours" if days is None else f"{days} days"
        note(
            f"Note: {given} rounded up to {counted(wanted.duration_hours // 24, 'day')} "
            f"({wanted.duration_hours} h): AWS sells whole days to 14, then weeks to 182 days."
        )


def _length(wanted: Wanted) -> str:
    from truffle.core.wording import counted

    longest = counted(wanted.duration_hours // 24, "day")
    return f"{wanted.lengths[-1] // 24} to {longest}" if wanted.shorter_hours else longest


def _show_outcomes(market: LiveOfferings) -> None:
    """Show the outcomes of regions: none now, not sold here, or throttled."""
    from truffle.cli.output import note
    from truffle.ec2.offerings import RegionOutcome

    name = " or ".join(market.wanted.types)
    for each in market.wanted.types:
        if regions := [it.region for it in market.regions if each in it.unknown_types]:
            note(f"Note: {each} is not sold as capacity blocks in {', '.join(regions)}.")
    if market.is_sold_nowhere:
        requested = ", ".join(market.of(RegionOutcome.NOT_SOLD))
        note(f"Error: {name} is not sold as capacity blocks in {requested}.")
    elif not market.offerings("price") and market.of(RegionOutcome.ANSWERED):
        where = ", ".join(market.of(RegionOutcome.ANSWERED))
        fewer = (
            " Try --count 1, other dates or another duration."
            if market.wanted.count > 1
            else (" Try other dates or another duration.")
        )
        note(
            f"Note: not for sale now: {market.wanted.count} x {name} for "
            f"{_length(market.wanted)} in {where}.{fewer}"
        )
    if market.of(RegionOutcome.LIMITED):
        where = ", ".join(market.of(RegionOutcome.LIMITED))
        note(
            f"Warning: throttled in {where}: AWS allows 10 of these calls, then one every 7 "
            "seconds, across all callers of the account. Whether blocks are for sale there is "
            "unknown; retry in a minute."
        )
