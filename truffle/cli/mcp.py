"""``truffle mcp``: the tools of truffle for language models."""

from __future__ import annotations

import click

from truffle.cli.options import Common, common


@click.command("mcp")
@common()
def command(common: Common) -> int:
    """Serve truffle's tools to a language model (MCP, stdio).

    A read-only Model Context Protocol server on stdin and stdout, with the tools capacity,
    reservation, offerings, validate, and with a deployed stack usage, events and status. Needs the
    extra truffle[mcp]; docs/agents.md shows how to add it to a client.
    """
    from truffle.extras import extra

    with extra("mcp"):
        from truffle.agents import server_of

    server_of(common.client()).run("stdio")
    return 0
