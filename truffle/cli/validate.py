"""``truffle validate``: check whether a training run has capacity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from truffle import clock
from truffle.cli.options import INSTANCE_TYPE, Common, common, output_option, regions_option

if TYPE_CHECKING:
    from truffle.client import Truffle
    from truffle.core.candidates import TrainingRequest
    from truffle.core.market.known import KnownMarket
    from truffle.core.offerings import Offering
    from truffle.core.validation import Validation

FORMATS = ("table", "json", "yaml")


@click.command("validate")
@click.option("--instance-type", required=True, type=INSTANCE_TYPE, help="The type to train on.")
@click.option("--count", required=True, metavar="N", help="How many instances.")
@click.option("--days", required=True, metavar="DAYS", help="How long the run takes, in days.")
@click.option(
    "--start-by",
    metavar="TIME",
    help="The latest start, such as 2026-12-01, tomorrow or 36h; a day means its whole day. "
    "[default: any start]",
)
@click.option(
    "--offerings",
    is_flag=True,
    help="Also search for a block to buy: from a stack, among what its watches found.",
)
@regions_option()
@output_option(FORMATS)
@common()
def command(
    common: Common,
    instance_type: str,
    count: str,
    days: str,
    start_by: str | None,
    offerings: bool,
    regions: tuple[str, ...],
    output: str,
) -> int:
    """Check whether a training run has capacity.

    Checks capacity blocks first, then ODCRs: enough instances, enough hours before AWS starts to
    terminate them, a start in time. One reservation must hold the whole run; several blocks in one
    zone are listed, but never added up. Shows the network of the run, and why each near miss fails.

    \b
    truffle validate --instance-type p5.48xlarge --count 32 --days 7
    truffle validate --instance-type p5.48xlarge --count 8 --days 2 --start-by 2026-12-01 -o json

    Exit status: 0 the run has capacity, 4 it has none, 3 none was found, but some regions failed
    (other than denied or disabled ones) or an unknown value of a reservation could change the
    result, 1 all failed or the request failed, 2 bad usage.
    """
    from truffle.arguments import training_request
    from truffle.cli.output import (
        progress,
        show_age,
        show_closed,
        show_failures,
        show_times,
        show_warnings,
    )
    from truffle.cli.running import FAILED, NO_CAPACITY, OK, PARTIAL
    from truffle.completeness import unanswered, unknown_regions
    from truffle.core.validation import validate
    from truffle.query import run_query

    request = training_request(instance_type, count, days, start_by)
    query = run_query(instance_type, regions or None)
    show_times({"start_by": start_by})
    client = common.client(query.regions)
    with progress("Querying", query.regions, common.is_verbose) as tick:
        inventory = client.inventory(query, tick)
    unknown = unknown_regions(inventory)
    validation = validate(inventory.reservations, request, clock.now(), unknown)
    validation, unplaced = client.placed(validation)
    known = _known(client, request, regions) if offerings and common.is_api else None
    for_sale = _for_sale(client, request, regions) if offerings and not known else None
    _show(output, validation, for_sale, known)
    if common.is_api and output == "table":
        show_age(inventory.observed_at)
    show_warnings([*query.warnings, *inventory.warnings])
    if unplaced is not None:
        show_warnings([f"The network nodes of these reservations are unknown: {unplaced}"])
    show_closed(inventory.closed)
    status = show_failures(inventory.failures, inventory.scopes, clock.now())
    if validation.ok:
        return OK
    if status == FAILED:
        return FAILED
    return PARTIAL if unanswered(inventory) or validation.undecided else NO_CAPACITY


def _known(client: Truffle, request: TrainingRequest, regions: tuple[str, ...]) -> KnownMarket:
    """The blocks known to the stack's watches that fit the run."""
    from truffle.core.market.known import Needed, known_of

    found = client.offerings(source="api", regions=regions or None)
    needed = Needed(request.instance_type, request.count, request.hours, request.start_by)
    return known_of(found.market, needed, clock.now())


def _for_sale(
    client: Truffle, request: TrainingRequest, regions: tuple[str, ...]
) -> list[Offering]:
    """Blocks for sale that fit the run, by price."""
    from truffle.arguments import wanted_block
    from truffle.cli.output import note, show_closed, show_failures
    from truffle.core.offerings import MAX_COUNT, MAX_DAYS

    if request.count > MAX_COUNT or request.hours > MAX_DAYS * 24:
        note(f"Note: no single block holds {request}: at most 64 instances and 182 days.")
        return []
    wanted = wanted_block(request.instance_type, request.count, None, request.hours, None, None)
    market = client.market(wanted, regions or None)
    show_closed(market.closed)
    show_failures(market.failures, len(market.regions), clock.now())
    return [
        offering
        for offering in market.offerings("price")
        if request.start_by is None
        or (offering.start_date is not None and offering.start_date <= request.start_by)
    ]


def _show(
    output: str, validation: Validation, for_sale: list[Offering] | None, known: KnownMarket | None
) -> None:
    from truffle.cli.output import put, put_data, style_of_stdout

    if output == "table":
        from truffle.render.market import render_known
        from truffle.render.validation import render

        style = style_of_stdout()
        put(render(validation, for_sale, style))
        if known is not None:
            put("\n".join(["", *render_known(known, style, clock.now())]))
        return
    answer: dict[str, Any] = validation.to_json()
    if for_sale is not None:
        answer["offerings"] = [offering.to_json() for offering in for_sale]
    if known is not None:
        answer["market"] = known.to_json()
    put_data(output, answer)
