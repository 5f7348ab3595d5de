"""``truffle usage``: what was held, used and idle, and what it cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from truffle.client.bill import BillExport

FORMATS = ("table", "wide", "json", "yaml", "csv")
FOLDER = click.Path(path_type=Path, file_okay=False)


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
    help="The length of a row, in UTC.",
)
@click.option(
    "--by",
    multiple=True,
    metavar="KEYS",
    help="Groups, comma-separated: reservation, account, owner, region, instance_type, "
    "accelerator, type, tag:KEY. [default: type]",
)
@kind_options
@click.option("--prices", is_flag=True, help="Show which price of which source was used.")
@click.option(
    "--bill",
    metavar="TABLE",
    help="With --by reservation: show what this CUR 2.0 export bills, asked of Athena or --local.",
)
@click.option("--local", type=FOLDER, metavar="FOLDER", help="With --bill: a copy of the bucket.")
@click.option(
    "--stack", envvar="TRUFFLE_STACK", help="With --bill: whose Athena to ask. [default: truffle]"
)
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
    bill: str | None,
    local: Path | None,
    stack: str | None,
    **filters: Any,
) -> int:
    """Show what was held, used and idle, and what it cost.

    Hours are instance-hours. What was not listed for two periods is unobserved, and in no other
    number. A cost is - where no price is known: it is that of the price list or a fee. --bill sets
    the unblended cost of your bill beside it, - where the bill has no line.

    \b
    truffle usage --by tag:Team
    truffle usage --since 2026-10-01 --until 2026-11-01 --interval total --by owner,accelerator
    truffle usage --blocks --by reservation -o csv > usage.csv
    """
    from truffle.arguments import moment
    from truffle.cli.output import tell_all, tell_times
    from truffle.core.model import TYPES

    common.needs_api("Usage")
    start, end = (
        moment(name, text, ahead=False) for name, text in (("since", since), ("until", until))
    )
    tell_times({"since": since, "until": until}, ahead=False)
    types = asked_types(filters) or list(TYPES)
    client = common.client()
    usage = client.usage(
        start,
        end,
        interval,
        by or ("type",),
        reservation_type=types,
        bill=_export(bill, local, stack),
        **{**filters, "active_only": bool(filters["active_only"])},
    )
    if prices:
        _show_prices(output, usage.prices)
    else:
        _show(output, usage)
    if usage.missing_days:
        count = len(usage.missing_days)
        tell_all([f"No snapshots of {count} of the days, from {usage.missing_days[0]} on."])
    tell_all(usage.warnings)
    return 0


def _export(table: str | None, local: Path | None, stack: str | None) -> BillExport | None:
    """Raises UsageError for flags that need --bill."""
    from truffle.client.bill import DEFAULT_STACK, BillExport

    if table is not None:
        return BillExport(table, local, stack or DEFAULT_STACK)
    if local is not None:
        raise click.UsageError("--local needs --bill.", click.get_current_context())
    return None


def _show(output: str, usage: Any) -> None:
    from dataclasses import replace

    from truffle.cli.output import put, put_data, style_of_stdout
    from truffle.render.usage import Bills, flat, flat_names, render

    if output in ("table", "wide"):
        style = style_of_stdout()
        shown = replace(style, width=None) if output == "wide" else style
        bills = Bills(usage.billed_fees, usage.bill, usage.billed_elsewhere)
        put(render(usage, usage.period, usage.by, shown, bills))
    elif output == "csv":
        put_data(output, [flat(row) for row in usage], flat_names(usage.by, usage.bill))
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
