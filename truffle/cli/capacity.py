"""``truffle capacity``: the reservations of the account, or of all accounts that a stack
collects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from truffle import clock
from truffle.cli.options import (
    COLUMNS,
    SORT,
    Common,
    asked_types,
    common,
    filter_options,
    kind_options,
    output_option,
)
from truffle.core.declared_filters import DECLARED, TIMES

if TYPE_CHECKING:
    from truffle.render.columns import View

FORMATS = ("table", "wide", "json", "yaml", "csv", "terraform")

_TABLES = ("table", "wide")


@click.command("capacity")
@kind_options
@filter_options
@click.option("--sort", type=SORT, help="A field of the JSON; -field for descending.")
@click.option("--limit", metavar="N", help="The first N rows, from 1 to 1000.")
@click.option(
    "--columns",
    multiple=True,
    type=COLUMNS,
    help="Only these columns, comma-separated: fields of the JSON; for a table also name, az, end.",
)
@click.option(
    "--as-of",
    metavar="TIME",
    help="What was held then: a time, a date, yesterday, or 7d ago. Needs a deployed stack.",
)
@click.option("--summary", is_flag=True, help="Show only the totals.")
@click.option(
    "--prices",
    metavar="FILE",
    help="An alerts.yaml with prices, which take precedence over the deployed stack's.",
)
@output_option(FORMATS)
@common()
def command(
    common: Common,
    output: str,
    columns: tuple[str, ...],
    as_of: str | None,
    summary: bool,
    prices: str | None,
    **filters: Any,
) -> int:
    """List your ODCRs and capacity blocks.

    Lists what you hold, in all regions at once; `truffle offerings` finds what is for sale. The
    default order is always the same: ODCRs by available instances, blocks by start.

    \b
    truffle capacity --blocks --instance-types p5.48xlarge,p4d.24xlarge
    truffle capacity --odcr --gpu-only --available-only
    truffle capacity --blocks --ends-before 7d --sort end_date
    truffle capacity --gpu H100 -r 'us-*'
    truffle capacity --as-of 2026-11-03T12:00:00Z
    truffle capacity --blocks -o json > capacity-blocks.json

    Exit status: 0 all regions responded, 3 some failed, 1 all failed or the request failed, 2 bad
    usage.
    """
    from truffle.cli.output import (
        progress,
        show_age,
        show_closed,
        show_failures,
        show_times,
        show_warnings,
    )
    from truffle.core.kinds.registry import DEFAULT_TYPE
    from truffle.errors import TruffleError
    from truffle.query import list_query

    types = asked_types(filters) or [DEFAULT_TYPE]
    query = list_query(reservation_type=types, as_of=as_of, **filters)
    if not common.is_api:
        query.check_live()
    view = _view(filters, columns, types, output, prices)
    if summary:
        view = _of_totals(view, output)
    show_times({name: filters[name] for name in TIMES})
    show_times({"as_of": as_of}, ahead=False)
    client = common.client(query.regions)
    try:
        with progress("Querying", query.regions, common.is_verbose) as tick:
            inventory = client.inventory(query, tick)
    except TruffleError as error:
        if error.failures and output not in _TABLES:
            _show(output, query.answer([]), types, view)
        raise
    answer = query.answer(inventory.reservations)
    view, problems = _priced(view, client, answer, output)
    if output not in _TABLES or inventory.scopes > len(inventory.failures) or answer.matches:
        _show(output, answer, types, view)
    if common.is_api and output in _TABLES:
        show_age(inventory.observed_at, query.as_of)
    show_warnings([*query.warnings, *inventory.warnings, *problems])
    show_closed(inventory.closed)
    if not answer.matches and not inventory.failures:
        _show_why_empty(filters, query)
    moment = query.as_of or clock.now()
    return show_failures(inventory.failures, inventory.scopes, moment)


def _view(
    filters: dict[str, Any],
    columns: tuple[str, ...],
    types: Sequence[str],
    output: str,
    prices: str | None,
) -> View:
    """The columns to show: the named ones, else those of the requested fields first.

    Raises BadArgument.
    """
    from truffle.cli.gathering import own_prices
    from truffle.core.suggest import nearest
    from truffle.query import BadArgument
    from truffle.render.columns import View, column_names
    from truffle.render.data import field_names

    names = [part.strip() for text in columns for part in text.split(",")]
    if names and output not in (*_TABLES, "csv"):
        allowed = f"Only tables and CSV have columns: omit -o {output}."
        raise BadArgument("columns", "", allowed)
    known = field_names(types) if output == "csv" else column_names()
    for name in names:
        if name not in known:
            allowed = f"The columns are {', '.join(known)}."
            raise BadArgument("columns", name, allowed, nearest(name, known))
    sort = (filters["sort"] or "").removeprefix("-")
    requested = {it.column for it in DECLARED if it.column and filters.get(it.argument)}
    requested |= {sort} if sort else set()
    own = own_prices(prices)
    return View(frozenset(requested), tuple(names), output == "wide", prices=own)


def _of_totals(view: View, output: str) -> View:
    """Raises BadArgument for a format that only has rows."""
    from truffle.query import BadArgument

    if output in ("csv", "terraform"):
        allowed = "Totals are text, JSON or YAML: use -o table, json or yaml."
        raise BadArgument("output", output, allowed)
    return replace(view, is_summary=True)


def _priced(view: View, client: Any, answer: Any, output: str) -> tuple[View, list[str]]:
    """Add the known prices to the view if costs are shown, and the reason if there are none."""
    from truffle.core.idle import unused
    from truffle.prices import read_prices

    has_costs = output in _TABLES or view.is_summary
    if not has_costs or not any(map(unused, answer.matches)):
        return view, []
    known, problems = read_prices(client, view.prices)
    return replace(view, prices=known), problems


def _show(output: str, answer: Any, types: Sequence[str], view: View) -> None:
    from truffle.cli.output import (
        put,
        put_data,
        put_reservations,
        put_text,
        style_of_stdout,
    )

    if output in _TABLES:
        from truffle.render.capacity import Shown, render, render_summary

        draw = render_summary if view.is_summary else render
        put(draw(Shown(answer.rows, answer.matches, view), types, style_of_stdout()))
    elif view.is_summary:
        from truffle.core.summary import summarize

        put_data(output, summarize(answer.matches, view.prices).to_json())
    elif output == "terraform":
        from truffle.render.terraform import to_terraform

        put_text(to_terraform(answer.rows))
    elif output == "json":
        put_reservations(answer.rows)
    else:
        from truffle.core.codec import encode
        from truffle.render.data import field_names

        names = view.chosen or field_names(types)
        put_data(output, [encode(row) for row in answer.rows], names)


def _show_why_empty(filters: dict[str, Any], query: Any) -> None:
    """Name filters that may have excluded rows unintentionally."""
    from truffle.cli.output import note
    from truffle.core.kinds.registry import DEFAULT_TYPE

    is_default = filters["active_only"] is None
    if is_default and DEFAULT_TYPE in query.filter.types & query.filter.active_only:
        note("Note: only active ODCRs were looked for; --no-active-only lists all of them.")
