"""``truffle calendar``: the capacity blocks as an iCalendar."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from truffle import clock
from truffle.cli.files import file_option
from truffle.cli.options import Common, accounts_option, common, regions_option
from truffle.errors import TruffleError

REMEMBERED = timedelta(days=60)
"""How far back the stack's events are read: earlier changes have reached every calendar."""


@click.command("calendar")
@file_option("stdout")
@regions_option()
@accounts_option()
@common()
def command(
    common: Common, output: str | None, regions: tuple[str, ...], accounts: tuple[str, ...]
) -> int:
    """Write the capacity blocks as a calendar (iCalendar).

    It has an event for each block, for its effective end, and for its extension deadline, with
    reminders a day and an hour before. Needs the extra truffle[calendar].

    An existing file is updated: changed events get a higher SEQUENCE, and blocks that are gone are
    cancelled.

    \b
    truffle calendar -o blocks.ics

    Exit status: 0 all regions responded, 3 some failed, 1 all failed or the request failed, 2 bad
    usage.
    """
    from truffle.cli.files import chosen_file, replace_file
    from truffle.cli.gathering import gathered
    from truffle.cli.output import note, put_text, show_failures, show_warnings
    from truffle.extras import extra
    from truffle.overview import OverviewRequest

    with extra("calendar"):
        from truffle.feeds.calendar import Memory, calendar, last_changes
    from truffle.report.model import spans_of

    path = chosen_file(output)
    previous = _previous(path)
    since = clock.now() - REMEMBERED
    wanted = OverviewRequest(regions=regions, since=since, accounts=accounts)
    inputs, inventory = gathered(common, wanted)
    is_complete = not (inventory.failures or regions or accounts)
    memory = Memory(last_changes(inputs.events), previous=previous, is_complete=is_complete)
    missing = sorted({f"{scope.region} ({scope.code})" for scope in inputs.failed})
    try:
        text = calendar(spans_of(inputs), inputs.now, memory, missing)
    except ValueError as error:
        raise _refused(path, error) from error
    if path is None:
        put_text(text.decode().removesuffix("\n"))
    else:
        replace_file(path, text)
        note(f"Wrote {path}.")
    show_warnings(inputs.warnings)
    return show_failures(inventory.failures, inventory.scopes, clock.now())


def _previous(path: Path | None) -> bytes | None:
    """The calendar to replace. Raises BadArgument for another kind of file."""
    if path is None or not path.exists():
        return None
    content = path.read_bytes()
    if b"PRODID:-//truffle//" not in content:
        raise _refused(path)
    return content


def _refused(path: Path | None, error: ValueError | None = None) -> TruffleError:
    from truffle.query import BadArgument

    cause = f" It cannot be read: {error}." if error else ""
    allowed = f"It must be a new file, or a calendar that truffle wrote.{cause}"
    return BadArgument("output", str(path or ""), allowed)
