"""``truffle usage``: reserved, used and idle hours, and their cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from truffle.cli.options import (
    Choice,
    Common,
    Sources,
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
@click.option(
    "--bill",
    metavar="TABLE",
    help="With --by reservation: show billed costs from this CUR 2.0 export, by Athena or --local.",
)
@click.option("--local", type=FOLDER, metavar="FOLDER", help="With --bill: a copy of the bucket.")
@click.option(
    "--stack",
    envvar="TRUFFLE_STACK",
    help="With --bill: the stack whose Athena runs the query. [default: truffle]",
)
@filter_options
@output_option(FORMATS)
@common(Sources.STACK)
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
    """Show reserved, used and idle hours, and their cost.

    Hours are instance-hours. Time without a listing for two periods is unobserved, and not counted
    elsewhere. Costs come from the price list or a fee, - if no price is known. --bill adds the
    unblended cost of your bill, - if the bill has no line.

    \b
    truffle usage --by tag:Team
    truffle usage --since 2026-10-01 --until 2026-11-01 --interval total --by owner,accelerator
    truffle usage --blocks --by reservation -o csv > usage.csv
    """
    from truffle.arguments import moment
    from truffle.cli.output import show_times, show_warnings
    from truffle.core.model import TYPES
    from truffle.core.wording import counted

    common.needs_api("Usage hours")
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
        bill=_export(bill, local, stack),
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


def _export(table: str | None, local: Path | None, stack: str | None) -> BillExport | None:
    """Raises UsageError for flags that need --bill."""
    from truffle.client.bill import DEFAULT_STACK, BillExport

    if table is not None:
        return BillExport(table, local, stack or DEFAULT_STACK)
    if local is not None:
        raise click.UsageError("--local requires --bill.", click.get_current_context())
    return None


def _show(output: str, usage: Any) -> None:
    from dataclasses import replace

    from truffle.cli.output import put, put_data, style_of_stdout
    from truffle.render.usage import Bills, flat, flat_names, render

    if output in ("table", "wide"):
        style = style_of_stdout()
        shown = replace(style, width=None) if output == "wide" else style
        bills = Bills(usage.billed_fees, usage.bill, usage.billed_elsewhere)
        put(render(usage, usage.period, usage.by, shown, bills, usage.account_names))
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
