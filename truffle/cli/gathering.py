"""The options of the commands that show all held capacity, and the gathering of its data."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from truffle.cli.options import Common
from truffle.core.tag_text import TEAM_TAG

if TYPE_CHECKING:
    from truffle.core.pricing import PriceBook
    from truffle.overview import OverviewRequest
    from truffle.report.inputs import Inputs
    from truffle.sources.listing import Listing

Command = TypeVar("Command", bound=Callable[..., Any])


def gathering_options() -> Callable[[Command], Command]:
    """The period of the timeline, prices, and the tag that names a team."""

    def add(command: Command) -> Command:
        for option in reversed(_OPTIONS):
            command = option(command)
        return command

    return add


_OPTIONS = (
    click.option(
        "--since", metavar="TIME", help="The start of the timeline and events. [default: 30d ago]"
    ),
    click.option(
        "--until", metavar="TIME", help="The end of the timeline. [default: the latest end]"
    ),
    click.option(
        "--prices",
        metavar="FILE",
        help="An alerts.yaml with prices, for the cost of idle capacity.",
    ),
    click.option(
        "--team-tag",
        metavar="KEY",
        default=TEAM_TAG,
        show_default=True,
        help="The tag that names the team of a reservation.",
    ),
)


def wanted(
    regions: tuple[str, ...],
    since: str | None = None,
    until: str | None = None,
    prices: str | None = None,
    team_tag: str = TEAM_TAG,
    accounts: tuple[str, ...] = (),
) -> OverviewRequest:
    """The checked options. Raises BadArgument."""
    from truffle.arguments import moment
    from truffle.cli.output import show_times
    from truffle.overview import OverviewRequest
    from truffle.query import BadArgument

    start = moment("since", since, ahead=False)
    end = moment("until", until, is_end=True)
    if start and end and end <= start:
        raise BadArgument("until", until or "", "It must be after --since.")
    show_times({"since": since}, ahead=False)
    show_times({"until": until})
    return OverviewRequest(
        regions=regions,
        accounts=accounts,
        since=start,
        until=end,
        prices=own_prices(prices),
        team_tag=team_tag,
    )


def own_prices(path: str | None) -> PriceBook:
    """The prices of an alerts file. Raises BadArgument for one that is unreadable or invalid."""
    from truffle.core.pricing import NO_PRICES, PriceBook

    if path is None:
        return NO_PRICES
    from pathlib import Path

    from truffle.alerts.settings import SettingsError
    from truffle.alerts.yaml_file import read_alerts
    from truffle.query import BadArgument

    try:
        return PriceBook(read_alerts(Path(path)).thresholds.prices)
    except SettingsError as error:
        allowed = f"{error.problems[0].rstrip('.')}. `truffle alerts check` names all problems."
        raise BadArgument("prices", path, allowed) from None
    except OSError as error:
        raise BadArgument("prices", path, f"It cannot be read: {error.strerror}.") from None


def gathered(common: Common, wanted: OverviewRequest) -> tuple[Inputs, Listing]:
    """The content of the source, with a progress bar while regions respond. Raises TruffleError."""
    from truffle.cli.output import progress
    from truffle.overview import gather
    from truffle.query import list_query

    regions = list_query(regions=wanted.regions).regions
    client = common.client(regions)
    with progress("Querying", regions, common.is_verbose) as tick:
        return gather(client, wanted, tick)
