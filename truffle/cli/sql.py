"""``truffle sql``: the history of capacity, queried with SQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from truffle.cli.options import Common, Sources, common, output_option
from truffle.extras import extra

if TYPE_CHECKING:
    from datetime import date

    from truffle.sql.answer import SqlResult

FORMATS = ("table", "json", "csv")
FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("sql")
@click.argument("query", required=False)
@click.option("--local", "local", type=FOLDER, metavar="FOLDER", help="Query a copy of the bucket.")
@click.option("--copy", "copy", type=FOLDER, metavar="FOLDER", help="Copy the bucket's tables.")
@click.option("--since", metavar="DAY", help="With --copy: only from this day on.")
@click.option(
    "--stack",
    default="truffle",
    envvar="TRUFFLE_STACK",
    show_default=True,
    help="The name of the stack.",
)
@click.option(
    "--bucket", envvar="TRUFFLE_BUCKET", help="With --copy: the bucket. [default: the stack's]"
)
@output_option(FORMATS)
@common(Sources.OTHER)
def command(
    common: Common,
    query: str | None,
    local: Path | None,
    copy: Path | None,
    since: str | None,
    stack: str,
    bucket: str | None,
    output: str,
) -> int:
    """Query the history of your capacity with SQL.

    The tables are snapshots, listings, spans, usage, events, runs and offerings: docs/sql.md
    describes them, with example queries. Without --local, the query runs on Athena, in the stack's
    workgroup.

    \b
    truffle sql "SELECT instance_type, sum(total_capacity) AS held FROM spans
                 WHERE valid_to IS NULL GROUP BY instance_type"
    truffle sql --copy history
    truffle sql --local history "SELECT * FROM events ORDER BY observed_at DESC LIMIT 20"
    """
    _check(query, local, copy, since)
    if copy is not None:
        return _copy(common, copy, _day(since), bucket, stack)
    assert query is not None
    _put(_ask_folder(local, query) if local else _ask_athena(common, query, stack), output)
    return 0


def _check(query: str | None, local: Path | None, copy: Path | None, since: str | None) -> None:
    """Raises UsageError for mutually exclusive flags."""
    context = click.get_current_context()
    if copy is not None and (query is not None or local is not None):
        raise click.UsageError("--copy takes no query: query the copy with --local.", context)
    if copy is None and since is not None:
        raise click.UsageError("--since requires --copy.", context)
    if copy is None and query is None:
        raise click.UsageError("Missing argument 'QUERY'.", context)


def _day(since: str | None) -> date | None:
    from truffle import clock
    from truffle.cli.output import show_times
    from truffle.core.times import parse_when

    if since is None:
        return None
    try:
        day = parse_when(since, clock.now(), ahead=False).start.date()
    except ValueError as error:
        raise click.BadParameter(f"{since!r} {error}", param_hint="--since") from None
    show_times({"since": since}, ahead=False)
    return day


def _copy(common: Common, folder: Path, since: date | None, bucket: str | None, stack: str) -> int:
    from truffle.cli.output import note
    from truffle.core.wording import counted
    from truffle.ec2.sessions import client_of
    from truffle.sql.copying import Copy

    session = _session(common)
    name = bucket or _bucket(session, stack)
    result = Copy(client_of(session, "s3"), name, folder, since).run()
    note(
        f"Copied {counted(result.copied, 'object')} ({result.bytes / 1e6:.1f} MB) of {name} to "
        f"{folder}; {result.kept} already there."
    )
    return 0


def _ask_folder(folder: Path, query: str) -> SqlResult:
    with extra("sql"):
        from truffle.sql.local import ask_folder

        return ask_folder(folder, query)


def _ask_athena(common: Common, query: str, stack: str) -> SqlResult:
    from truffle.ec2.sessions import client_of
    from truffle.sql.athena import Athena

    athena = Athena.of_stack(client_of(_session(common), "athena"), stack)
    return athena.ask(query, common.timeout)


def _session(common: Common) -> Any:
    from truffle.credentials import sign_in
    from truffle.ec2.sessions import open_session

    session = open_session(common.profile)
    sign_in(session)
    return session


def _bucket(session: Any, stack: str) -> str:
    """The bucket of a stack. Raises TruffleError."""
    from truffle.ec2.sessions import client_of
    from truffle.errors import TruffleError

    stacks = client_of(session, "cloudformation").describe_stacks(StackName=stack)["Stacks"]
    outputs = {it["OutputKey"]: it["OutputValue"] for it in stacks[0].get("Outputs", [])}
    if "BucketName" not in outputs:
        raise TruffleError(f"The stack {stack} has no output BucketName: give --bucket.")
    return str(outputs["BucketName"])


def _put(answer: SqlResult, output: str) -> None:
    from truffle.cli.output import put, put_data, style_of_stdout
    from truffle.render.sql import render_answer

    if output == "table":
        put(render_answer(answer.columns, answer.rows, style_of_stdout()))
    else:
        put_data(output, answer.objects(), answer.columns)
