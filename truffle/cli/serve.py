"""``truffle serve``: the report on this machine, refreshed while open."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from truffle.cli.gathering import gathering_options
from truffle.cli.options import Common, Seconds, accounts_option, common, regions_option

if TYPE_CHECKING:
    from truffle.overview import OverviewRequest
    from truffle.report.inputs import Inputs

PORT = 8420


@click.command("serve")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="The port on 127.0.0.1; 0 picks a free one.",
)
@click.option(
    "--refresh",
    type=Seconds(5),
    default=300,
    show_default=True,
    help="Seconds between two refreshes of the page.",
)
@click.option("--demo", is_flag=True, help="Serve sample data; needs no AWS account.")
@click.option("--open", "is_opened", is_flag=True, help="Open it in the browser.")
@gathering_options()
@regions_option()
@accounts_option()
@common()
def command(
    common: Common,
    port: int,
    refresh: float,
    demo: bool,
    is_opened: bool,
    since: str | None,
    until: str | None,
    prices: str | None,
    team_tag: str,
    regions: tuple[str, ...],
    accounts: tuple[str, ...],
) -> int:
    """Serve the report on this machine, and keep it fresh.

    Serves the page of `truffle report` at http://127.0.0.1:8420/, which no other machine can reach.
    While it is open, it refreshes every 5 minutes; if that fails, it keeps the last data and says
    so. Ctrl-C stops the server.

    \b
    truffle serve --demo --open

    Exit status: 1 if nothing could be listed at the start or the port is in use, 2 bad usage.
    """
    from truffle.cli.gathering import wanted
    from truffle.cli.output import put
    from truffle.errors import TruffleError
    from truffle.serving import LOOPBACK, open_server

    request = wanted(regions, since, until, prices, team_tag, accounts)
    source = _Demo() if demo else _Source(common, request)
    try:
        server = open_server(port, source, timedelta(seconds=refresh))
    except OSError as error:
        cause = f"Port {port} of {LOOPBACK} cannot be used: {error.strerror}."
        raise TruffleError(f"{cause} Choose another port with --port.") from error
    source.begin()
    url = f"http://{LOOPBACK}:{server.server_address[1]}/"
    put(f"Serving {url} until Ctrl-C.")
    if is_opened:
        import webbrowser

        webbrowser.open(url)
    server.serve_forever()
    return 0


class _Demo:
    """The sample organization, as of now."""

    def begin(self) -> None:
        """Sample data needs no requests."""

    def __call__(self) -> Inputs:
        from truffle import clock
        from truffle.report.demo import demo

        return demo(clock.now())


class _Source:
    """The source chosen by the options. It signs in again each time, because credentials expire."""

    def __init__(self, common: Common, wanted: OverviewRequest) -> None:
        self._common = common
        self._wanted = wanted
        self._first: Inputs | None = None

    def begin(self) -> None:
        """Gather the first page while errors can still be shown in the terminal.

        Raises TruffleError.
        """
        from truffle.cli.gathering import gathered

        self._first, _ = gathered(self._common, self._wanted)

    def __call__(self) -> Inputs:
        from truffle.overview import gather

        first, self._first = self._first, None
        if first is not None:
            return first
        inputs, _ = gather(self._common.client(), self._wanted)
        return inputs
