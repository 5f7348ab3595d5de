"""The output of ``truffle offerings`` for the watches of the deployed stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from truffle import clock
from truffle.cli.output import note, put, put_data, show_times, style_of_stdout
from truffle.cli.running import FAILED, OK, PARTIAL
from truffle.render.market import (
    OUTCOMES,
    cell_names,
    find_names,
    flat,
    point_names,
    render_finds,
    render_history,
    render_matrix,
)
from truffle.render.words import ago

if TYPE_CHECKING:
    from truffle.client import Truffle
    from truffle.core.codec import Json
    from truffle.core.market.matrix import Cell
    from truffle.render.style import Style
    from truffle.sources.market import Finds

SORTS = {"price": "upfront_fee", "hourly": "price_per_gpu_hour", "start": "start_date"}
"""The fields of --sort."""


def show_finds(client: Truffle, output: str, chosen: dict[str, Any], *, is_matrix: bool) -> int:
    """Show the offerings or the matrix; return the exit status."""
    show_times({name: chosen[name] for name in ("since", "until")}, ahead=False)
    show_times({"start_after": chosen["start_after"]})
    sort = chosen.pop("sort")
    regions = chosen.pop("regions") or None
    found = client.offerings(**chosen, regions=regions, sort=sort and SORTS[sort], source="api")
    if is_matrix:
        put_matrix(found.matrix(), output)
    elif output in ("table", "wide"):
        if found:
            put(render_finds(found, _style(output), clock.now()))
        elif len(found.failures) < len(found.standings) or not found.standings:
            put("No offerings found")
    else:
        _put_items(output, [find.to_json() for find in found], find_names())
    if not found.standings:
        note("Note: no watch searches for this: docs/alerts.md describes watches.")
    return _show_unknown(found)


def _show_unknown(found: Finds) -> int:
    """Show the watches whose last request failed; return the exit status."""
    unknown = [it for it in found.standings if not it.outcome.is_known]
    for it in unknown:
        why = f"{OUTCOMES[it.outcome]}{f' ({it.code})' if it.code else ''}"
        seen = f"; known {ago((clock.now() - it.known_at).total_seconds())}" if it.known_at else ""
        note(f"Warning: {it.watch} in {it.region}: {why}{seen}")
    if unknown and not any(it.known_at for it in found.standings):
        note("Error: no region has answered.")
        return FAILED
    return PARTIAL if unknown else OK


def show_history(client: Truffle, output: str, chosen: dict[str, Any]) -> int:
    """Show the price and the lead time over time; return the exit status."""
    from truffle.arguments import check_of_a_watch
    from truffle.core.market.history import stretches

    names = ("instance_type", "regions", "watches", "since", "until", "sort")
    check_of_a_watch(**{name: value for name, value in chosen.items() if name not in names})
    show_times({name: chosen[name] for name in ("since", "until")}, ahead=False)
    points = client.offering_history(
        chosen["instance_type"],
        chosen["regions"] or None,
        chosen["watches"],
        chosen["since"],
        chosen["until"],
    )
    if output in ("table", "wide"):
        found = list(stretches(points))
        put(render_history(found, _style(output)) if found else "No answers in this period")
    else:
        _put_items(output, [it.to_json() for it in points], point_names())
    return 0


def put_matrix(matrix: Sequence[Cell], output: str) -> None:
    """Print the matrix as a table, or as a list of its cells."""
    now = clock.now()
    if output in ("table", "wide"):
        put(render_matrix(matrix, _style(output), now) if matrix else "No offerings found")
        return
    put_data(output, [cell.to_json(now) for cell in matrix], cell_names())


def _put_items(output: str, items: list[Json], names: list[str]) -> None:
    put_data(output, [flat(it) for it in items] if output == "csv" else items, names)


def _style(output: str) -> Style:
    style = style_of_stdout()
    return replace(style, width=None) if output == "wide" else style
