"""``truffle usage``: reserved, used and idle hours, and their cost."""

from __future__ import annotations

from typing import Any

import click

from truffle.cli.options import (
    Choice,
    Common,
    asked_types,
    common,
    filter_options,
    kind_options,
    output_option,
)

FORMATS = ("table", "wide", "json", "yaml", "csv")


@click.command("usage")
@click.option(
    "--since",
    metavar="TIME",
    help="A time, a date, yesterday, or 30d ago. [default: 7 days before the end]",
)
@click.option("--until", metavar="TIME", help="The end. [default: the last midnight, UTC]")
@click.option(
    "--interval",
    type=Choice(["hour", "day", "week", "month", "total"]),
    default="day",
    show_default=True,
    help="The interval of a row, in UTC.",
)
@click.option(
    "--by",
    multiple=True,
    metavar="KEYS",
    help="Groups, comma-separated: reservation, account, owner, region, instance_type, "
    "accelerator, type, tag:KEY. [default: type]",
)
@kind_options
@click.option("--prices", is_flag=True, help="Show the prices used, with their source.")
@filter_options
@output_option(FORMATS)
@common(is_api=True)
def command(
    common: Common,
    output: str,
    since: str | None,
    until: str | None,
    interval: str,
    by: tuple[str, ...],
    prices: bool,
    **filters: Any,
) -> int:
    """Show reserved, used and idle hours, and their cost.

    Hours are instance-hours. Time without a listing for two periods is unobserved, and not counted
    elsewhere. A cost is - if no price is known.

    \b
    truffle usage --by tag:Team
    truffle usage --since 2026-10-01 --until 2026-11-01 --interval total --by owner,accelerator
    truffle usage --blocks --by reservation -o csv > usage.csv
    """
    from truffle.arguments import moment
    from truffle.cli.output import show_times, show_warnings
    from truffle.core.model import TYPES
    from truffle.render.words import counted

    common.needs_api("Usage")
    start, end = (
        moment(name, text, ahead=False) for name, text in (("since", since), ("until", until))
    )
    show_times({"since": since, "until": until}, ahead=False)
    types = asked_types(filters) or list(TYPES)
    client = common.client()
    usage = client.usage(
        start,
        end,
        interval,
        by or ("type",),
        reservation_type=types,
        **{**filters, "active_only": bool(filters["active_only"])},
    )
    if prices:
        _show_prices(output, usage.prices)
    else:
        _show(output, usage)
    if usage.missing_days:
        count = len(usage.missing_days)
        show_warnings(
            [f"No snapshots on {counted(count, 'day')}, the first of them {usage.missing_days[0]}."]
        )
    show_warnings(usage.warnings)
    return 0


def _show(output: str, usage: Any) -> None:
    from dataclasses import replace

    from truffle.cli.output import put, put_data, style_of_stdout
    from truffle.core.usage import Period
    from truffle.core.usage_axes import Interval
    from truffle.render.usage import flat, flat_names, render

    if output in ("table", "wide"):
        style = style_of_stdout()
        shown = replace(style, width=None) if output == "wide" else style
        period = Period(usage.since, usage.until, Interval(usage.interval))
        put(render(usage, period, usage.by, shown, usage.billed_fees))
    elif output == "csv":
        put_data(output, [flat(row) for row in usage], flat_names(usage.by))
    else:
        put_data(output, [row.to_json() for row in usage])


def _show_prices(output: str, prices: list[Any]) -> None:
    from truffle.cli.output import put, put_data, style_of_stdout
    from truffle.render.usage import render_prices

    if output in ("table", "wide"):
        put(render_prices(prices, style_of_stdout()))
    else:
        names = ("type", "instance_type", "region", "platform", "tenancy")
        numbers = ("per_instance_hour", "currency", "source", "as_of")
        put_data(output, prices, [*names, *numbers])
